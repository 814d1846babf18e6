//! The name of a task within its run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::names::TaskName;

/// The name of a task within its run: a node of the DAG, then the labels of mapped or expanded children, as in `tune[fold0][t17]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskPath {
    /// The node of the DAG.
    pub node: TaskName,
    /// The labels below it, outermost first.
    pub labels: Vec<Box<str>>,
}

/// A text that is not the path of a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "read `{text}` as a task of a run: expected a name, then labels in brackets, as in `score[3]`"
)]
pub struct BadTaskPath {
    /// What was given.
    pub text: String,
}

impl TaskPath {
    /// The path of a node of the DAG.
    pub const fn of_node(node: TaskName) -> Self {
        Self { node, labels: Vec::new() }
    }

    /// The path of a child of this task.
    #[must_use]
    pub fn child(&self, label: &str) -> Self {
        let mut labels = self.labels.clone();
        labels.push(label.into());
        Self { node: self.node.clone(), labels }
    }

    /// Tells whether `text` can label a child: letters, digits, `_`, `-`, `.`, 1 to 64 of them.
    pub fn is_label(text: &str) -> bool {
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
    }
}

impl fmt::Display for TaskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)?;
        self.labels.iter().try_for_each(|label| write!(f, "[{label}]"))
    }
}

impl fmt::Debug for TaskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TaskPath {
    type Err = BadTaskPath;

    fn from_str(text: &str) -> Result<Self, BadTaskPath> {
        let bad = || BadTaskPath { text: text.to_owned() };
        let (node, mut rest) = text.split_at(text.find('[').unwrap_or(text.len()));
        let mut path = Self::of_node(TaskName::new(node).map_err(|_| bad())?);
        while !rest.is_empty() {
            let (label, after) =
                rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(bad)?;
            if !Self::is_label(label) {
                return Err(bad());
            }
            path.labels.push(label.into());
            rest = after;
        }
        Ok(path)
    }
}

impl TryFrom<String> for TaskPath {
    type Error = BadTaskPath;

    fn try_from(text: String) -> Result<Self, BadTaskPath> {
        text.parse()
    }
}

impl From<TaskPath> for String {
    fn from(path: TaskPath) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_path_reads_back_what_it_prints() {
        for text in ["tune", "score[3]", "tune[fold-0][t17]", "load[2026-11-20]"] {
            assert_eq!(text.parse::<TaskPath>().map(|path| path.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_task_path_with_open_or_empty_brackets_is_refused() {
        for text in ["", "a[", "a[]", "a]", "a[b", "a[b]c", "a[b/c]", "[b]"] {
            assert!(text.parse::<TaskPath>().is_err(), "{text:?}");
        }
    }
}
