//! `http`: sends a request, such as to a webhook.

mod answer;
mod exchange;
mod params;
mod text;

use serde_json::{Value, json};
use tidemill_dag::catalog::{Objections, Ports};
use tidemill_task::{Isolation, Policy, Step, TaskContext, TaskError, TaskKind};

use exchange::{Request, agent, exchange};
use params::Params;

/// Sends a request.
pub(crate) struct Http;

impl TaskKind for Http {
    const NAME: &'static str = "http";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports::NONE;
    const ISOLATION: Isolation = Isolation::Inline;
    type Params = Params;
    type Output = Value;

    fn sample() -> Value {
        json!({ "url": { "env": "EXAMPLE_WEBHOOK" }, "json": { "text": "the night is over" } })
    }

    /// What a server does is not in its answer.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    fn check(params: &Params, objections: &mut Objections) {
        params.check(objections);
    }

    async fn run(context: &TaskContext, params: Params) -> Result<Step<Value>, TaskError> {
        let request = Request::of(context, params)?;
        let agent = agent(request.timeout());
        let stopper = agent.clone();
        let work = context.blocking(move |probe| exchange(&agent, &request, probe));
        tokio::select! {
            output = work => output.map(Step::Done),
            () = context.cancelled() => {
                // The thread that waits for the server comes back at once.
                stopper.shutdown();
                Err(TaskError::Cancelled)
            }
        }
    }
}
