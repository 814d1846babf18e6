//! `tidemill dag check`.

use std::path::PathBuf;

use serde_json::json;

use crate::App;
use crate::exit::{Exit, Failure};
use crate::output::counted;

/// Tells every mistake in DAG files.
pub(crate) fn run(app: &App<'_>, paths: &[PathBuf]) -> Result<(), Failure> {
    let (repository, catalog) = (super::repository(app)?, super::catalog(app));
    let loaded = if paths.is_empty() {
        repository.load(&catalog)?
    } else {
        repository
            .load_named(paths, &catalog)
            .map_err(|error| Failure::new(Exit::NotFound, error))?
    };
    if app.output.is_json() {
        let dags: Vec<_> = loaded
            .dags
            .iter()
            .map(|dag| json!({ "dag": dag.spec.dag, "file": dag.path, "hash": dag.hash, "includes": dag.includes }))
            .collect();
        app.output
            .data(&json!({ "dags": dags, "problems": loaded.problems }), ToString::to_string)?;
    } else {
        app.output.problems(&loaded.problems);
    }
    if !loaded.problems.is_empty() {
        return Err(Failure::told(Exit::InvalidDag));
    }
    if loaded.files == 0 {
        let error = anyhow::anyhow!("no DAG files in {}", app.config.dags.folder.display());
        let hint = "DAG files end in `.yaml` or `.yml`; name their folder with `--dags DIR`";
        return Err(Failure::new(Exit::NotFound, error).hint(hint.to_owned()));
    }
    let (files, tasks) = (loaded.files, loaded.dags.iter().map(|dag| dag.plan.nodes().len()).sum());
    app.output.say(&format!(
        "{} with {}: no problems",
        counted(files, "file"),
        counted(tasks, "task")
    ));
    Ok(())
}
