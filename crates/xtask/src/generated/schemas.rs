//! The JSON schemas that editors complete and check with.

use anyhow::Result;

use super::Files;
use crate::process;
use crate::workspace::Workspace;

/// The schemas: each file with the word that asks the binary for it.
const SCHEMAS: [(&str, &str); 3] =
    [("dag.json", "dag"), ("config.json", "config"), ("checks.json", "checks")];

/// Tells whether a file of the folder is one of them.
pub(super) fn is_schema(name: &str) -> bool {
    SCHEMAS.iter().any(|(file, _)| *file == name)
}

/// Asks the binary for its schemas.
pub(super) fn write_schemas(workspace: &Workspace) -> Result<Files> {
    let mut files = Files::new();
    for (file, word) in SCHEMAS {
        let arguments = ["run", "--quiet", "-p", "tidemill", "--", "dag", "schema", word];
        files.insert(file.to_owned(), process::output(&mut process::cargo(workspace, &arguments))?);
    }
    Ok(files)
}
