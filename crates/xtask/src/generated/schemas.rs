//! The JSON schemas that editors complete and check with.

use anyhow::Result;

use super::Files;
use crate::process;
use crate::workspace::Workspace;

/// Asks the binary for its schemas.
pub(super) fn write_schemas(workspace: &Workspace) -> Result<Files> {
    let arguments = ["run", "--quiet", "-p", "tidemill", "--", "dag", "schema"];
    let schema = process::output(&mut process::cargo(workspace, &arguments))?;
    Ok(Files::from([("dag.json".to_owned(), schema)]))
}
