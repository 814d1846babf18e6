//! `tidemill dag`.

mod check;
mod pause;
mod plan;
mod schema;
mod show;

use tidemill_dag::catalog::Catalog;
use tidemill_dag::load::Dag;
use tidemill_dag::problem::{Problem, suggest};
use tidemill_dag::references::named_by;

pub(crate) use show::schedule;

use crate::App;
use crate::cli::DagCommand;
use crate::exit::{Exit, Failure};
use crate::repository::{Loaded, Repository};

/// Runs a verb of `dag`.
pub(crate) fn run(app: &App<'_>, command: DagCommand) -> Result<(), Failure> {
    match command {
        DagCommand::Check { paths } => check::run(app, &paths),
        DagCommand::Show { name, drawing } => show::run(app, name.as_deref(), drawing),
        DagCommand::Plan { name, at, runs, interval, params } => {
            let runs = usize::from(runs);
            let interval = interval.as_deref();
            plan::run(app, &plan::Wanted { name: &name, at, runs, interval, params: &params })
        }
        DagCommand::Pause { name } => pause::run(app, &name, true),
        DagCommand::Unpause { name } => pause::run(app, &name, false),
        DagCommand::Schema { of } => schema::run(of),
    }
}

/// What DAG files may refer to.
pub(crate) fn catalog(app: &App<'_>) -> Catalog {
    Catalog {
        kinds: tidemill_kinds::registry().catalog(),
        pools: app.config.pools.iter().map(|(name, pool)| (name.to_string(), pool.slots)).collect(),
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
    Ok(find_with_named(app, name)?.0)
}

/// [`find`], with all DAGs that it may trigger, and those that they may.
pub(crate) fn find_with_named(app: &App<'_>, name: &str) -> Result<(Dag, Vec<Dag>), Failure> {
    let catalog = catalog(app);
    let Loaded { mut dags, problems, broken, .. } = repository(app)?.load(&catalog)?;
    let names: Vec<String> = dags.iter().map(|dag| dag.spec.dag.to_string()).collect();
    if let Some(place) = dags.iter().position(|dag| dag.spec.dag.as_str() == name) {
        let dag = dags.swap_remove(place);
        let targets = take_named(&dag, dags, &catalog);
        return Ok((dag, targets));
    }
    if let Some((_, file)) = broken.iter().find(|(broken, _)| broken == name) {
        let own: Vec<Problem> =
            problems.into_iter().filter(|problem| problem.path() == file).collect();
        app.output.problems(&own);
        return Err(Failure::told(Exit::InvalidDag));
    }
    let error = anyhow::anyhow!("no DAG `{name}` in {}", app.config.dags.folder.display());
    let known = names.iter().chain(broken.iter().map(|(name, _)| name)).map(String::as_str);
    Err(Failure::new(Exit::NotFound, error).hint(suggest(name, "DAGs", known)))
}

/// Takes out of `others` what a DAG names, and what that names, and so on.
fn take_named(dag: &Dag, mut others: Vec<Dag>, catalog: &Catalog) -> Vec<Dag> {
    let names_of = |dag: &Dag| named_by(dag, catalog).map(str::to_owned).collect::<Vec<_>>();
    let mut wanted = names_of(dag);
    let mut taken = Vec::new();
    while let Some(name) = wanted.pop() {
        if let Some(place) = others.iter().position(|other| other.spec.dag.as_str() == name) {
            let other = others.swap_remove(place);
            wanted.extend(names_of(&other));
            taken.push(other);
        }
    }
    taken
}
