//! The command line: nouns, then verbs.

mod tables;

use std::path::PathBuf;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use rustix::process::{Signal, set_parent_process_death_signal};
use tidemill_dag::ids::set_clock_ahead;
use tidemill_dag::names::PoolName;
use tidemill_dag::time::Lapse;
use tidemill_store::{BackfillOrder, Reprocess};

use crate::exit::Exit;
pub(crate) use tables::{AnswerFormat, DatasetCommand, SqlArguments};

/// Runs workflows that ingest, validate, featurize, train, score and watch time series, as engineers commit them.
#[derive(Debug, Parser)]
#[command(name = "tidemill", version, propagate_version = true, after_help = Exit::TABLE)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// The folder of all that runs embedded [default: .tidemill].
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The folder of the DAG files [default: dags].
    #[arg(long, global = true, value_name = "DIR")]
    pub dags: Option<PathBuf>,
    /// The configuration file [default: tidemill.yaml, where it exists].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How data is printed on standard output.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Logs more: -v for what happens, -vv for details, -vvv for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Prints data and errors only.
    #[arg(long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// What a drill asks of the processes that it starts.
    #[command(flatten)]
    pub drilled: Drilled,
}

/// What a drill asks of the processes that it starts.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Drilled {
    /// Is killed when the process that started it ends, so that nothing outlives a drill.
    #[arg(long, global = true, hide = true)]
    pub tethered: bool,
    /// Sets the clock of this process ahead of the machine's.
    #[arg(long, global = true, hide = true, value_name = "TIME")]
    pub clock_ahead: Option<Lapse>,
}

impl Drilled {
    /// Takes effect on this process.
    pub(crate) fn take_effect(self) -> anyhow::Result<()> {
        if self.tethered {
            set_parent_process_death_signal(Some(Signal::KILL))
                .context("ask to be killed with the process that started this one")?;
        }
        if let Some(ahead) = self.clock_ahead {
            set_clock_ahead(ahead.0);
        }
        Ok(())
    }
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for people.
    Table,
    /// JSON for programs.
    Json,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check, show and plan the workflows of the repository.
    #[command(subcommand)]
    Dag(DagCommand),
    /// Start runs and see what became of them.
    #[command(subcommand)]
    Run(RunCommand),
    /// Run many intervals, again or at all, beside what is scheduled.
    #[command(subcommand)]
    Backfill(BackfillCommand),
    /// See what was landed: data sets, their versions, and how these differ.
    #[command(subcommand)]
    Dataset(DatasetCommand),
    /// Ask data sets by name, in SQL; nothing can be changed.
    Sql(SqlArguments),
    /// Look after the database.
    #[command(subcommand)]
    Db(DbCommand),
    /// See what is configured, and where each value comes from.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Run tasks here, with any number of workers on any number of machines, until told to stop.
    Work(WorkArguments),
    /// Make runs of schedules and backfills, until told to stop; of several schedulers one leads.
    Scheduler {
        /// What people know the scheduler by [default: scheduler-PID].
        #[arg(long)]
        name: Option<String>,
        /// The leases that workers have: the shorter, the sooner another scheduler takes a dead one's place.
        #[arg(long, value_name = "TIME", default_value = "60s")]
        lease: Lapse,
    },
    /// Run everything here, in one process tree, until told to stop.
    Up(WorkArguments),
    /// Run one attempt, which a worker sends on standard input.
    #[command(hide = true)]
    Attempt,
    /// Do harm to processes of its own, and see whether runs lose or double anything: kills, restarts, a full disk.
    Drill(DrillArguments),
    /// Run a small workflow from start to end on embedded defaults.
    Demo,
    /// Print the completions of a shell, to be sourced by it.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What can be done with workflows.
#[derive(Debug, Subcommand)]
pub(crate) enum DagCommand {
    /// Tell every mistake in DAG files, with its place and what to do about it.
    Check {
        /// Files or folders; without any, the folder of the DAG files.
        paths: Vec<PathBuf>,
    },
    /// List the workflows, or show the graph of one.
    Show {
        /// The workflow; without it, all are listed.
        name: Option<String>,
        /// How the graph is drawn.
        #[arg(long = "as", value_enum, default_value_t = Drawing::Text, value_name = "DRAWING")]
        drawing: Drawing,
    },
    /// Show when a workflow runs next, over which intervals, in which order its tasks run, and which would be cached.
    Plan {
        /// The workflow.
        name: String,
        /// The instant to look ahead from [default: now].
        #[arg(long, value_name = "TIME")]
        at: Option<DateTime<Utc>>,
        /// How many runs to show.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
        runs: u16,
        /// An instant or a day inside the interval to say of each task why it would run [default: the last whole interval].
        #[arg(long, value_name = "TIME")]
        interval: Option<String>,
        /// A parameter of that run, as NAME=VALUE; the value is read as YAML.
        #[arg(long = "param", value_name = "NAME=VALUE")]
        params: Vec<String>,
    },
    /// Hold the schedule of a workflow: its ticks wait, what runs goes on.
    Pause {
        /// The workflow.
        name: String,
    },
    /// Let the schedule of a workflow go on; of what it missed runs what its `missed` says.
    Unpause {
        /// The workflow.
        name: String,
    },
    /// Print the JSON Schema of DAG files with the parameters of all kinds, for editors.
    Schema {
        /// What the schema is of.
        #[arg(value_enum, default_value_t = SchemaOf::Dag)]
        of: SchemaOf,
    },
}

/// What a schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// DAG files.
    Dag,
    /// The configuration file.
    Config,
    /// Files with checks, as the kind `validate` takes them.
    Checks,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawing {
    /// A table of tasks in the order in which they can run.
    Text,
    /// A Mermaid flow chart, for Markdown.
    Mermaid,
    /// Graphviz.
    Dot,
    /// Nodes and edges.
    Json,
}

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Start a run of a workflow, over one interval.
    Start {
        /// The workflow.
        name: String,
        /// An instant or a day inside the interval [default: the last whole interval].
        #[arg(long, value_name = "TIME")]
        interval: Option<String>,
        /// A parameter, as NAME=VALUE; the value is read as YAML.
        #[arg(long = "param", value_name = "NAME=VALUE")]
        params: Vec<String>,
        /// Runs every task, also where an earlier result could stand in.
        #[arg(long)]
        no_cache: bool,
        /// Carries the run out here and waits for its end; exits 30 when it failed.
        #[arg(long)]
        wait: bool,
    },
    /// List runs, the latest first.
    List {
        /// Only those of this workflow.
        #[arg(long, value_name = "NAME")]
        dag: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// Carry tasks of an earlier run out again, as a run of its own that keeps the rest.
    Rerun(RerunArguments),
    /// Show one run with its tasks.
    Show {
        /// The run's id, or enough of its beginning; `latest` for the last one started.
        id: String,
        /// Says of each task why an earlier result stood in for it or not.
        #[arg(long)]
        explain: bool,
    },
    /// Print what tasks printed, while they run and afterwards.
    Logs {
        /// The run's id, or enough of its beginning; `latest` for the last one started.
        id: String,
        /// Only this task.
        task: Option<String>,
        /// Goes on until the run is over.
        #[arg(long)]
        follow: bool,
    },
    /// Stop a run, or a task with all that it asked for.
    Cancel {
        /// The run's id, or enough of its beginning; `latest` for the last one started.
        id: String,
        /// Only this task.
        task: Option<String>,
    },
}

/// What a worker takes, and how it stops.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorkArguments {
    /// A pool to take tasks from; several are given one by one [default: all that are configured].
    #[arg(long = "pool", value_name = "POOL")]
    pub pools: Vec<PoolName>,
    /// How many slots this worker has [default: as many as its pools].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub slots: Option<u32>,
    /// How long tasks may go on after the first SIGTERM; then they are given back. A second one ends them at once.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub grace: Lapse,
    /// What people know the worker by [default: worker-PID].
    #[arg(long)]
    pub name: Option<String>,
    /// How long others wait for a worker that is not heard of before they take over what it held.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub lease: Lapse,
}

