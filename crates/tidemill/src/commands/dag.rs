//! `tidemill dag`.

mod check;
mod plan;
mod schema;
mod show;

use std::collections::BTreeMap;

use tidemill_dag::catalog::Catalog;
use tidemill_dag::load::Dag;
use tidemill_dag::problem::{nearest, suggest};

pub(crate) use show::schedule;

use crate::App;
use crate::cli::DagCommand;
use crate::exit::{Exit, Failure};
use crate::repository::Repository;

/// Runs a verb of `dag`.
pub(crate) fn run(app: &App<'_>, command: DagCommand) -> Result<(), Failure> {
    match command {
        DagCommand::Check { paths } => check::run(app, &paths),
        DagCommand::Show { name, drawing } => show::run(app, name.as_deref(), drawing),
        DagCommand::Plan { name, at, runs } => plan::run(app, &name, at, usize::from(runs)),
        DagCommand::Schema { of } => schema::run(of),
    }
}

/// What DAG files may refer to.
pub(crate) fn catalog(app: &App<'_>) -> Catalog {
    Catalog {
        kinds: tidemill_kinds::registry().catalog(),
        pools: app.config.pools.keys().map(ToString::to_string).collect(),
        env: app.config.dags.env.clone(),
    }
}

/// The repository of the configured DAG folder.
pub(crate) fn repository(app: &App<'_>) -> Result<Repository, Failure> {
    let hint = "name the folder of the DAG files with `--dags DIR`";
    Repository::open(app.config.repository(), &app.config.dags.folder)
        .map_err(|error| Failure::new(Exit::NotFound, error).hint(hint.to_owned()))
}

/// One DAG by its name. Problems of its own file are told; those of other files are not its concern.
pub(crate) fn find(app: &App<'_>, name: &str) -> Result<Dag, Failure> {
    let loaded = repository(app)?.load(&catalog(app))?;
    let mut by_name: BTreeMap<String, Dag> =
        loaded.dags.into_iter().map(|dag| (dag.spec.dag.to_string(), dag)).collect();
    if let Some(dag) = by_name.remove(name) {
        return Ok(dag);
    }
    if !loaded.problems.is_empty() && nearest(name, by_name.keys().map(String::as_str)).is_none() {
        app.output.problems(&loaded.problems);
        let error = anyhow::anyhow!(
            "no DAG `{name}` without problems in {}",
            app.config.dags.folder.display()
        );
        return Err(Failure::new(Exit::InvalidDag, error));
    }
    let error = anyhow::anyhow!("no DAG `{name}` in {}", app.config.dags.folder.display());
    let hint = suggest(name, "DAGs", by_name.keys().map(String::as_str));
    Err(Failure::new(Exit::NotFound, error).hint(hint))
}
