//! The cache under a worker: the second run of the same work does none of it.

use tidemill_dag::names::TaskName;
use tidemill_dag::rerun::Selection;
use tidemill_dag::state::{Outcome, RunKind};
use tidemill_dag::template::Facts;
use tidemill_scheduler::{Prediction, Props, Rehearsal, WorkerOptions, rehearse};
use tidemill_store::{NewRerun, NewRun};
use tidemill_task::{ArtifactStore, CacheNote, Miss};
use tidemill_testkit::World;

use crate::puppets::{Gate, registry};
use crate::stage::Stage;

/// `write` makes a table of its text, `upper` one of that table in upper case, `side` is not cached.
fn chain(gate: &str, text: &str, suffix: &str) -> String {
    format!(
        "
dag: chained
tasks:
  write: {{ uses: write, with: {{ gate: {gate}-write, text: {text} }} }}
  upper: {{ uses: upper, inputs: {{ text: write.text }}, with: {{ gate: {gate}-upper, suffix: '{suffix}' }} }}
  side: {{ uses: write, cache: false, with: {{ gate: {gate}-side, text: side }} }}
"
    )
}

/// How often the work of each task was done; the gates are of one test alone.
fn counts(gate: &str) -> [u32; 3] {
    ["write", "upper", "side"].map(|task| Gate::named(&format!("{gate}-{task}")).count())
}

async fn carried_out(stage: &Stage) -> anyhow::Result<()> {
    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    Ok(())
}

/// The content of the one artefact that a task of the present run gave.
async fn content_of(stage: &Stage, task: &str) -> anyhow::Result<String> {
    let selection = Selection::From(vec![task.parse()?]);
    let rerun = NewRerun { run: stage.run, version: None, selection, use_cache: true };
    let results = stage.store.plan_rerun(&rerun).await?.results;
    let [artifact] = results[&task.parse()?].artifacts.as_slice() else {
        anyhow::bail!("`{task}` has not one artefact");
    };
    Ok(String::from_utf8(stage.artifacts.read(artifact).await?.to_vec())?)
}

#[tokio::test]
async fn the_second_run_of_an_interval_does_no_work_and_its_artefacts_are_readable()
-> anyhow::Result<()> {
    let mut stage = Stage::new(&chain("again", "hello", "!")).await?;
    let _worker = stage.start(stage.options()).await?;
    carried_out(&stage).await?;
    stage.open_again().await?;

    carried_out(&stage).await?;

    assert_eq!(counts("again"), [1, 1, 2]);
    for task in ["write", "upper"] {
        let note = stage.task(task).await?.cache;
        assert!(note.as_ref().is_some_and(CacheNote::is_hit), "{task}: {note:?}");
    }
    assert_eq!(stage.task("side").await?.cache, None);
    assert_eq!(content_of(&stage, "write").await?, "hello");
    assert_eq!(content_of(&stage, "upper").await?, "HELLO!");
    Ok(())
}

#[tokio::test]
async fn one_changed_parameter_runs_what_is_below_it_and_nothing_else() -> anyhow::Result<()> {
    let mut stage = Stage::new(&chain("below", "hello", "!")).await?;
    let _worker = stage.start(stage.options()).await?;
    carried_out(&stage).await?;
    stage.world.put_dag(&chain("below", "hello", "?")).await?;
    stage.open_again().await?;

    carried_out(&stage).await?;

    assert_eq!(counts("below"), [1, 2, 2]);
    let upper = stage.task("upper").await?;
    let words = upper.cache.expect("it asked").words(World::start());
    assert!(
        words.starts_with("not cached: param `suffix` was !, is ?; compared with run_"),
        "{words}"
    );
    assert_eq!(content_of(&stage, "upper").await?, "HELLO?");
    Ok(())
}

#[tokio::test]
async fn the_same_content_from_above_is_a_hit_below_whoever_made_it() -> anyhow::Result<()> {
    let mut stage = Stage::new(&chain("content", "hello", "!")).await?;
    let _worker = stage.start(stage.options()).await?;
    carried_out(&stage).await?;
    let other = chain("content", "hello", "!").replace("text: hello", "text: hello, trim: true");
    stage.world.put_dag(&other).await?;
    stage.open_again().await?;

    carried_out(&stage).await?;

    assert_eq!(counts("content"), [2, 1, 2]);
    Ok(())
}

