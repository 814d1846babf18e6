//! Kinds of all types behind one interface.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use tidemill_dag::catalog::{CheckParams, Objection, Objections, Ports, Signature};

use crate::context::TaskContext;
use crate::error::{Explain, TaskError};
use crate::kind::{Isolation, Policy, TaskKind};
use crate::params;
use crate::step::Step;

/// A [`TaskKind`] with JSON in the place of its types.
pub trait ErasedKind: Send + Sync {
    /// [`TaskKind::NAME`].
    fn name(&self) -> &'static str;
    /// [`TaskKind::VERSION`].
    fn version(&self) -> u32;
    /// [`TaskKind::PORTS`].
    fn ports(&self) -> Ports;
    /// [`TaskKind::ISOLATION`].
    fn isolation(&self) -> Isolation;
    /// [`TaskKind::policy`].
    fn policy(&self) -> Policy;
    /// [`TaskKind::sample`].
    fn sample(&self) -> Value;
    /// What the language of DAGs sees of it.
    fn signature(&self) -> Signature;
    /// What it does not accept about these parameters. Those that hold templates are not judged yet.
    fn check(&self, params: &Value) -> Vec<Objection>;
    /// [`TaskKind::grace`]; none where the parameters cannot be read.
    fn grace(&self, params: &Value) -> Option<Duration>;
    /// Reads the parameters and runs one attempt.
    fn run<'a>(
        &'a self,
        context: &'a TaskContext,
        params: Value,
    ) -> BoxFuture<'a, Result<Step<Value>, TaskError>>;
}

/// The [`ErasedKind`] of `K`.
pub(crate) struct Erased<K> {
    schema: Arc<Value>,
    kind: PhantomData<fn() -> K>,
}

impl<K: TaskKind> Erased<K> {
    pub(crate) fn new() -> Self {
        // Without definitions, the schema can stand at any place of a larger one.
        let settings = SchemaSettings::draft2020_12().with(|all| all.inline_subschemas = true);
        let mut schema = settings.into_generator().into_root_schema_for::<K::Params>();
        // The name of a Rust type says nothing to who writes a DAG.
        schema.remove("title");
        let schema = Arc::new(schema.to_value());
        Self { schema, kind: PhantomData }
    }
}

impl<K: TaskKind> ErasedKind for Erased<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn version(&self) -> u32 {
        K::VERSION
    }

    fn ports(&self) -> Ports {
        K::PORTS
    }

    fn isolation(&self) -> Isolation {
        K::ISOLATION
    }

    fn policy(&self) -> Policy {
        K::policy()
    }

    fn sample(&self) -> Value {
        K::sample()
    }

    fn signature(&self) -> Signature {
        let schema = Arc::clone(&self.schema);
        let check: Arc<CheckParams> = Arc::new(move |params| check::<K>(&schema, params));
        Signature {
            name: K::NAME,
            summary: summary(&self.schema),
            ports: K::PORTS,
            params: Arc::clone(&self.schema),
            check,
        }
    }

    fn check(&self, params: &Value) -> Vec<Objection> {
        check::<K>(&self.schema, params)
    }

    fn grace(&self, params: &Value) -> Option<Duration> {
        K::grace(&params::read(&self.schema, params.clone()).ok()?)
    }

    fn run<'a>(
        &'a self,
        context: &'a TaskContext,
        params: Value,
    ) -> BoxFuture<'a, Result<Step<Value>, TaskError>> {
        async move {
            // A file was checked with templates in it; only now they are values.
            let params = read_and_check::<K>(&self.schema, params).map_err(|objections| {
                let objections = params::in_one_line(&objections);
                TaskError::fatal(format!("read the parameters of `{}`: {objections}", K::NAME))
            })?;
            match K::run(context, params).await? {
                Step::Expand(expansion) => Ok(Step::Expand(expansion)),
                Step::Await { run, state } => Ok(Step::Await { run, state }),
                Step::Done(output) => {
                    let output = serde_json::to_value(output);
                    output.map(Step::Done).or_fatal("write its output as JSON")
                }
            }
        }
        .boxed()
    }
}

fn check<K: TaskKind>(schema: &Value, params: &Value) -> Vec<Objection> {
    if params::holds_template(params) {
        return Vec::new();
    }
    read_and_check::<K>(schema, params.clone()).err().unwrap_or_default()
}

fn read_and_check<K: TaskKind>(schema: &Value, params: Value) -> Result<K::Params, Vec<Objection>> {
    let params = params::read(schema, params)?;
    let mut objections = Objections::default();
    K::check(&params, &mut objections);
    let objections = objections.into_vec();
    if objections.is_empty() { Ok(params) } else { Err(objections) }
}

/// The first paragraph of the documentation of the parameters, in one line.
fn summary(schema: &Value) -> String {
    let description = schema["description"].as_str().unwrap_or_default();
    let first = description.split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}