/// Which faults to rehearse, and how.
#[derive(Debug, Args)]
#[command(after_help = DRILL)]
pub(crate) struct DrillArguments {
    /// Only these faults.
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Lists the faults, and does nothing.
    #[arg(long)]
    pub list: bool,
    /// Removes what killed drills have left, and does nothing else.
    #[arg(long, conflicts_with = "list")]
    pub clean: bool,
    /// Decides whom the faults hit, and when: the same seed hits about the same [default: another each time].
    #[arg(long)]
    pub seed: Option<u64>,
    /// The lease of the drill's workers; ten of them are the longest wait.
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub lease: Lapse,
}

/// What a drill does, and what its words mean.
const DRILL: &str = "Each fault gets runs of a built-in workflow, in a schema of its own in the configured database,
with its own schedulers, workers and artefacts. A drill touches nothing else, and removes all
of it. Two faults are tried at a time.

  lost      tasks that did not succeed, were never made, or whose result cannot be read
  doubled   tasks with two accepted results, with an artefact of an attempt that had lost its
            claim, that were worked on without a claim, or by an attempt after a later one had
            begun: a witness hears each of them work
  recovery  from the fault (from its end, where it lasts) until all tasks that it hit have
            ended well or run again; those that never stopped working count nothing
  bound     a lease, and the grace until a scheduler leads, takes leases back, and pauses end

It exits 31 when something was lost, doubled or late, or when a fault could not be tried.";

