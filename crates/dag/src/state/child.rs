//! What a task asks for when it expands.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::KindName;

/// What a task does when a child that it asked for did not succeed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChildFailure {
    /// It fails with the child, once all children are over.
    #[default]
    Fail,
    /// It resumes and judges for itself.
    Resume,
}

/// A child that a task asks for, or one member of a mapped task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// Its label below the parent.
    pub label: Box<str>,
    /// Its kind; a mapped task's own kind for its members.
    pub kind: KindName,
    /// Its parameters, already rendered; `None` renders the node's own `with` with `item`.
    pub with: Option<Value>,
    /// The member of the list that it stands for, as `item` in templates.
    pub item: Option<Value>,
    /// How many slots of the pool it takes; `None` takes the node's.
    pub slots: Option<u32>,
}
