//! Kinds that do what a test says, when it says so.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, mpsc};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tidemill_dag::catalog::{Port, Ports};
use tidemill_dag::time::Lapse;
use tidemill_task::{Isolation, Policy, Registry, Step, TaskContext, TaskError, TaskKind};
use tokio::sync::watch;

/// Where tests meet the tasks of their DAGs, by name.
static GATES: LazyLock<Mutex<BTreeMap<String, Arc<Gate>>>> = LazyLock::new(Mutex::default);

/// Where a test meets a task.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    started: watch::Sender<u32>,
    stopped: watch::Sender<u32>,
    is_open: watch::Sender<bool>,
}

impl Gate {
    /// The gate of this name, which no other test may use.
    pub(crate) fn named(name: &str) -> Arc<Self> {
        let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(name.to_owned()).or_default())
    }

    /// Waits until so many attempts came to it.
    pub(crate) async fn started(&self, attempts: u32) {
        let mut started = self.started.subscribe();
        let came = started.wait_for(|started| *started >= attempts);
        crate::stage::soon("an attempt comes to its gate", came).await.expect("gates stay");
    }

    /// Waits until so many attempts were stopped at it.
    pub(crate) async fn stopped(&self, attempts: u32) {
        let mut stopped = self.stopped.subscribe();
        let went = stopped.wait_for(|stopped| *stopped >= attempts);
        crate::stage::soon("an attempt is stopped at its gate", went).await.expect("gates stay");
    }

    /// How many attempts came to it.
    pub(crate) fn count(&self) -> u32 {
        *self.started.borrow()
    }

    /// Lets all attempts through, now and later.
    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }
}

/// Which gate.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtGate {
    gate: String,
}

/// Waits at a gate, and stops when it is asked to.
pub(crate) struct Wait;

impl TaskKind for Wait {
    const NAME: &'static str = "wait";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports::NONE;
    const ISOLATION: Isolation = Isolation::Inline;
    type Params = AtGate;
    type Output = i32;

    fn sample() -> Value {
        json!({ "gate": "sample" })
    }

    /// It is there to be run.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    async fn run(context: &TaskContext, params: AtGate) -> Result<Step<i32>, TaskError> {
        let gate = Gate::named(&params.gate);
        gate.started.send_modify(|started| *started += 1);
        let mut is_open = gate.is_open.subscribe();
        tokio::select! {
            _ = is_open.wait_for(|is_open| *is_open) => Ok(Step::Done(context.attempt().0)),
            () = context.cancelled() => {
                gate.stopped.send_modify(|stopped| *stopped += 1);
                Err(TaskError::Cancelled)
            }
        }
    }
}

/// Holds the thread that it runs on, as a kind that computes does, until its gate opens.
pub(crate) struct Compute;

impl TaskKind for Compute {
    const NAME: &'static str = "compute";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports::NONE;
    const ISOLATION: Isolation = Isolation::Inline;
    type Params = AtGate;
    type Output = i32;

    fn sample() -> Value {
        json!({ "gate": "sample" })
    }

    /// It is there to be run.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    async fn run(context: &TaskContext, params: AtGate) -> Result<Step<i32>, TaskError> {
        let gate = Gate::named(&params.gate);
        let (let_go, held) = mpsc::channel::<()>();
        let is_open = gate.is_open.subscribe();
        std::thread::spawn(move || {
            // A thread may wait for what a runtime does; the runtime of the test is not this one.
            while !*is_open.borrow() {
                std::thread::yield_now();
            }
            drop(let_go);
        });
        gate.started.send_modify(|started| *started += 1);
        held.recv().expect_err("nothing is sent");
        Ok(Step::Done(context.attempt().0))
    }
}

/// Runs in a process of its own; what it does there is up to the test's program.
pub(crate) struct Apart;

/// How patient to be with it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patience {
    #[serde(default)]
    grace: Option<Lapse>,
}

impl TaskKind for Apart {
    const NAME: &'static str = "apart";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports::NONE;
    const ISOLATION: Isolation = Isolation::Process;
    type Params = Patience;
    type Output = Value;

    fn sample() -> Value {
        json!({})
    }

    fn grace(params: &Patience) -> Option<Duration> {
        params.grace.map(|grace| grace.0)
    }

    async fn run(_: &TaskContext, _: Patience) -> Result<Step<Value>, TaskError> {
        Err(TaskError::fatal("run in the worker: it should have a process of its own"))
    }
}

/// What to write, and where it is counted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    gate: String,
    text: String,
    /// Changes the parameters, and not what is written.
    #[serde(default)]
    #[expect(dead_code, reason = "it does nothing")]
    trim: bool,
}

/// Writes a text, and says how long it is.
pub(crate) struct Write;

impl TaskKind for Write {
    const NAME: &'static str = "write";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports { inputs: &[], outputs: &[Port::one("text", "text")] };
    const ISOLATION: Isolation = Isolation::Inline;
    type Params = Words;
    type Output = usize;

    fn sample() -> Value {
        json!({ "gate": "sample", "text": "hello" })
    }

    async fn run(context: &TaskContext, params: Words) -> Result<Step<usize>, TaskError> {
        Gate::named(&params.gate).started.send_modify(|started| *started += 1);
        let length = params.text.len();
        context.artifacts().write("text", "text/plain", params.text).await?;
        Ok(Step::Done(length))
    }
}

/// What to add, and where it is counted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suffix {
    gate: String,
    suffix: String,
}

/// Writes a text that it reads in upper case, with something behind it.
pub(crate) struct Upper;

impl TaskKind for Upper {
    const NAME: &'static str = "upper";
    const VERSION: u32 = 1;
    const PORTS: Ports =
        Ports { inputs: &[Port::one("text", "text")], outputs: &[Port::one("text", "text")] };
    const ISOLATION: Isolation = Isolation::Inline;
    type Params = Suffix;
    type Output = ();

    fn sample() -> Value {
        json!({ "gate": "sample", "suffix": "!" })
    }

    async fn run(context: &TaskContext, params: Suffix) -> Result<Step<()>, TaskError> {
        Gate::named(&params.gate).started.send_modify(|started| *started += 1);
        let read = context.artifacts().read(context.input("text")?).await?;
        let text = String::from_utf8_lossy(&read).to_uppercase() + &params.suffix;
        context.artifacts().write("text", "text/plain", text).await?;
        Ok(Step::Done(()))
    }
}

/// All kinds, with those of the product.
pub(crate) fn registry() -> Registry {
    let product = tidemill_kinds::registry();
    product.with::<Wait>().with::<Compute>().with::<Apart>().with::<Write>().with::<Upper>()
}
