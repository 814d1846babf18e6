//! Bad weather: the database goes away, and comes back.

use tidemill_dag::state::{Outcome, TaskState};
use tidemill_dag::time::Lapse;

use crate::puppets::Gate;
use crate::stage::{Stage, soon};

const TWO: &str = "
dag: two
tasks:
  first: { uses: wait, with: { gate: GATE } }
  second: { uses: noop, needs: [first] }
";

fn two(gate: &str) -> String {
    TWO.replace("GATE", gate)
}

#[tokio::test]
async fn a3_connections_that_break_end_neither_the_worker_nor_its_work() -> anyhow::Result<()> {
    let stage = Stage::new(&two("a3")).await?;
    let gate = Gate::named("a3");
    let _worker = stage.start(stage.options()).await?;
    gate.started(1).await;

    stage.world.database.cut_connections().await?;
    stage.outlives("first", 1).await?;
    stage.world.database.cut_connections().await?;
    gate.open();

    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    assert_eq!((stage.task("first").await?.attempt.0, gate.count()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn work_that_ends_while_the_database_is_away_counts_when_it_is_back() -> anyhow::Result<()> {
    let stage = Stage::new(&two("away")).await?;
    let gate = Gate::named("away");
    let mut options = stage.options();
    options.timing.lease = Lapse::seconds(60);
    let _worker = stage.start(options).await?;
    gate.started(1).await;

    stage.world.database.take_away().await?;
    gate.open();
    soon("the end is kept on disk", kept(&stage)).await;
    stage.world.database.bring_back().await?;

    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    assert_eq!((stage.task("first").await?.attempt.0, gate.count()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn the_next_worker_reports_what_a_dead_one_had_done() -> anyhow::Result<()> {
    let stage = Stage::new(&two("spooled")).await?;
    let gate = Gate::named("spooled");
    let mut options = stage.options();
    options.timing.lease = Lapse::seconds(60);
    let first = stage.start(options.clone()).await?;
    gate.started(1).await;
    stage.world.database.take_away().await?;
    gate.open();
    soon("the end is kept on disk", kept(&stage)).await;

    first.kill();
    stage.world.database.bring_back().await?;
    let _second = stage.start(options).await?;

    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    assert_eq!((stage.task("first").await?.attempt.0, gate.count()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn work_whose_lease_cannot_be_renewed_is_ended_and_counts_for_nothing() -> anyhow::Result<()>
{
    let stage = Stage::new(&two("fenced")).await?;
    let gate = Gate::named("fenced");
    let _worker = stage.start(stage.options()).await?;
    gate.started(1).await;

    stage.world.database.take_away().await?;
    gate.stopped(1).await;
    stage.world.database.bring_back().await?;

    let is_given_up = |state: &TaskState| matches!(state, TaskState::Backoff { .. });
    stage.task_is("first", "it is given up", |task| is_given_up(&task.state)).await?;
    let attempts = stage.store.attempts(stage.run, stage.task("first").await?.id).await?;
    let exit = attempts[0].exit.map(tidemill_store::ExitCause::label);
    assert_eq!(exit, Some("fenced"));
    gate.open();
    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    assert_eq!(stage.task("first").await?.attempt.0, 2);
    Ok(())
}

#[tokio::test]
async fn a_result_that_comes_after_the_lease_was_taken_back_is_refused() -> anyhow::Result<()> {
    let stage = Stage::frozen(&two("late")).await?;
    let gate = Gate::named("late");
    let mut options = stage.options();
    // It hears of nothing before its work is over.
    options.timing.lease = Lapse::seconds(60);
    options.timing.heartbeat = std::time::Duration::from_secs(50);
    let late = stage.start(options).await?;
    gate.started(1).await;
    stage.world.clock.advance(Lapse::seconds(61));
    stage.sweep_until_lost("first").await?;

    gate.open();
    let is_told = async {
        while !is_empty(&stage) {
            tokio::task::yield_now().await;
        }
    };
    soon("the result is dropped", is_told).await;
    let task = stage.task("first").await?;
    assert!(matches!(task.state, TaskState::Backoff { .. }), "{:?}", task.state);
    stage.world.clock.advance(Lapse::seconds(3600));
    late.wake.wake();

    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    let first = stage.task("first").await?;
    assert_eq!((first.attempt.0, first.output), (2, Some(serde_json::json!(2))));
    Ok(())
}

/// Waits until something lies in the spool.
async fn kept(stage: &Stage) {
    while is_empty(stage) {
        tokio::task::yield_now().await;
    }
}

fn is_empty(stage: &Stage) -> bool {
    let folders = std::fs::read_dir(stage.spool()).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten());
    !files.flatten().any(|file| file.path().extension().is_some_and(|ending| ending == "json"))
}
