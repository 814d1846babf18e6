//! How an attempt can end well: done, or with children or another run to wait for.

use serde_json::Value;
use tidemill_dag::ids::RunId;
use tidemill_dag::names::KindName;
use tidemill_dag::state::{Child, OnChildFailure};

/// What an attempt comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<O> {
    /// The work is done; this is its small output, for conditions and templates.
    Done(O),
    /// The work goes on in children; the task is called again in its next phase when they are over.
    Expand(Expansion),
    /// The work goes on when another run is over, which the task started; the task is called again then.
    Await {
        /// The run.
        run: RunId,
        /// Read again by [`TaskContext::resume_state`](crate::TaskContext::resume_state).
        state: Value,
    },
}

/// The children that a task asks for, and what it wants to know again afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expansion {
    /// The children, admitted as slots allow.
    pub children: Vec<Child>,
    /// Read again by [`TaskContext::resume_state`](crate::TaskContext::resume_state).
    pub state: Value,
    /// What happens when a child does not succeed.
    pub on_child_failure: OnChildFailure,
}

impl Expansion {
    /// No children yet; a child that fails fails the task.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a child. Its label must be unique among its siblings; its parameters are not rendered again.
    #[must_use]
    pub fn child(self, label: impl Into<Box<str>>, kind: KindName, with: Value) -> Self {
        self.push(Child { label: label.into(), kind, with: Some(with), item: None, slots: None })
    }

    /// Asks for a child that says more, such as the slots that it takes.
    #[must_use]
    pub fn push(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// Keeps `state` for the next phase.
    #[must_use]
    pub fn state(mut self, state: Value) -> Self {
        self.state = state;
        self
    }

    /// Lets the task go on, and judge for itself, when a child does not succeed.
    #[must_use]
    pub const fn resume_on_failure(mut self) -> Self {
        self.on_child_failure = OnChildFailure::Resume;
        self
    }
}
