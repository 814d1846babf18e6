//! A crash between any two statements: whatever was under way, nothing is lost and nothing is doubled.
//!
//! Each operation is cut at its first statement, at its second, and so on until it passes whole; each time once before the
//! server hears of the statement, and once before the client hears of its success.

use std::sync::Arc;

use anyhow::Context;
use serde_json::json;
use sqlx::{ConnectOptions, Connection, Row};
use tidemill_dag::advance::Verdict;
use tidemill_dag::ids::RunId;
use tidemill_dag::state::{Outcome, RunState};
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, Clock, ExitCause, Finish, Held, Store, StoreError};
use tidemill_task::{ArtifactRef, ContentHash};
use tidemill_testkit::{Cut, World};

/// One task, then two of a list, then one that waits for both.
const FLOW: &str = "
dag: flow
notify: { on_success: [ops@example.com] }
tasks:
  first: { uses: noop }
  each: { uses: noop, needs: [first], for_each: [a, b] }
  last: { uses: noop, needs: [each] }
";

/// More statements than any operation has.
const MOST: u32 = 60;

/// Attempts of one run: its first task, the two of its list, its last.
const TASKS_WITH_ATTEMPTS: usize = 4;

fn well(claim: &Claim) -> Finish {
    let artifact = ArtifactRef {
        port: "table".parse().expect("`table` is a name"),
        holds: "table".into(),
        sha256: ContentHash::of(b"a table"),
        size_bytes: 10,
        location: format!("attempts/{}/{}.parquet", claim.task, claim.attempt),
        media_type: "application/vnd.apache.parquet".into(),
        publication: None,
    };
    Finish {
        artifacts: vec![artifact],
        ..Finish::new(claim.held(), Verdict::Succeeded { output: Arc::new(json!(claim.attempt.0)) })
    }
}

fn held(claim: &Claim) -> Held {
    claim.held()
}

/// Cuts an operation at each of its statements. `prepare` goes before it, and what `operate` gave up is tried again by
/// `repair`, as the program does.
async fn cut_everywhere<P>(
    prepare: impl AsyncFn(&World) -> anyhow::Result<P>,
    operate: impl AsyncFn(&Store, RunId, &P) -> Result<(), StoreError>,
    repair: impl AsyncFn(&World, RunId, &P) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(FLOW).await?;
    let cutter = world.database.behind_a_cutter().await?;
    let mut cuts = 0;
    for cut in [Cut::Before, Cut::After] {
        for statements in 0..=MOST {
            let run = world.open().await?;
            let prepared = prepare(&world).await?;
            let store = cutter.store(Clock::Frozen(world.clock.clone())).await?;
            cutter.cut_after(statements, cut);
            let done = operate(&store, run, &prepared).await;
            let has_cut = cutter.has_cut();
            store.close().await;
            if has_cut {
                cuts += 1;
                assert!(done.as_ref().err().is_none_or(StoreError::may_pass), "{done:?}");
            } else {
                done?;
            }
            repair(&world, run, &prepared).await?;
            carry_out(&world, run).await?;
            let judged = judge(&world, run).await;
            judged.with_context(|| format!("cut {cut:?} statement {statements}"))?;
            if !has_cut {
                break;
            }
            assert!(statements < MOST, "more statements than expected");
        }
    }
    assert!(cuts >= 4, "only {cuts} cuts: nothing was tried");
    Ok(())
}

/// Carries a run out, after what was held has run out.
async fn carry_out(world: &World, run: RunId) -> anyhow::Result<()> {
    // Each round ends at least one stage of the workflow, and a task may have been lost.
    for _ in 0..8 {
        world.clock.advance(Lapse::seconds(3600));
        world.sweep().await?;
        world.clock.advance(Lapse::seconds(3600));
        for claim in world.claim_all().await? {
            world.store.finish(well(&claim)).await?;
        }
        if matches!(world.store.view(run).await?.view.run, RunState::Closed { .. }) {
            break;
        }
    }
    Ok(())
}

