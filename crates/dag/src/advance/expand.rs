//! Children: the members of a list, and what an attempt asks for.

use std::collections::BTreeSet;

use super::start::bad_expression;
use super::{MOST_CHILDREN, Reason};
use crate::names::KindName;
use crate::spec::ForEach;
use crate::state::{Child, TaskIndex, TaskPath, View};
use crate::template::Scope;

/// The members of a mapped task: one for each value of its list, with its place as the label.
pub(super) fn members(
    kind: &KindName,
    list: &ForEach,
    scope: impl Fn() -> Scope,
) -> Result<Vec<Child>, Reason> {
    let values = match list {
        ForEach::List(values) => values.clone(),
        ForEach::Expression(text) => scope().list(text).map_err(|error| bad_expression(&error))?,
    };
    if values.len() > MOST_CHILDREN {
        let error = format!(
            "the list has {} members, and a task can be mapped over {MOST_CHILDREN}",
            values.len()
        );
        return Err(Reason::BadExpression { error });
    }
    let member = |(index, value): (usize, _)| Child {
        label: index.to_string().into(),
        kind: kind.clone(),
        with: None,
        item: Some(value),
        slots: None,
    };
    Ok(values.into_iter().enumerate().map(member).collect())
}

/// Tells what is wrong with the children that a task asks for, if something is.
pub(super) fn refuse(view: &View, parent: TaskIndex, children: &[Child]) -> Option<String> {
    if children.len() > MOST_CHILDREN {
        return Some(format!(
            "it asked for {} children, and may ask for {MOST_CHILDREN} at once",
            children.len()
        ));
    }
    let earlier = view.tasks.iter().filter(|task| task.parent == Some(parent));
    let mut taken: BTreeSet<&str> =
        earlier.filter_map(|task| task.path.labels.last()).map(AsRef::as_ref).collect();
    for Child { label, .. } in children {
        if !TaskPath::is_label(label) {
            return Some(format!(
                "it asked for a child labelled {label:?}: a label is 1 to 64 letters, digits, `_`, `-` and `.`"
            ));
        }
        if !taken.insert(label) {
            return Some(format!("it asked for two children labelled `{label}`"));
        }
    }
    None
}
