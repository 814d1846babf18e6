//! What a worker takes, and how it keeps it.

use tidemill_dag::state::{Outcome, TaskState};
use tidemill_dag::time::Lapse;
use tidemill_store::WorkerState;

use crate::puppets::Gate;
use crate::stage::{Stage, soon};

fn side_by_side(gate: &str, count: usize) -> String {
    let tasks =
        (0..count).map(|task| format!("t{task}: {{ uses: wait, with: {{ gate: {gate} }} }}"));
    format!("{{ dag: side_by_side, tasks: {{ {} }} }}", tasks.collect::<Vec<_>>().join(", "))
}

#[tokio::test]
async fn a1_a_worker_takes_no_more_than_it_has_slots_for_and_renews_all_that_it_holds()
-> anyhow::Result<()> {
    let stage = Stage::new(&side_by_side("a1", 6)).await?;
    let gate = Gate::named("a1");
    let mut worker = stage.start(stage.options()).await?;
    gate.started(2).await;

    stage.outlives("t0", 2).await?;
    stage.outlives("t1", 1).await?;

    let tasks = stage.store.run(stage.run).await?.tasks;
    let is_running = |state: &TaskState| matches!(state, TaskState::Running { .. });
    assert_eq!(tasks.iter().filter(|task| is_running(&task.state)).count(), 2);
    assert_eq!(stage.store.sweep().await?.runs, 0);
    gate.open();
    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    assert_eq!(gate.count(), 6);
    worker.shutdown.drain.cancel();
    worker.ended().await;
    Ok(())
}

#[tokio::test]
async fn a6_a_worker_of_the_same_name_takes_over_what_the_one_before_left() -> anyhow::Result<()> {
    let stage = Stage::new(&side_by_side("a6", 1)).await?;
    let gate = Gate::named("a6");
    let first = stage.start(stage.options()).await?;
    gate.started(1).await;

    first.kill();
    let _second = stage.start(stage.options()).await?;
    stage.sweep_until_lost("t0").await?;
    gate.open();

    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    let task = stage.task("t0").await?;
    assert_eq!((task.attempt.0, task.losses), (2, 1));
    Ok(())
}

#[tokio::test]
async fn a9_a_task_that_failed_waits_in_the_database_and_holds_no_slot() -> anyhow::Result<()> {
    let dag = "
dag: retried
tasks:
  bad: { uses: fail, with: { succeed_on_attempt: 2 }, retries: { max: 2, backoff: 60s } }
  good: { uses: noop, needs: [other] }
  other: { uses: noop }
";
    let stage = Stage::frozen(dag).await?;
    let mut options = stage.options();
    options.slots = 1;
    let worker = stage.start(options).await?;

    let bad = stage
        .task_is("bad", "the task pauses", |task| matches!(task.state, TaskState::Backoff { .. }))
        .await?;
    let has_ended = |task: &tidemill_store::TaskDetail| task.state.outcome().is_some();
    stage.task_is("good", "the others are done", has_ended).await?;
    assert_eq!(stage.task("bad").await?.attempt, bad.attempt, "it was tried again at once");
    stage.world.clock.advance(Lapse::seconds(3600));
    worker.wake.wake();

    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    assert_eq!(stage.task("bad").await?.attempt.0, 2);
    Ok(())
}

#[tokio::test]
async fn a15_a_kind_that_computes_in_the_worker_delays_no_renewal() -> anyhow::Result<()> {
    let dag = "{ dag: computing, tasks: { t0: { uses: compute, with: { gate: a15 } } } }";
    let stage = Stage::new(dag).await?;
    let gate = Gate::named("a15");
    // The worker has one thread, which the task holds.
    let _worker = stage.start(stage.options()).await?;
    gate.started(1).await;

    stage.outlives("t0", 2).await?;

    assert_eq!(stage.store.sweep().await?.runs, 0);
    gate.open();
    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    assert_eq!(stage.task("t0").await?.attempt.0, 1);
    Ok(())
}