/// One success for each task, and one message about each run.
async fn judge(world: &World, run: RunId) -> anyhow::Result<()> {
    let detail = world.store.run(run).await?;
    let outcome = match detail.run.state {
        RunState::Closed { outcome, .. } => Some(outcome),
        RunState::Open { .. } => None,
    };
    anyhow::ensure!(outcome == Some(Outcome::Succeeded), "the run is {:?}", detail.run.state);
    let mut successes = 0;
    for task in &detail.tasks {
        let attempts = world.store.attempts(run, task.id).await?;
        let accepted: Vec<i32> = attempts
            .iter()
            .filter(|one| one.exit == Some(ExitCause::Succeeded))
            .map(|one| one.attempt.0)
            .collect();
        anyhow::ensure!(accepted.len() <= 1, "{}: {accepted:?} were accepted", task.path);
        if let Some(accepted) = accepted.first() {
            anyhow::ensure!(
                task.output == Some(json!(accepted)),
                "{}: another's output",
                task.path
            );
        }
        successes += accepted.len();
        anyhow::ensure!(
            attempts.iter().all(|one| one.exit.is_some()),
            "{}: one is open",
            task.path
        );
    }
    anyhow::ensure!(successes == TASKS_WITH_ATTEMPTS, "{successes} tasks succeeded");
    let mut connection = world.database.options().connect().await?;
    let rows = sqlx::query(
        "SELECT
             (SELECT count(*) FROM outbox WHERE payload->>'run' = 'run_' || replace($1::text, '-', '')) AS told,
             (SELECT count(*) FROM artifacts WHERE run_id = $1 AND committed_at IS NOT NULL) AS made",
    );
    let row = rows.bind(run.as_uuid()).fetch_one(&mut connection).await?;
    connection.close().await?;
    let (told, made): (i64, i64) = (row.get("told"), row.get("made"));
    anyhow::ensure!((told, made) == (1, 4), "{told} messages and {made} artefacts");
    Ok(())
}

#[tokio::test]
async fn a_claim_that_is_cut_anywhere_costs_a_lease_at_most() -> anyhow::Result<()> {
    cut_everywhere(
        async |world| Ok(world.request(10)),
        async |store, _, request| store.claim(request).await.map(drop),
        async |_, _, _| Ok(()),
    )
    .await
}

#[tokio::test]
async fn the_end_of_an_attempt_that_is_cut_anywhere_counts_once() -> anyhow::Result<()> {
    cut_everywhere(
        async |world| world.claim("first").await,
        async |store, _, claim| store.finish(well(claim)).await,
        async |world, _, claim| match world.store.finish(well(claim)).await {
            // It had been accepted, and nobody had heard of that.
            Ok(()) | Err(StoreError::LostLease { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        },
    )
    .await
}

#[tokio::test]
async fn the_end_of_a_run_that_is_cut_anywhere_is_told_once() -> anyhow::Result<()> {
    cut_everywhere(
        async |world| {
            for _ in 0..2 {
                for claim in world.claim_all().await? {
                    world.store.finish(well(&claim)).await?;
                }
            }
            world.claim("last").await
        },
        async |store, _, claim| store.finish(well(claim)).await,
        async |world, _, claim| match world.store.finish(well(claim)).await {
            Ok(()) | Err(StoreError::LostLease { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        },
    )
    .await
}

#[tokio::test]
async fn a_sweep_that_is_cut_anywhere_takes_a_lease_back_once() -> anyhow::Result<()> {
    cut_everywhere(
        async |world| {
            let claim = world.claim("first").await?;
            world.clock.advance(Lapse::seconds(61));
            Ok(claim)
        },
        async |store, _, _| store.sweep().await.map(drop),
        async |world, run, claim| {
            world.sweep().await?;
            let late = world.store.finish(well(claim)).await;
            assert!(matches!(late, Err(StoreError::LostLease { .. })), "{late:?}");
            let task = world.store.run(run).await?.tasks.swap_remove(0);
            assert_eq!(task.losses, 1);
            Ok(())
        },
    )
    .await
}

#[tokio::test]
async fn a_task_whose_return_is_cut_anywhere_is_run_once_more() -> anyhow::Result<()> {
    cut_everywhere(
        async |world| Ok((world.claim("first").await?, world.worker)),
        async |store, _, (claim, worker)| store.hand_back(*worker, held(claim)).await,
        async |_, _, _| Ok(()),
    )
    .await
}

#[tokio::test]
async fn a_renewal_that_is_cut_anywhere_changes_nothing_else() -> anyhow::Result<()> {
    cut_everywhere(
        async |world| Ok((world.claim("first").await?, world.worker)),
        async |store, _, (claim, worker)| {
            store.renew(*worker, &[held(claim)], World::LEASE).await.map(drop)
        },
        async |world, _, (claim, _)| Ok(world.store.finish(well(claim)).await?),
    )
    .await
}
