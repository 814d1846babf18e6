//! The JSON schemas that editors complete and check with.

use anyhow::Result;

use super::Files;
use crate::process;
use crate::workspace::Workspace;

/// The schemas: each file with what prints it.
const SCHEMAS: [(&str, &[&str]); 4] = [
    ("dag.json", &["-p", "tidemill", "--", "dag", "schema", "dag"]),
    ("config.json", &["-p", "tidemill", "--", "dag", "schema", "config"]),
    ("checks.json", &["-p", "tidemill", "--", "dag", "schema", "checks"]),
    ("features.json", &["-p", "tidemill-features", "--example", "schema"]),
];

/// Tells whether a file of the folder is one of them.
pub(super) fn is_schema(name: &str) -> bool {
    SCHEMAS.iter().any(|(file, _)| *file == name)
}

/// Asks programs of ours for the schemas.
pub(super) fn write_schemas(workspace: &Workspace) -> Result<Files> {
    let mut files = Files::new();
    for (file, program) in SCHEMAS {
        let arguments = [&["run", "--quiet"], program].concat();
        files.insert(file.to_owned(), process::output(&mut process::cargo(workspace, &arguments))?);
    }
    Ok(files)
}
