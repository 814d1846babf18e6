//! One attempt, from an assignment to a completion.

use std::any::Any;
use std::collections::BTreeSet;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use serde_json::Value;
use tidemill_dag::advance::Verdict;
use tidemill_dag::state::TaskPath;
use tracing::instrument;

use crate::artifact::Manifest;
use crate::assignment::{Assignment, Completion};
use crate::context::TaskContext;
use crate::erased::ErasedKind;
use crate::error::TaskError;
use crate::registry::Registry;
use crate::services::Services;
use crate::step::{Expansion, Step};

/// The largest output or state, as JSON: it lives in a row.
pub const LARGEST_OUTPUT_BYTES: usize = 1 << 20;

/// Runs one attempt to its verdict. Whatever the kind does, also a panic, there is one.
///
/// Deadlines and leases are the caller's: it cancels [`Services::cancel`], or drops this future.
#[instrument(
    name = "task",
    skip_all,
    fields(
        run.id = %assignment.run.run,
        dag.name = %assignment.run.dag,
        task.node = %assignment.path,
        task.kind = %assignment.kind,
        task.attempt = assignment.attempt.0,
    )
)]
pub async fn execute(
    registry: &Registry,
    mut assignment: Assignment,
    services: Services,
) -> Completion {
    let kind = match registry.get(assignment.kind.as_str()) {
        Ok(kind) => kind,
        Err(error) => {
            return Completion { verdict: verdict_of(&error), manifest: Manifest::default() };
        }
    };
    let params = assignment.take_params();
    let context = TaskContext::new(assignment, kind.ports(), services);
    if context.is_cancelled() {
        return Completion { verdict: Verdict::Cancelled, manifest: Manifest::default() };
    }
    let step = run_catching_panics(kind, &context, params).await;
    let verdict = step
        .and_then(|step| accept(step, registry, &context))
        .unwrap_or_else(|error| verdict_of(&error));
    Completion { verdict, manifest: context.artifacts().manifest() }
}

async fn run_catching_panics(
    kind: &dyn ErasedKind,
    context: &TaskContext,
    params: Value,
) -> Result<Step<Value>, TaskError> {
    // The context is only read for its manifest afterwards, which holds finished artefacts alone.
    let caught = AssertUnwindSafe(kind.run(context, params)).catch_unwind().await;
    caught.unwrap_or_else(|panic| {
        let message = panic_message(&*panic);
        Err(TaskError::fatal(format!("run the kind `{}`: panicked: {message}", kind.name())))
    })
}

/// Holds a step to the contract of its kind.
fn accept(
    step: Step<Value>,
    registry: &Registry,
    context: &TaskContext,
) -> Result<Verdict, TaskError> {
    match step {
        Step::Done(output) => {
            check_size("output", &output)?;
            if let Some(port) = context.artifacts().first_empty_port() {
                let name = port.name;
                return Err(TaskError::fatal(format!("succeed: nothing was written to `{name}`")));
            }
            Ok(Verdict::Succeeded { output: Arc::new(output) })
        }
        Step::Expand(expansion) => {
            check_size("state", &expansion.state)?;
            check_children(&expansion, registry)?;
            let Expansion { children, state, on_child_failure } = expansion;
            Ok(Verdict::Expanded { children, state, on_child_failure })
        }
        Step::Await { run, state } => {
            check_size("state", &state)?;
            Ok(Verdict::Awaits { run, state })
        }
    }
}

fn check_children(expansion: &Expansion, registry: &Registry) -> Result<(), TaskError> {
    if expansion.children.is_empty() {
        return Err(TaskError::fatal("expand: it asks for no children"));
    }
    let mut labels = BTreeSet::new();
    for child in &expansion.children {
        let label = &child.label;
        if !TaskPath::is_label(label) {
            return Err(TaskError::fatal(format!("expand: `{label}` is not a label")));
        }
        if !labels.insert(label) {
            return Err(TaskError::fatal(format!("expand: two children are called `{label}`")));
        }
        registry
            .get(child.kind.as_str())
            .map_err(|error| error.while_trying_to(format!("expand into the child `{label}`")))?;
    }
    Ok(())
}

