//! Many at once: what must hold whoever comes first.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Row};
use tidemill_dag::state::TaskState;
use tidemill_store::ClaimRequest;
use tidemill_testkit::World;

use crate::side_by_side;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_claimers_never_get_the_same_task() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&side_by_side(200)).await?;
    world.store.put_pool(&World::pool(), 1000, "").await?;
    world.open().await?;

    let claimers: Vec<_> = (0..6)
        .map(|_| {
            let (store, request) = (world.store.clone(), world.request(3));
            tokio::spawn(async move {
                let mut tasks = Vec::new();
                loop {
                    let claims = store.claim(&request).await?;
                    if claims.is_empty() {
                        return anyhow::Ok(tasks);
                    }
                    tasks.extend(claims.into_iter().map(|claim| claim.task));
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for claimer in claimers {
        all.extend(claimer.await??);
    }

    assert_eq!(all.len(), 200);
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_slots_in_use_never_exceed_the_pool() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&side_by_side(120)).await?;
    world.store.put_pool(&World::pool(), 7, "").await?;
    let run = world.open().await?;

    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (store, options) = (world.store.clone(), world.database.options());
            let request = ClaimRequest { limit: 5, ..world.request(5) };
            tokio::spawn(async move {
                let mut watcher = options.connect().await?;
                let mut most = 0;
                while store.run(run).await?.run.tasks.succeeded < 120 {
                    for claim in store.claim(&request).await? {
                        most = most.max(slots_in_use(&mut watcher).await?);
                        store.finish(success(&claim)).await?;
                    }
                }
                watcher.close().await?;
                anyhow::Ok(most)
            })
        })
        .collect();
    let mut most = 0;
    for worker in workers {
        most = most.max(worker.await??);
    }

    assert!((1..=7).contains(&most), "{most} slots in use of 7");
    Ok(())
}

fn success(claim: &tidemill_store::Claim) -> tidemill_store::Finish {
    tidemill_store::Finish::new(
        claim.held(),
        tidemill_dag::advance::Verdict::Succeeded { output: serde_json::json!(1).into() },
    )
}

async fn slots_in_use(connection: &mut sqlx::PgConnection) -> anyhow::Result<i64> {
    let slots =
        sqlx::query("SELECT COALESCE(sum(slots), 0) FROM task_runs WHERE state = 'running'");
    Ok(slots.fetch_one(connection).await?.get(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancel_among_claims_leaves_nothing_that_could_start() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&side_by_side(150)).await?;
    world.store.put_pool(&World::pool(), 1000, "").await?;
    let run = world.open().await?;

    let claimers: Vec<_> = (0..3)
        .map(|_| {
            let (store, request) = (world.store.clone(), world.request(1));
            tokio::spawn(async move {
                while !store.claim(&request).await?.is_empty() {}
                anyhow::Ok(())
            })
        })
        .collect();
    world.store.cancel_run(run, "ada").await?;
    for claimer in claimers {
        claimer.await??;
    }

    for task in world.store.view(run).await?.view.tasks {
        let is_stopped = match task.state {
            TaskState::Done { .. } => true,
            TaskState::Running { .. } => task.cancel_requested,
            TaskState::Blocked
            | TaskState::Ready { .. }
            | TaskState::Backoff { .. }
            | TaskState::Expanded { .. } => false,
        };
        assert!(is_stopped, "{} is {:?}", task.path, task.state);
    }
    Ok(())
}

/// A claim that commits between the reading and the writing of a change: the change starts over with what is true now.
#[tokio::test]
async fn a_change_that_a_claim_overtakes_starts_over() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(crate::ONE_STEP).await?;
    let run = world.open().await?;
    let mut claimer = world.database.options().connect().await?;
    let mut claim = claimer.begin().await?;
    sqlx::query(
        "UPDATE task_runs SET state = 'running', attempt = 1, worker_id = gen_random_uuid(), lease_until = now()",
    )
    .execute(&mut *claim)
    .await?;

    let store = world.store.clone();
    let cancel = tokio::spawn(async move { store.cancel_run(run, "ada").await });
    wait_for_a_blocked_statement(&world).await?;
    claim.commit().await?;

    assert!(cancel.await??);
    let task = &world.store.view(run).await?.view.tasks[0];
    assert!(matches!(task.state, TaskState::Running { .. }) && task.cancel_requested, "{task:?}");
    Ok(())
}

async fn wait_for_a_blocked_statement(world: &World) -> anyhow::Result<()> {
    let mut watcher = world.database.options().connect().await?;
    let blocked = "SELECT EXISTS (
        SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    )";
    let waiting = async {
        while !sqlx::query(blocked).fetch_one(&mut watcher).await?.get::<bool, _>(0) {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await?
}
