//! The kinds of task that exist, as the language sees them: ports, the schema of parameters, a check.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

/// What a kind reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// The artefacts that it reads.
    pub inputs: &'static [Port],
    /// The artefacts that it writes.
    pub outputs: &'static [Port],
}

impl Ports {
    /// No artefacts at all.
    pub const NONE: Self = Self { inputs: &[], outputs: &[] };

    /// The input of this name.
    pub fn input(&self, name: &str) -> Option<&'static Port> {
        self.inputs.iter().find(|port| port.name == name)
    }

    /// The output of this name.
    pub fn output(&self, name: &str) -> Option<&'static Port> {
        self.outputs.iter().find(|port| port.name == name)
    }
}

/// One input or output of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Its name.
    pub name: &'static str,
    /// What it holds, such as `table` or `model`; outputs go only to inputs that hold the same.
    pub holds: &'static str,
    /// How many artefacts it takes or gives.
    pub arity: Arity,
}

impl Port {
    /// A port with exactly one artefact.
    pub const fn one(name: &'static str, holds: &'static str) -> Self {
        Self { name, holds, arity: Arity::One }
    }

    /// A port that may stay empty.
    pub const fn optional(name: &'static str, holds: &'static str) -> Self {
        Self { name, holds, arity: Arity::Optional }
    }

    /// A port with any number of artefacts.
    pub const fn many(name: &'static str, holds: &'static str) -> Self {
        Self { name, holds, arity: Arity::Many }
    }
}

/// How many artefacts a port takes or gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arity {
    /// Exactly one.
    One,
    /// None or one.
    Optional,
    /// Any number.
    Many,
}

/// Something that a kind does not accept about its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Where, as a JSON pointer into the parameters, such as `/sources/0`.
    pub at: String,
    /// What is wrong, as a fragment.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Collects what a kind does not accept about its parameters.
#[derive(Debug, Default)]
pub struct Objections(Vec<Objection>);

impl Objections {
    /// Adds an objection at a JSON pointer into the parameters.
    pub fn add(&mut self, at: impl Into<String>, what: impl Into<String>, hint: Option<String>) {
        self.0.push(Objection { at: at.into(), what: what.into(), hint });
    }

    /// The objections, in the order of adding.
    pub fn into_vec(self) -> Vec<Objection> {
        self.0
    }
}

/// Checks parameters whose shape already fits the schema; templates are still unrendered texts in them.
pub type CheckParams = dyn Fn(&Value) -> Vec<Objection> + Send + Sync;

/// One kind, as the language sees it.
#[derive(Clone)]
pub struct Signature {
    /// Its name, as in `uses`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: String,
    /// What it reads and writes.
    pub ports: Ports,
    /// The JSON Schema of its parameters.
    pub params: Arc<Value>,
    /// The kind's own check of parameters without templates.
    pub check: Arc<CheckParams>,
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a DAG file may refer to beside itself.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The kinds, by name.
    pub kinds: BTreeMap<&'static str, Signature>,
    /// The pools, with how many slots they have.
    pub pools: BTreeMap<String, u32>,
    /// The environment variables that templates may read.
    pub env: Vec<String>,
}
