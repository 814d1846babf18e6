//! `sleep`: waits, and stops at once when asked to.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_dag::catalog::Ports;
use tidemill_dag::time::Lapse;
use tidemill_task::{Isolation, Policy, Step, TaskContext, TaskError, TaskKind};

/// Waits.
pub(crate) struct Sleep;

/// Waits for a length of time, and says how far it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// How long it waits, such as `90s`.
    #[serde(rename = "for")]
    length: Lapse,
}

/// How long it waited.
#[derive(Serialize, Deserialize)]
pub(crate) struct Slept {
    slept: Lapse,
}

/// The time between two signs of life.
const TICK: Duration = Duration::from_secs(1);

impl TaskKind for Sleep {
    const NAME: &'static str = "sleep";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports::NONE;
    const ISOLATION: Isolation = Isolation::Inline;
    type Params = Params;
    type Output = Slept;

    fn sample() -> Value {
        json!({ "for": "10ms" })
    }

    /// Who asks for a pause wants the pause.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    async fn run(context: &TaskContext, params: Params) -> Result<Step<Slept>, TaskError> {
        let length = params.length.0;
        let started = Instant::now();
        loop {
            let passed = started.elapsed();
            let left = length.saturating_sub(passed);
            if left.is_zero() {
                return Ok(Step::Done(Slept { slept: params.length }));
            }
            let whole_seconds = Lapse::seconds(passed.as_secs());
            let message = format!("waited {whole_seconds} of {}", params.length);
            context.progress(passed.as_secs_f64() / length.as_secs_f64(), message);
            if tokio::time::timeout(left.min(TICK), context.cancelled()).await.is_ok() {
                return Err(TaskError::Cancelled);
            }
        }
    }
}
