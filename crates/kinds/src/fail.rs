//! `fail`: fails on purpose, for drills and for trying out retries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_dag::catalog::{Objections, Ports};
use tidemill_task::{Isolation, Policy, Step, TaskContext, TaskError, TaskKind};

/// Fails on purpose.
pub(crate) struct Fail;

/// Fails on purpose, for drills and for trying out retries.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// What the error says.
    #[serde(default = "on_purpose")]
    error: String,
    /// Whether the error says that another try could help.
    #[serde(default)]
    retry: Retry,
    /// The first attempt that succeeds, counted from 1; without it none does.
    #[serde(default)]
    #[schemars(range(min = 1))]
    succeed_on_attempt: Option<i32>,
}

/// Whether another try could help.
#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Retry {
    /// The cause may pass.
    #[default]
    MayHelp,
    /// The same inputs fail again.
    CannotHelp,
}

fn on_purpose() -> String {
    "do its work: it fails on purpose".to_owned()
}

/// Which attempt succeeded.
#[derive(Serialize, Deserialize)]
pub(crate) struct Succeeded {
    attempt: i32,
}

impl TaskKind for Fail {
    const NAME: &'static str = "fail";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports::NONE;
    const ISOLATION: Isolation = Isolation::Inline;
    type Params = Params;
    type Output = Succeeded;

    fn sample() -> Value {
        json!({ "succeed_on_attempt": 1 })
    }

    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    fn check(params: &Params, objections: &mut Objections) {
        if params.succeed_on_attempt.is_some_and(|first| first < 1) {
            let hint = "the first attempt is 1".to_owned();
            objections.add("/succeed_on_attempt", "there is no such attempt", Some(hint));
        }
    }

    async fn run(context: &TaskContext, params: Params) -> Result<Step<Succeeded>, TaskError> {
        let attempt = context.attempt().0;
        if params.succeed_on_attempt.is_some_and(|first| attempt >= first) {
            return Ok(Step::Done(Succeeded { attempt }));
        }
        Err(match params.retry {
            Retry::MayHelp => TaskError::transient(params.error),
            Retry::CannotHelp => TaskError::fatal(params.error),
        })
    }
}