/// Which tasks of which run to carry out again, and how.
#[derive(Debug, Args)]
pub(crate) struct RerunArguments {
    /// The earlier run's id, or enough of its beginning; `latest` for the last one started.
    pub run: String,
    /// Those that failed or were cancelled, with all that waits for them.
    #[arg(long, group = "selection")]
    pub failed: bool,
    /// These, with all that waits for them.
    #[arg(long, group = "selection", value_name = "TASK", value_delimiter = ',')]
    pub from: Option<Vec<String>>,
    /// These alone; members of mapped tasks as `score[3]`.
    #[arg(long, group = "selection", value_name = "TASK", value_delimiter = ',')]
    pub only: Option<Vec<String>>,
    /// Which version of the workflow to run by.
    #[command(flatten)]
    pub version: VersionArguments,
    /// Whether earlier results may stand in; never for tasks that are named.
    #[command(flatten)]
    pub cache: CacheArguments,
    /// Shows what would run and why, and starts nothing.
    #[arg(long)]
    pub plan: bool,
    /// Carries the run out here and waits for its end; exits 30 when it failed.
    #[arg(long)]
    pub wait: bool,
}

/// What can be done with backfills.
#[derive(Debug, Subcommand)]
pub(crate) enum BackfillCommand {
    /// Run all intervals of a range, as many at once as the limit says.
    Start(BackfillArguments),
    /// List backfills, the latest first.
    List {
        /// Only those of this workflow.
        #[arg(long, value_name = "NAME")]
        dag: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// Show one backfill with its intervals, and why each runs or not.
    Show {
        /// The backfill's id, or enough of its beginning.
        id: String,
    },
    /// Open no more runs of a backfill; those that are open go on.
    Pause {
        /// The backfill's id, or enough of its beginning.
        id: String,
    },
    /// Let a backfill go on.
    Resume {
        /// The backfill's id, or enough of its beginning.
        id: String,
    },
    /// Stop a backfill with all its open runs.
    Cancel {
        /// The backfill's id, or enough of its beginning.
        id: String,
    },
}

/// Which intervals of which workflow to run, and how.
#[derive(Debug, Args)]
pub(crate) struct BackfillArguments {
    /// The workflow.
    pub name: String,
    /// The first day, or instant, at which an interval may begin.
    #[arg(long, value_name = "TIME")]
    pub from: String,
    /// The last day at which an interval may begin, or the instant before which it must.
    #[arg(long, value_name = "TIME")]
    pub to: String,
    /// Which intervals run.
    #[arg(long, value_enum, default_value_t = ReprocessChoice::Missing, value_name = "POLICY")]
    pub reprocess: ReprocessChoice,
    /// How many of its runs are open at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// The order in which runs open.
    #[arg(long, value_enum, default_value_t = OrderChoice::Asc)]
    pub order: OrderChoice,
    /// Puts it before other backfills; all of them come after what is scheduled.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=900))]
    pub weight: u32,
    /// A parameter of the runs, as NAME=VALUE; the value is read as YAML.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// Whether earlier results may stand in.
    #[command(flatten)]
    pub cache: CacheArguments,
    /// Shows each interval, why it runs or not, and how long that takes; starts nothing.
    #[arg(long)]
    pub plan: bool,
}

/// Which intervals a backfill runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReprocessChoice {
    /// Those that never ran, or whose last run was cancelled.
    Missing,
    /// Those, and those whose last run failed.
    Failed,
    /// All but those with an open run.
    All,
    /// Those that are missing, and those whose last run had another content of the workflow.
    Stale,
}

impl From<ReprocessChoice> for Reprocess {
    fn from(choice: ReprocessChoice) -> Self {
        match choice {
            ReprocessChoice::Missing => Self::Missing,
            ReprocessChoice::Failed => Self::Failed,
            ReprocessChoice::All => Self::All,
            ReprocessChoice::Stale => Self::Stale,
        }
    }
}

/// The order in which a backfill opens runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderChoice {
    /// The oldest interval first.
    Asc,
    /// The newest interval first.
    Desc,
}

impl From<OrderChoice> for BackfillOrder {
    fn from(choice: OrderChoice) -> Self {
        match choice {
            OrderChoice::Asc => Self::Asc,
            OrderChoice::Desc => Self::Desc,
        }
    }
}

/// Whether earlier results may stand in for tasks.
#[derive(Debug, Args)]
pub(crate) struct CacheArguments {
    /// Runs every task, also where an earlier result could stand in.
    #[arg(long)]
    pub no_cache: bool,
}

/// Which version of a workflow to run by.
#[derive(Debug, Args)]
pub(crate) struct VersionArguments {
    /// Runs by the version of the workflow that the run pinned; this is the default.
    #[arg(long, conflicts_with = "latest")]
    pub pinned: bool,
    /// Runs by the version of the workflow that is in the repository now.
    #[arg(long)]
    pub latest: bool,
}

/// What can be done with the database.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Bring the database up to this program.
    Migrate,
    /// Tell which migrations are applied.
    Status,
    /// Drop what is older than the configuration keeps it, as schedulers do every hour.
    Retention {
        /// Says what would go, and changes nothing.
        #[arg(long)]
        plan: bool,
    },
    /// Delete everything in the database and begin anew.
    Reset {
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the values in force, each with its source.
    Show,
}
