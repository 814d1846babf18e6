//! `tidemill run rerun`.

use std::collections::BTreeMap;

use anyhow::anyhow;
use serde_json::json;
use tidemill_dag::names::TaskName;
use tidemill_dag::rerun::Selection;
use tidemill_dag::state::TaskPath;
use tidemill_scheduler::{Prediction, Rehearsal};
use tidemill_store::{NewDagVersion, NewRerun, RerunPlan, StoreError};

use super::{finish, show};
use crate::App;
use crate::cli::RerunArguments;
use crate::commands::{dag, predict};
use crate::database::{Database, Version};
use crate::exit::{Exit, Failure};
use crate::output::table;

/// Carries tasks of an earlier run out again, as a run of its own.
pub(crate) async fn run(app: &App<'_>, arguments: &RerunArguments) -> Result<(), Failure> {
    let selection = selection(arguments)?;
    let database = Database::open(app, Version::Current).await?;
    let store = &database.store;
    let earlier = show::find(store, &arguments.run).await?.run;
    let version = if arguments.version.latest {
        let dag = dag::find(app, earlier.dag.as_str())?;
        let new = NewDagVersion { spec: &dag.spec, hash: &dag.hash, source: &dag.path };
        Some(store.put_dag_version(&new).await?)
    } else {
        None
    };
    let new =
        NewRerun { run: earlier.id, version, selection, use_cache: !arguments.cache.no_cache };
    if arguments.plan {
        let plan = store.plan_rerun(&new).await.map_err(refused)?;
        return print_plan(app, &database, &plan, new.use_cache).await;
    }
    let run = store.rerun(&new).await.map_err(refused)?;
    finish(app, &database, run, arguments.wait).await
}

fn selection(arguments: &RerunArguments) -> Result<Selection, Failure> {
    let usage = |error: anyhow::Error| Failure::new(Exit::Usage, error);
    if let Some(names) = &arguments.from {
        let names = names.iter().map(|name| TaskName::new(name)).collect::<Result<_, _>>();
        return Ok(Selection::From(names.map_err(|error| usage(error.into()))?));
    }
    if let Some(paths) = &arguments.only {
        let paths = paths.iter().map(|path| path.parse::<TaskPath>()).collect::<Result<_, _>>();
        return Ok(Selection::Only(paths.map_err(|error| usage(error.into()))?));
    }
    if arguments.failed {
        return Ok(Selection::Failed);
    }
    Err(usage(anyhow!("nothing says which tasks to run again"))
        .hint("name them by `--failed`, `--from TASK` or `--only TASK,TASK[3]`".to_owned()))
}

fn refused(error: StoreError) -> Failure {
    match error {
        StoreError::Rerun { .. } => Failure::new(Exit::Usage, error),
        other => other.into(),
    }
}

async fn print_plan(
    app: &App<'_>,
    database: &Database,
    plan: &RerunPlan,
    use_cache: bool,
) -> Result<(), Failure> {
    let now = database.store.now().await?;
    let rehearsal = Rehearsal::of_view(&plan.version.plan, plan.view.clone(), now)
        .with_results(&plan.results, &plan.items)
        .with_named(plan.named.clone())
        .using_cache(use_cache);
    let mut runs = [rehearsal];
    predict::predict(app, &database.store, &mut runs).await?;
    let [run] = runs;
    let predictions: BTreeMap<TaskName, Prediction> = run.predictions().into_iter().collect();
    let expected = |task: &TaskName| predictions.get(task).unwrap_or(&Prediction::Kept);
    let turns = plan.turns.iter();
    let document = json!({
        "pinned_hash": plan.earlier_hash,
        "hash": plan.hash,
        "tasks": turns.map(|(task, turn)| {
            let predicted = predict::document(task, expected(task), now);
            json!({ "task": task, "runs": turn.runs(), "why": turn, "predicted": predicted })
        }).collect::<Vec<_>>(),
    });
    app.output.data(&document, |_| {
        let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
        let hashes = if plan.hash == plan.earlier_hash {
            format!("hash {}, as the run was pinned to", short(&plan.hash))
        } else {
            format!(
                "hash {}; the run was pinned to {}",
                short(&plan.hash),
                short(&plan.earlier_hash)
            )
        };
        let rows = plan.turns.iter().map(|(task, turn)| {
            let expected = expected(task);
            let cache = if turn.runs() { expected.words(now) } else { String::new() };
            [task.to_string(), turn.to_string(), cache]
        });
        format!("{hashes}\n\n{}", table(["task", "what happens", "cache"], rows))
    })
}