#[tokio::test]
async fn a18_a_request_to_stop_wakes_a_task_that_waits() -> anyhow::Result<()> {
    let stage = Stage::new(&side_by_side("a18", 1)).await?;
    let gate = Gate::named("a18");
    let mut options = stage.options();
    // Renewals, which tell of requests too, are further apart than the deadline of the test.
    options.timing.lease = Lapse::seconds(600);
    options.timing.heartbeat = std::time::Duration::from_mins(2);
    let _worker = stage.start(options).await?;
    gate.started(1).await;

    stage.store.cancel_run(stage.run, "test").await?;

    gate.stopped(1).await;
    assert_eq!(stage.closed().await?, Outcome::Cancelled);
    Ok(())
}

#[tokio::test]
async fn the_end_of_a_task_starts_the_next_one_at_once() -> anyhow::Result<()> {
    let tasks: Vec<String> = (0..20)
        .map(|task| match task {
            0 => "t0: { uses: noop }".to_owned(),
            _ => format!("t{task}: {{ uses: noop, needs: [t{}] }}", task - 1),
        })
        .collect();
    let stage = Stage::new(&format!("{{ dag: chain, tasks: {{ {} }} }}", tasks.join(", "))).await?;
    let mut options = stage.options();
    // Polling alone would take longer than the deadline.
    options.timing.idle_poll = std::time::Duration::from_mins(1);

    let _worker = stage.start(options).await?;

    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_opened_elsewhere_starts_at_once() -> anyhow::Result<()> {
    let stage = Stage::new("{ dag: one, tasks: { t0: { uses: noop } } }").await?;
    let mut options = stage.options();
    options.timing.idle_poll = std::time::Duration::from_mins(1);
    let _worker = stage.start(options).await?;
    stage.closed().await?;

    let second = stage.world.open().await?;

    let is_over = async {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(10));
        while stage.store.run(second).await.unwrap().run.tasks.succeeded == 0 {
            looks.tick().await;
        }
    };
    soon("the second run is carried out", is_over).await;
    Ok(())
}

#[tokio::test]
async fn a_worker_says_where_it_stands() -> anyhow::Result<()> {
    let stage = Stage::new(&side_by_side("says", 1)).await?;
    let gate = Gate::named("says");
    let mut worker = stage.start(stage.options()).await?;
    let state_is = async |wanted: WorkerState| {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(10));
        loop {
            looks.tick().await;
            let workers = stage.store.workers().await.unwrap();
            if workers.first().is_some_and(|worker| worker.state == wanted) {
                return;
            }
        }
    };
    gate.started(1).await;

    soon("it runs", state_is(WorkerState::Running)).await;
    worker.shutdown.drain.cancel();
    soon("it drains", state_is(WorkerState::Draining)).await;
    gate.open();
    worker.ended().await;

    assert_eq!(stage.store.workers().await?, [], "a stopped worker is in no list");
    Ok(())
}

#[tokio::test]
async fn a_task_that_waits_for_a_run_of_another_dag_takes_no_slot_of_its_worker()
-> anyhow::Result<()> {
    let parent =
        "{ dag: parent, tasks: { ask: { uses: trigger, with: { dag: child, wait: true } } } }";
    let mut stage = Stage::new(parent).await?;
    stage
        .world
        .put_dag("{ dag: child, tasks: { t0: { uses: wait, with: { gate: child } } } }")
        .await?;
    let gate = Gate::named("child");
    let mut options = stage.options();
    options.slots = 1;

    let _worker = stage.start(options).await?;

    // With one slot alone, the child could not start if the parent held it.
    gate.started(1).await;
    let ask = stage.task("ask").await?;
    assert!(matches!(ask.state, TaskState::Expanded { .. }), "{:?}", ask.state);
    gate.open();
    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    assert_eq!(stage.task("ask").await?.output.expect("it succeeded")["state"], "succeeded");
    Ok(())
}

#[tokio::test]
async fn a_cancel_of_a_task_that_waits_stops_the_work_of_its_run() -> anyhow::Result<()> {
    let parent =
        "{ dag: parent, tasks: { ask: { uses: trigger, with: { dag: child, wait: true } } } }";
    let mut stage = Stage::new(parent).await?;
    stage
        .world
        .put_dag("{ dag: child, tasks: { t0: { uses: wait, with: { gate: stopped } } } }")
        .await?;
    let gate = Gate::named("stopped");
    let _worker = stage.start(stage.options()).await?;
    gate.started(1).await;

    stage.store.cancel_run(stage.run, "test").await?;

    gate.stopped(1).await;
    assert_eq!(stage.closed().await?, Outcome::Cancelled);
    Ok(())
}
