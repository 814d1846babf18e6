//! What is wrong with a checks file.

use std::fmt;

/// One thing that is wrong with a checks file, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The check, counted from 0 in the file's list; none where the file itself is wrong.
    pub check: Option<usize>,
    /// The name of the check, or its kind where it has none.
    pub name: Option<String>,
    /// The key inside of the check or the file, such as `with.min`; empty for the whole.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Mistake {
    /// The place as a path, such as `checks[3].with.min`.
    pub fn place(&self) -> String {
        match (self.check, self.field.as_str()) {
            (None, field) => field.to_owned(),
            (Some(index), "") => format!("checks[{index}]"),
            (Some(index), field) => format!("checks[{index}].{field}"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        if !place.is_empty() {
            write!(f, "{place}")?;
            if let Some(name) = &self.name {
                write!(f, " (`{name}`)")?;
            }
            write!(f, ": ")?;
        }
        write!(f, "{}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// A mistake as a check sees it: it knows its keys, but not where it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) field: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn at(self, check: Option<usize>, name: Option<&str>) -> Mistake {
        Mistake {
            check,
            name: name.map(str::to_owned),
            field: self.field,
            message: self.message,
            hint: self.hint,
        }
    }
}
