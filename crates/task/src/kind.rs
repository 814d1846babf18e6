//! The contract of a kind of task.

use std::future::Future;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidemill_dag::catalog::{Objections, Ports};
use tidemill_dag::names::KindName;

use crate::context::TaskContext;
use crate::error::TaskError;
use crate::step::Step;

/// A kind of task: what `uses` names in a DAG.
///
/// An attempt may be lost at any line and run again, on another machine, while the first one still lives. So a kind
///
/// - is **idempotent**: doing the work twice is doing it once;
/// - is **deterministic**: the same parameters and inputs give the same output and the same bytes; chance comes from
///   [`TaskContext::seed`], time from [`TaskContext::interval`], and nothing from a clock or the order of a hash map;
/// - **honours cancellation**: it returns [`TaskError::Cancelled`] within a second of [`TaskContext::cancelled`];
/// - **publishes only through the context**: what it writes elsewhere cannot be fenced;
/// - keeps the runtime free: what computes for more than a millisecond goes through [`TaskContext::blocking`].
pub trait TaskKind: 'static {
    /// Its name, in DAGs, rows and metrics; never changed.
    const NAME: &'static str;
    /// Part of the cache key: raised when the same inputs give another result.
    const VERSION: u32;
    /// The artefacts that it reads and writes.
    const PORTS: Ports;
    /// Where it runs.
    const ISOLATION: Isolation;

    /// What a DAG gives it in `with`. Its documentation is the summary of the kind, that of its fields is shown by
    /// editors. It must refuse unknown fields.
    type Params: DeserializeOwned + JsonSchema + Send;

    /// What it says in the end, for conditions and templates: small, at most [`LARGEST_OUTPUT_BYTES`] of JSON.
    ///
    /// [`LARGEST_OUTPUT_BYTES`]: crate::LARGEST_OUTPUT_BYTES
    type Output: Serialize + DeserializeOwned + Send;

    /// Parameters for the conformance suite and for examples: the first attempt with them succeeds, soon.
    fn sample() -> Value;

    /// How the engine treats it, beside what the DAG says.
    fn policy() -> Policy {
        Policy::default()
    }

    /// Objects to parameters that have the right shape and cannot work. Called when a DAG is checked, without IO.
    fn check(params: &Self::Params, objections: &mut Objections) {
        let _ = (params, objections);
    }

    /// How long an attempt with these parameters may take to stop when it is asked to, where the worker's own grace may
    /// be too short.
    fn grace(params: &Self::Params) -> Option<Duration> {
        let _ = params;
        None
    }

    /// Runs one attempt, or its next phase after an expansion.
    fn run(
        context: &TaskContext,
        params: Self::Params,
    ) -> impl Future<Output = Result<Step<Self::Output>, TaskError>> + Send;

    /// [`Self::NAME`], for [`Expansion::child`](crate::Expansion::child).
    fn name() -> KindName {
        KindName::new(Self::NAME).expect("the name of a kind is a name")
    }
}

/// Where a kind runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// In the worker: milliseconds, or waiting for others.
    Inline,
    /// In a process group of its own, which is killed with it.
    Process,
}

/// How the engine treats a kind, beside what the DAG says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Whether an earlier result for the same version, parameters, inputs and interval may stand in for a new run.
    pub is_cacheable: bool,
}

impl Default for Policy {
    /// A function of its inputs.
    fn default() -> Self {
        Self { is_cacheable: true }
    }
}
