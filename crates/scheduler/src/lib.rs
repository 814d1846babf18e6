#![doc = include_str!("../README.md")]

mod assignment;
mod attempt;
mod backfill_plan;
mod caching;
mod deadline;
mod deliver;
mod housekeeping;
mod leader;
mod rehearsal;
mod scheduler;
mod scheduler_source;
mod tidying;
mod worker;

pub use backfill_plan::{
    BackfillPlan, BackfillRequest, MOST_INTERVALS, PlannedInterval, TooManyIntervals,
    intervals_between,
};
pub use deadline::{judge, remaining};
pub use deliver::{DeliveryError, LogSink, Sink, Sinks, WebhookSink, deliver_due};
pub use housekeeping::{Garbage, Housekeeping, HousekeepingError, Tidied};
pub use leader::{Leader, LeaderOptions};
pub use rehearsal::{Prediction, Props, Rehearsal, rehearse};
pub use scheduler::{Round, Scheduler, SchedulerOptions};
pub use scheduler_source::{DagSource, Repository, SourceError};
pub use worker::{Program, Shutdown, Timing, Wake, Worker, WorkerError, WorkerOptions};
