//! `tidemill dag schema`.

use crate::cli::SchemaOf;
use crate::config::Layers;
use crate::exit::Failure;
use crate::output::print;

/// Prints a JSON Schema for editors.
pub(crate) fn run(of: SchemaOf) -> Result<(), Failure> {
    let schema = match of {
        SchemaOf::Dag => {
            tidemill_dag::editor::schema_for_editors(&tidemill_kinds::registry().catalog())
        }
        SchemaOf::Config => Layers::schema().clone(),
        SchemaOf::Checks => tidemill_lake::quality::json_schema(),
    };
    print(&serde_json::to_string_pretty(&schema).map_err(anyhow::Error::new)?)
}
