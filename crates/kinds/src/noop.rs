//! `noop`: does nothing, and says what it is told to.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tidemill_dag::catalog::Ports;
use tidemill_task::{Isolation, Policy, Step, TaskContext, TaskError, TaskKind};

/// Does nothing.
pub(crate) struct Noop;

/// Does nothing, and gives a value that conditions, lists and templates can read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The output of the task: any value.
    #[serde(default)]
    output: Value,
}

impl TaskKind for Noop {
    const NAME: &'static str = "noop";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports::NONE;
    const ISOLATION: Isolation = Isolation::Inline;
    type Params = Params;
    type Output = Value;

    fn sample() -> Value {
        json!({ "output": { "sites": ["oslo", "bergen"] } })
    }

    /// Doing nothing takes less than looking up that it was done.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    async fn run(_: &TaskContext, params: Params) -> Result<Step<Value>, TaskError> {
        Ok(Step::Done(params.output))
    }
}
