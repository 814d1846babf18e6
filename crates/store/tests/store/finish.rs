//! Ends of attempts.

use std::sync::Arc;

use serde_json::json;
use sqlx::{ConnectOptions, Row};
use tidemill_dag::advance::{Reason, Retry, Verdict};
use tidemill_dag::ids::TaskId;
use tidemill_dag::state::{Attempt, Outcome, RunState};
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, Exit, ExitCause, Finish, StoreError};
use tidemill_task::{ArtifactRef, ContentHash};
use tidemill_testkit::World;

use crate::{ONE_STEP, TWO_STEPS, side_by_side};

fn well(claim: &Claim) -> Finish {
    Finish::new(claim.held(), Verdict::Succeeded { output: Arc::new(json!({ "rows": 1 })) })
}

fn table(place: i32) -> ArtifactRef {
    ArtifactRef {
        port: "table".parse().expect("`table` is a name"),
        holds: "table".into(),
        sha256: ContentHash::of(b"a table"),
        size_bytes: 10,
        location: format!("attempts/1/{place}.parquet"),
        media_type: "application/vnd.apache.parquet".into(),
        publication: None,
    }
}

#[tokio::test]
async fn a_run_closes_when_its_last_task_is_over() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    world.open().await?;

    let first = world.claim("first").await?;
    world.clock.advance(Lapse::seconds(3));
    world.succeed(&first, json!({ "rows": 7 })).await?;
    let second = world.claim("second").await?;
    world.clock.advance(Lapse::seconds(4));
    world.succeed(&second, json!(null)).await?;

    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_and_then_fails_the_run() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let run = world.open().await?;
    let first = world.claim("first").await?;
    world.fail(&first).await?;
    world.clock.advance(Lapse::seconds(600));

    let again = world.claim("first").await?;
    world.fail(&again).await?;

    let detail = world.store.run(run).await?;
    assert!(
        matches!(detail.run.state, RunState::Closed { outcome: Outcome::Failed, .. }),
        "{:?}",
        detail.run.state
    );
    // Both tries count, also the one that ended it.
    assert_eq!((detail.tasks[0].failures, detail.tasks[0].attempt), (2, Attempt(2)));
    let attempts = world.store.attempts(again.run, again.task).await?;
    assert_eq!(
        attempts.iter().map(|one| one.exit).collect::<Vec<_>>(),
        [Some(ExitCause::Failed); 2]
    );
    assert_eq!(attempts[0].error.as_deref(), Some("it broke"));
    Ok(())
}

#[tokio::test]
async fn a_result_delivered_twice_is_refused_and_changes_nothing() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    world.open().await?;
    let first = world.claim("first").await?;
    world.succeed(&first, json!({ "rows": 7 })).await?;
    let before = world.describe().await?;

    let again = world.fail(&first).await;

    assert!(matches!(again, Err(StoreError::LostLease { attempt: Attempt(1), .. })), "{again:?}");
    assert_eq!(world.describe().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_result_for_a_task_of_another_run_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    let claim = world.claim("only").await?;

    let refused = world.store.finish(Finish { task: TaskId::generate(), ..well(&claim) }).await;

    assert!(matches!(refused, Err(StoreError::UnknownTask { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn many_ends_are_one_transaction_and_a_stale_one_hinders_no_other() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&side_by_side(8)).await?;
    let run = world.open().await?;
    let claims = world.claim_all().await?;
    let mut ends: Vec<Finish> = claims.iter().map(well).collect();
    ends[3].attempt = Attempt(9);

    let refused = world.store.finish_all(run, &ends).await?;

    assert_eq!(refused, [3]);
    assert_eq!(world.store.run(run).await?.run.tasks.succeeded, 7);
    let mut connection = world.database.options().connect().await?;
    let transactions =
        sqlx::query("SELECT count(DISTINCT xmin::text) FROM task_runs WHERE state = 'done'");
    assert_eq!(transactions.fetch_one(&mut connection).await?.get::<i64, _>(0), 1);
    Ok(())
}

#[tokio::test]
async fn costs_and_exit_causes_are_kept_per_attempt() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    let claim = world.claim("only").await?;
    let exit = Exit {
        cause: Some(ExitCause::OutOfMemory),
        peak_memory_bytes: Some(1 << 33),
        cpu_ms: Some(17),
    };

    world.store.finish(Finish { exit, ..well(&claim) }).await?;

    let attempt = &world.store.attempts(claim.run, claim.task).await?[0];
    assert_eq!(attempt.exit, Some(ExitCause::OutOfMemory));
    assert_eq!((attempt.peak_memory_bytes, attempt.cpu_ms), (Some(1 << 33), Some(17)));
    Ok(())
}

#[tokio::test]
async fn artefacts_reach_the_tasks_that_they_are_wired_to() -> anyhow::Result<()> {
    let dag = "
dag: wired
tasks:
  ingest: { uses: noop }
  read: { uses: noop, inputs: { table: ingest.table, other: ingest.other } }
";
    let world = World::new().await?.with_dag(dag).await?;
    world.open().await?;
    let ingest = world.claim("ingest").await?;
    let made = [table(7), table(5)];
    world.store.finish(Finish { artifacts: made.to_vec(), ..well(&ingest) }).await?;

    let read = world.claim("read").await?;

    assert_eq!(read.inputs["table"], made);
    assert!(read.inputs["other"].is_empty());
    Ok(())
}

#[tokio::test]
async fn artefacts_of_a_refused_result_are_never_seen() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    let claim = world.claim("only").await?;
    world.clock.advance(Lapse::seconds(120));
    world.sweep().await?;

    let refused = world.store.finish(Finish { artifacts: vec![table(0)], ..well(&claim) }).await;

    assert!(matches!(refused, Err(StoreError::LostLease { .. })), "{refused:?}");
    let mut connection = world.database.options().connect().await?;
    let count = sqlx::query("SELECT count(*) FROM artifacts").fetch_one(&mut connection).await?;
    assert_eq!(count.get::<i64, _>(0), 0);
    Ok(())
}

#[tokio::test]
async fn an_end_with_characters_that_no_row_can_hold_is_accepted() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&side_by_side(2)).await?;
    let run = world.open().await?;
    let claims = world.claim_all().await?;

    world.succeed(&claims[0], json!({ "printed\0": "a\0b" })).await?;
    let verdict = Verdict::Failed { error: "it said \0".into(), retry: Retry::CannotHelp };
    world.finish(&claims[1], verdict).await?;

    let tasks = world.store.run(run).await?.tasks;
    assert_eq!(tasks[0].output, Some(json!({ "printed\u{fffd}": "a\u{fffd}b" })));
    assert_eq!(tasks[1].reason, Some(Reason::Error { error: "it said \u{fffd}".into() }));
    Ok(())
}
