//! `trigger`: starts a run of another DAG, and may wait for it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_dag::catalog::{Objections, Ports};
use tidemill_dag::ids::RunId;
use tidemill_dag::names::DagName;
use tidemill_dag::state::{Outcome, RunState};
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_task::{
    Explain, Isolation, Policy, RunRequest, Step, TaskContext, TaskError, TaskKind,
};

/// Starts a run of another DAG.
pub(crate) struct Trigger;

/// Starts a run of another DAG, and may wait for it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "DAGs call them so")]
pub(crate) struct Params {
    /// The DAG.
    #[schemars(extend("format" = "dag"))]
    dag: DagName,
    /// Its parameters, by name; what is not given has its default.
    #[serde(default)]
    #[schemars(extend("format" = "dag-params"))]
    params: BTreeMap<String, Value>,
    /// What the run is about; the interval of this run if nothing is said.
    #[serde(default)]
    interval: Option<Interval>,
    /// Whether the task goes on until that run is over, and fails unless it succeeded. It takes no slot meanwhile.
    #[serde(default)]
    wait: bool,
    /// What becomes of a run that is waited for when this task is cancelled: it is cancelled, too, if nothing is said.
    #[serde(default)]
    on_cancel: Option<OnCancel>,
}

/// A stretch of time.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Interval {
    /// The first instant inside.
    #[schemars(with = "String", extend("format" = "date-time"))]
    start: Timestamp,
    /// The first instant after it.
    #[schemars(with = "String", extend("format" = "date-time"))]
    end: Timestamp,
}

/// What becomes of a run when the task that started it is cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnCancel {
    /// It is cancelled, too.
    Cancel,
    /// It goes on.
    Leave,
}

/// The run that was started.
#[derive(Serialize, Deserialize)]
pub(crate) struct Triggered {
    run: RunId,
    /// How it ended, or `open`.
    state: String,
}

impl TaskKind for Trigger {
    const NAME: &'static str = "trigger";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports::NONE;
    const ISOLATION: Isolation = Isolation::Inline;
    type Params = Params;
    type Output = Triggered;

    fn sample() -> Value {
        json!({ "dag": "example", "params": { "horizon": "60m" } })
    }

    /// Who asks for a run wants the run.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    fn check(params: &Params, objections: &mut Objections) {
        if params.interval.as_ref().is_some_and(|interval| interval.start > interval.end) {
            objections.add("/interval", "the interval ends before it starts", None);
        }
        if params.on_cancel.is_some() && !params.wait {
            let hint = "add `wait: true`, or leave `on_cancel` out".to_owned();
            let what = "the task does not wait, so it cannot be cancelled meanwhile";
            objections.add("/on_cancel", what, Some(hint));
        }
    }

    /// The first phase starts the run; the others begin when it is over.
    async fn run(context: &TaskContext, params: Params) -> Result<Step<Triggered>, TaskError> {
        let run = match context.resume_state()? {
            Some(run) => run,
            None => context.start_run(&params.request(context)).await?,
        };
        let outcome = match context.state_of_run(run).await? {
            RunState::Closed { outcome, .. } => outcome,
            RunState::Open { .. } if params.wait => {
                let state = serde_json::to_value(run).or_fatal("keep the run in mind")?;
                return Ok(Step::Await { run, state });
            }
            RunState::Open { .. } => {
                return Ok(Step::Done(Triggered { run, state: "open".to_owned() }));
            }
        };
        match outcome {
            Outcome::Failed | Outcome::Cancelled | Outcome::Skipped if params.wait => {
                let (dag, how) = (&params.dag, outcome.label());
                Err(TaskError::fatal(format!(
                    "wait for `{dag}`: its run {how} (`tidemill run show {run}` says why)"
                )))
            }
            Outcome::Failed | Outcome::Cancelled | Outcome::Skipped | Outcome::Succeeded => {
                Ok(Step::Done(Triggered { run, state: outcome.label().to_owned() }))
            }
        }
    }
}

impl Params {
    fn request(&self, context: &TaskContext) -> RunRequest {
        let named = |interval: &Interval| DataInterval { start: interval.start, end: interval.end };
        RunRequest {
            dag: self.dag.clone(),
            params: self.params.clone(),
            interval: self.interval.as_ref().map_or_else(|| context.interval(), named),
            ends_with_asker: self.wait && self.on_cancel != Some(OnCancel::Leave),
        }
    }
}
