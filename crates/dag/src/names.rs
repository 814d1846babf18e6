//! Names that engineers write: checked once, then carried as types.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The longest name, so that a name fits a metric label, a file name and a mail subject.
pub const LONGEST_NAME: usize = 64;

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name")]
pub struct BadName {
    /// What was given.
    pub text: String,
}

impl BadName {
    /// What a name must look like.
    pub const HINT: &str =
        "a name starts with a lower-case letter; then letters, digits, `_` and `-`, 64 at most";
}

/// Tells whether `text` can be a name: no dots, slashes or blanks, so it is safe in paths and templates.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let starts_well = bytes.next().is_some_and(|first| first.is_ascii_lowercase());
    starts_well
        && text.len() <= LONGEST_NAME
        && bytes.all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
        })
}

/// Declares the name types.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks and wraps a name.
            pub fn new(text: &str) -> Result<Self, BadName> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(BadName { text: text.to_owned() })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "name", "pattern": "^[a-z][a-z0-9_-]{0,63}$" })
            }
        }
    )*};
}

names! {
    /// The name of a DAG, unique in a repository.
    DagName;
    /// The name of a task within its DAG.
    TaskName;
    /// The name of a pool of worker slots.
    PoolName;
    /// The name of an input or output of a kind.
    PortName;
    /// The name of a kind of task, as in `uses`.
    KindName;
    /// The name of a run-level parameter.
    ParamName;
    /// The name of a data set.
    DatasetName;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_path_tricks_are_refused() {
        for text in [
            "",
            "../etc",
            "a/b",
            "a.b",
            ".hidden",
            "Upper",
            "0day",
            "a b",
            "ä",
            "a\0",
            &"a".repeat(65),
        ] {
            assert!(!is_name(text), "{text:?}");
        }
    }

    #[test]
    fn plain_names_are_taken() {
        for text in ["a", "thermal_nightly", "churn-daily-2", &"a".repeat(64)] {
            assert!(is_name(text), "{text:?}");
        }
    }
}
