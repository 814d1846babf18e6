//! Files that a DAG includes: read when it is loaded, pinned with it, and checked like the DAG itself.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::problem::{SourceText, suggest};

/// Gives the text of files by their path from the repository's root.
pub trait Files {
    /// Reads a file of at most [`crate::yaml::LARGEST_FILE`] bytes.
    fn read(&self, path: &str) -> Result<String, FileError>;
}

/// Why a file could not be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is not there.
    #[error("does not exist")]
    Missing {
        /// Files beside it.
        nearby: Vec<String>,
    },
    /// It, or what a link points to, lies outside the repository.
    #[error("lies outside the repository")]
    Outside,
    /// It is too large.
    #[error("is larger than 1 MiB")]
    TooLarge,
    /// It is not UTF-8 text.
    #[error("is not UTF-8 text")]
    NotText,
    /// It could not be read.
    #[error("cannot be read: {cause}")]
    Unreadable {
        /// What the system said.
        cause: String,
    },
}

/// A repository without files.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<String, FileError> {
        Err(FileError::Missing { nearby: Vec::new() })
    }
}

/// A parameter that names a YAML file and carries its content, pinned when the DAG was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Included<T> {
    /// The file, from the repository's root.
    pub path: String,
    /// What it held.
    pub content: T,
}

impl<T: JsonSchema> JsonSchema for Included<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Included_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let content = T::json_schema(generator);
        json_schema!({ "type": "string", "format": "include", "contentSchema": content })
    }
}

/// A parameter that names a text file, such as a query, and carries its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncludedText {
    /// The file, from the repository's root.
    pub path: String,
    /// What it held.
    pub content: String,
}

impl JsonSchema for IncludedText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "IncludedText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "include" })
    }
}

/// Why an include was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInclude {
    /// Its path leads out of the repository.
    #[error("the included file `{path}` lies outside the repository")]
    Escapes {
        /// The path as written.
        path: String,
    },
    /// Its path is not a relative one.
    #[error("the included file `{path}` is not named by a relative path")]
    NotRelative {
        /// The path as written.
        path: String,
    },
    /// It cannot be read.
    #[error("the included file `{path}` {error}")]
    Unread {
        /// The path from the repository's root.
        path: String,
        /// Why.
        error: FileError,
    },
}

impl BadInclude {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Escapes { .. } | Self::Unread { error: FileError::Outside, .. } => {
                Some("move the file into the repository, for instance into `configs/`".to_owned())
            }
            Self::NotRelative { .. } => Some(
                "write the path as seen from the DAG file, such as `../configs/checks/plant.yaml`"
                    .to_owned(),
            ),
            Self::Unread { path, error: FileError::Missing { nearby } } => {
                suggest(path, "files there", nearby.iter().map(String::as_str))
            }
            Self::Unread { .. } => None,
        }
    }
}

/// Reads a file that `source` includes.
pub(super) fn read(
    source: &SourceText,
    files: &dyn Files,
    path: &str,
) -> Result<Arc<SourceText>, BadInclude> {
    let path = resolve(&source.path, path)?;
    match files.read(&path) {
        Ok(text) => Ok(Arc::new(SourceText::new(path, text))),
        Err(error) => Err(BadInclude::Unread { path, error }),
    }
}

/// The path from the repository's root of `path` as seen from the file `from`.
fn resolve(from: &str, path: &str) -> Result<String, BadInclude> {
    let is_relative =
        !path.is_empty() && !path.starts_with('/') && !path.contains(['\\', '\0', ':']);
    if !is_relative {
        return Err(BadInclude::NotRelative { path: path.to_owned() });
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| BadInclude::Escapes { path: path.to_owned() })?;
            }
            plain => parts.push(plain),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_the_file_that_names_it() {
        assert_eq!(resolve("dags/a.yaml", "../configs/b.yaml").as_deref(), Ok("configs/b.yaml"));
        assert_eq!(resolve("dags/deep/a.yaml", "./x.sql").as_deref(), Ok("dags/deep/x.sql"));
    }

    #[test]
    fn a_path_that_leaves_the_repository_is_refused() {
        for path in ["../../etc/passwd", "a/../../../b", "/etc/passwd", "", "c:\\x", "file:///x"] {
            assert!(resolve("dags/a.yaml", path).is_err(), "{path:?}");
        }
    }
}