#[tokio::test]
async fn a_run_without_the_cache_does_all_work_and_leaves_its_results_to_others()
-> anyhow::Result<()> {
    let mut stage = Stage::new(&chain("fresh", "hello", "!")).await?;
    let _worker = stage.start(stage.options()).await?;
    carried_out(&stage).await?;
    let fresh = NewRun { use_cache: false, ..stage.world.new_run() };
    let first = stage.run;
    stage.run = stage.world.store.open_run(&fresh).await?.run;
    carried_out(&stage).await?;
    let second = stage.run;
    stage.open_again().await?;

    carried_out(&stage).await?;

    assert_eq!(counts("fresh"), [2, 2, 3]);
    let note = stage.task("write").await?.cache;
    let Some(CacheNote::Hit { origin, .. }) = note else { panic!("{note:?}") };
    assert!(origin.run == second && origin.run != first);
    Ok(())
}

#[tokio::test]
async fn an_artefact_that_is_gone_is_made_again() -> anyhow::Result<()> {
    let mut stage = Stage::new(&chain("gone", "hello", "!")).await?;
    let first = stage.start(stage.options()).await?;
    carried_out(&stage).await?;
    drop(first);
    stage.artifacts = ArtifactStore::in_memory();
    stage.open_again().await?;
    let _second = stage.start(stage.options()).await?;

    carried_out(&stage).await?;

    assert_eq!(counts("gone"), [2, 2, 2]);
    let note = stage.task("write").await?.cache;
    let Some(CacheNote::Miss { why, .. }) = note else { panic!("{note:?}") };
    assert!(matches!(why, Miss::ArtifactGone { .. }), "{why:?}");
    Ok(())
}

#[tokio::test]
async fn a_failure_is_never_a_result() -> anyhow::Result<()> {
    let dag = "{ dag: failing, tasks: { only: { uses: fail, cache: true } } }";
    let mut stage = Stage::new(dag).await?;
    let _worker = stage.start(stage.options()).await?;
    assert_eq!(stage.closed().await?, Outcome::Failed);
    stage.open_again().await?;

    assert_eq!(stage.closed().await?, Outcome::Failed);

    let note = stage.task("only").await?.cache;
    assert!(matches!(note, Some(CacheNote::Miss { why: Miss::NeverRan, .. })), "{note:?}");
    Ok(())
}

/// What a rehearsal says of each task.
async fn predicted(stage: &Stage, dag: &str) -> anyhow::Result<String> {
    let summary = stage.store.dag(&dag.parse()?).await?;
    let version = stage.store.dag_version(summary.version).await?;
    let facts = Facts {
        dag: summary.name,
        hash: version.hash.clone(),
        run: tidemill_dag::ids::RunId::generate(),
        kind: RunKind::Manual,
        interval: World::interval(),
        zone: version.zone(),
        params: [].into(),
    };
    let (registry, environment) = (registry(), [].into());
    let props = Props { store: &stage.store, registry: &registry, environment: &environment };
    let mut runs = [Rehearsal::new(&version.plan, facts, World::start())];
    rehearse(props, &mut runs).await?;
    let line = |(task, found): &(TaskName, Prediction)| {
        let words = found.words(World::start());
        let words = words.split(" as run_").next().unwrap_or_default();
        let words = words.split("; compared").next().unwrap_or_default();
        format!("{task}: {}: {words}", found.word())
    };
    Ok(runs[0].predictions().iter().map(line).collect::<Vec<_>>().join("\n"))
}

const SHAPES: &str = "
dag: shapes
tasks:
  first: { uses: write, with: { gate: shapes, text: TEXT } }
  reads: { uses: upper, inputs: { text: first.text }, with: { gate: shapes, suffix: '!' } }
  after: { uses: write, needs: [first], with: { gate: shapes, text: static } }
  each: { uses: write, needs: [first], for_each: [a, b], with: { gate: shapes, text: '{{ item }}' } }
  large: { uses: write, needs: [first], when: outputs.first > 3, with: { gate: shapes, text: large } }
  small: { uses: write, needs: [first], when: outputs.first < 3, with: { gate: shapes, text: small } }
  below: { uses: write, needs: [small], with: { gate: shapes, text: below } }
  shell: { uses: command, needs: [first], with: { argv: ['true'] } }
  wrong: { uses: write, with: { gate: shapes, text: '{{ env.NOWHERE }}' } }
";

#[tokio::test]
async fn a_rehearsal_tells_of_each_task_why_it_would_run_or_not() -> anyhow::Result<()> {
    let dag = SHAPES.replace("TEXT", "hello");
    let mut stage = Stage::new(&dag).await?;
    let before = predicted(&stage, "shapes").await?;
    let _worker = stage.start(WorkerOptions { slots: 4, ..stage.options() }).await?;
    assert_eq!(stage.closed().await?, Outcome::Failed);
    let after = predicted(&stage, "shapes").await?;
    stage.world.put_dag(&SHAPES.replace("TEXT", "other")).await?;

    let changed = predicted(&stage, "shapes").await?;

    insta::assert_snapshot!(format!("before\n{before}\n\nafter\n{after}\n\nchanged\n{changed}"));
    Ok(())
}
