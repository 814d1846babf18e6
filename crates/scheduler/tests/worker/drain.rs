//! How workers stop.

use std::time::Duration;

use tidemill_dag::state::{Outcome, TaskState};

use crate::puppets::Gate;
use crate::stage::Stage;

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
async fn a2_a_draining_worker_renews_what_it_holds_and_takes_nothing_new() -> anyhow::Result<()> {
    let stage = Stage::new(&two("a2")).await?;
    let gate = Gate::named("a2");
    let mut worker = stage.start(stage.options()).await?;
    gate.started(1).await;

    worker.shutdown.drain.cancel();
    stage.outlives("first", 2).await?;
    assert_eq!(stage.store.sweep().await?.runs, 0);
    gate.open();
    worker.ended().await;

    let first = stage.task("first").await?;
    assert_eq!((first.state.outcome(), first.attempt.0), (Some(Outcome::Succeeded), 1));
    assert!(matches!(stage.task("second").await?.state, TaskState::Ready { .. }));
    Ok(())
}

#[tokio::test]
async fn what_does_not_end_within_the_grace_is_given_back_without_a_mark() -> anyhow::Result<()> {
    let stage = Stage::new(&two("grace")).await?;
    let gate = Gate::named("grace");
    let mut options = stage.options();
    options.timing.grace = Duration::ZERO;
    let mut worker = stage.start(options).await?;
    gate.started(1).await;

    worker.shutdown.drain.cancel();
    worker.ended().await;

    let first = stage.task("first").await?;
    assert!(matches!(first.state, TaskState::Ready { .. }), "{:?}", first.state);
    assert_eq!((first.attempt.0, first.failures, first.losses), (1, 0, 0));
    let _next = stage.start(stage.options()).await?;
    gate.open();
    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    assert_eq!(stage.task("first").await?.attempt.0, 2);
    Ok(())
}

#[tokio::test]
async fn a_second_signal_ends_the_grace() -> anyhow::Result<()> {
    let stage = Stage::new(&two("second_signal")).await?;
    let gate = Gate::named("second_signal");
    let mut worker = stage.start(stage.options()).await?;
    gate.started(1).await;

    worker.shutdown.drain.cancel();
    worker.shutdown.at_once.cancel();
    worker.ended().await;

    assert!(matches!(stage.task("first").await?.state, TaskState::Ready { .. }));
    Ok(())
}

#[tokio::test]
async fn a_worker_that_holds_nothing_stops_at_once_and_leaves_no_folder() -> anyhow::Result<()> {
    let stage = Stage::new(&two("nothing")).await?;
    Gate::named("nothing").open();
    let mut worker = stage.start(stage.options()).await?;
    assert_eq!(stage.closed().await?, Outcome::Succeeded);

    worker.shutdown.drain.cancel();
    worker.ended().await;

    assert_eq!(std::fs::read_dir(stage.spool())?.count(), 0);
    Ok(())
}