fn check_size(what: &str, value: &Value) -> Result<(), TaskError> {
    let mut room = Room(LARGEST_OUTPUT_BYTES);
    serde_json::to_writer(&mut room, value).map_err(|_| {
        TaskError::fatal(format!(
            "keep its {what}: it has more than {LARGEST_OUTPUT_BYTES} bytes of JSON; use an artefact"
        ))
    })
}

/// Takes bytes until there is no room, and keeps none of them.
struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn verdict_of(error: &TaskError) -> Verdict {
    let message = error.chain();
    match error {
        TaskError::Failed { retry, .. } => Verdict::Failed { error: message, retry: *retry },
        TaskError::Cancelled => Verdict::Cancelled,
    }
}

/// The words of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;
    use tidemill_dag::advance::Retry;
    use tidemill_dag::catalog::{Port, Ports};

    use super::*;
    use crate::{ArtifactStore, Explain, Isolation, TaskKind};

    /// Does what its parameters say.
    struct Puppet;

    /// What the puppet does.
    ///
    /// Nobody sees this paragraph in a list of kinds.
    #[derive(Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields, rename_all = "snake_case")]
    enum Act {
        Write { text: String },
        Return { bytes: usize },
        Expand { labels: Vec<String>, kind: String },
        Fail,
        Panic,
        Stop,
    }

    impl TaskKind for Puppet {
        const NAME: &'static str = "puppet";
        const VERSION: u32 = 1;
        const PORTS: Ports = Ports { inputs: &[], outputs: &[Port::one("note", "text")] };
        const ISOLATION: Isolation = Isolation::Inline;
        type Params = Act;
        type Output = Value;

        fn sample() -> Value {
            json!({ "write": { "text": "hello" } })
        }

        async fn run(context: &TaskContext, act: Act) -> Result<Step<Value>, TaskError> {
            match act {
                Act::Write { text } => {
                    context.artifacts().write("note", "text/plain", text).await?;
                }
                Act::Return { bytes } => {
                    context.artifacts().write("note", "text/plain", "").await?;
                    // Two bytes are its quotation marks.
                    return Ok(Step::Done("x".repeat(bytes - 2).into()));
                }
                Act::Expand { labels, kind } => {
                    let ask = |expansion: Expansion, label: String| {
                        expansion.child(label, kind.parse().unwrap(), json!({}))
                    };
                    return Ok(Step::Expand(labels.into_iter().fold(Expansion::new(), ask)));
                }
                Act::Fail => {
                    context.artifacts().write("note", "text/plain", "why").await?;
                    "x".parse::<u8>().or_transient("read the count")?;
                }
                Act::Panic => panic!("the strings broke"),
                Act::Stop => return Err(TaskError::Cancelled),
            }
            Ok(Step::Done(Value::Null))
        }
    }

    async fn act(params: Value) -> Completion {
        run("puppet", params, |_| {}).await
    }

    async fn run(kind: &str, params: Value, change: impl FnOnce(&Services)) -> Completion {
        let services = Services::new(ArtifactStore::in_memory());
        change(&services);
        let registry = Registry::new().with::<Puppet>();
        execute(&registry, Assignment::example(kind, params), services).await
    }

    fn error_of(completion: &Completion) -> (&str, Retry) {
        let Verdict::Failed { error, retry } = &completion.verdict else {
            panic!("{completion:?} did not fail");
        };
        (error, *retry)
    }

    #[tokio::test]
    async fn success_brings_the_output_and_what_was_written() {
        let completion = act(Puppet::sample()).await;

        assert_eq!(completion.verdict, Verdict::Succeeded { output: Arc::new(Value::Null) });
        assert_eq!(completion.manifest.of_port("note").count(), 1);
    }

    #[tokio::test]
    async fn a_failure_brings_its_chain_and_what_was_written() {
        let completion = act(json!("fail")).await;

        let error = "read the count: invalid digit found in string";
        assert_eq!(error_of(&completion), (error, Retry::MayHelp));
        assert_eq!(completion.manifest.of_port("note").count(), 1);
    }

    #[tokio::test]
    async fn a_panic_is_a_fatal_failure_with_its_words() {
        let completion = act(json!("panic")).await;

        let error = "run the kind `puppet`: panicked: the strings broke";
        assert_eq!(error_of(&completion), (error, Retry::CannotHelp));
    }

    #[tokio::test]
    async fn an_unknown_kind_cannot_be_retried_and_names_a_near_one() {
        let completion = run("pupet", json!({}), |_| {}).await;

        let error = "run the unknown kind `pupet` (did you mean `puppet`?)";
        assert_eq!(error_of(&completion), (error, Retry::CannotHelp));
    }

    #[tokio::test]
    async fn an_output_may_be_a_mebibyte_and_not_a_byte_more() {
        let largest = act(json!({ "return": { "bytes": LARGEST_OUTPUT_BYTES } })).await;
        let larger = act(json!({ "return": { "bytes": LARGEST_OUTPUT_BYTES + 1 } })).await;

        assert!(matches!(largest.verdict, Verdict::Succeeded { .. }));
        let error = "keep its output: it has more than 1048576 bytes of JSON; use an artefact";
        assert_eq!(error_of(&larger), (error, Retry::CannotHelp));
    }

    #[tokio::test]
    async fn children_need_labels_of_their_own_and_a_kind_that_exists() {
        let expand = |labels: Value, kind: &str| {
            act(json!({ "expand": { "labels": labels, "kind": kind } }))
        };

        let good = expand(json!(["a", "b"]), "puppet").await;
        assert!(matches!(good.verdict, Verdict::Expanded { children, .. } if children.len() == 2));
        for (labels, kind, error) in [
            (json!([]), "puppet", "expand: it asks for no children"),
            (json!(["a", "a"]), "puppet", "expand: two children are called `a`"),
            (json!(["a/b"]), "puppet", "expand: `a/b` is not a label"),
            (
                json!(["a"]),
                "poppet",
                "expand into the child `a`: run the unknown kind `poppet` (did you mean `puppet`?)",
            ),
        ] {
            assert_eq!(error_of(&expand(labels, kind).await), (error, Retry::CannotHelp));
        }
    }

    #[tokio::test]
    async fn an_attempt_that_is_cancelled_before_it_begins_does_nothing() {
        let completion = run("puppet", Puppet::sample(), |services| services.cancel.cancel()).await;

        assert_eq!(completion.verdict, Verdict::Cancelled);
        assert_eq!(completion.manifest, Manifest::default());
    }

    #[tokio::test]
    async fn work_that_stopped_when_asked_is_cancelled_and_not_failed() {
        assert_eq!(act(json!("stop")).await.verdict, Verdict::Cancelled);
    }

    #[tokio::test]
    async fn parameters_that_do_not_fit_say_where() {
        let completion = act(json!({ "write": { "text": 7 } })).await;

        let (error, retry) = error_of(&completion);
        assert!(error.starts_with("read the parameters of `puppet`: at `/"), "{error}");
        assert_eq!(retry, Retry::CannotHelp);
    }

    #[test]
    fn the_catalogue_shows_the_first_paragraph_and_the_schema_of_a_kind() {
        let catalog = Registry::new().with::<Puppet>().catalog();

        let puppet = &catalog["puppet"];
        assert_eq!(puppet.summary, "What the puppet does.");
        assert_eq!(puppet.params["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!((puppet.check)(&json!("fail")), []);
        assert_eq!((puppet.check)(&json!("fall")).len(), 1);
        assert_eq!((puppet.check)(&json!("{{ params.act }}")), []);
    }

    #[test]
    #[should_panic(expected = "the kind `puppet` is registered twice")]
    fn two_kinds_of_one_name_are_refused() {
        drop(Registry::new().with::<Puppet>().with::<Puppet>());
    }
}
