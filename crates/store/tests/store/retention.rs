//! Retention of rows: what is old goes once, in its order, and nothing else.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{ConnectOptions, Executor, Row};
use tidemill_dag::ids::WorkerId;
use tidemill_dag::rerun::Selection;
use tidemill_dag::time::Lapse;
use tidemill_store::{Mandate, NewBackfill, NewRerun, NewWorker, Old, Retention, StoreError};
use tidemill_testkit::World;

use crate::ONE_STEP;
use crate::months::{DAY, KEPT, closed_run, pass_days};

const RETENTION: Retention = Retention {
    tasks: KEPT,
    runs: Lapse::seconds(730 * DAY),
    ticks: Lapse::seconds(90 * DAY),
    backfills: Lapse::seconds(730 * DAY),
    messages: Lapse::seconds(30 * DAY),
    workers: Lapse::seconds(7 * DAY),
    artifacts: Lapse::seconds(7 * DAY),
};

/// What there is to delete of each sort, without those of which there is nothing.
async fn counted(world: &World) -> anyhow::Result<BTreeMap<Old, u64>> {
    let counts = world.store.count_old(&RETENTION).await?;
    Ok(counts.into_iter().filter(|(_, count)| *count > 0).collect())
}

/// Deletes all of it, and says what went.
async fn deleted(world: &World) -> anyhow::Result<BTreeMap<Old, u64>> {
    let mut deleted = BTreeMap::new();
    for old in Old::ALL {
        let done = world.store.delete_old(Mandate::Person, old, &RETENTION).await?;
        if done.count > 0 {
            deleted.insert(old, done.count);
        }
    }
    Ok(deleted)
}

async fn count(world: &World, of: &str) -> anyhow::Result<i64> {
    let mut connection = world.database.options().connect().await?;
    let row =
        connection.fetch_one(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {of}"))).await?;
    Ok(row.get(0))
}

#[tokio::test]
async fn tasks_outside_of_months_go_by_the_end_of_their_run() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let old = closed_run(&world).await?;
    let open = world.open().await?;
    pass_days(&world, 90);

    let planned = counted(&world).await?;
    let first = deleted(&world).await?;
    let again = deleted(&world).await?;

    assert_eq!(planned, BTreeMap::from([(Old::StrayTasks, 1)]));
    assert_eq!(first, planned);
    assert!(again.is_empty(), "{again:?}");
    assert!(world.store.run(old).await?.run.has_dropped_tasks());
    assert_eq!(world.store.run(open).await?.tasks.len(), 1);
    assert_eq!(count(&world, "attempts").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_run_whose_tasks_were_dropped_is_not_run_again() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let old = closed_run(&world).await?;
    pass_days(&world, 90);
    deleted(&world).await?;
    let selection = Selection::From(vec!["only".parse()?]);
    let new = NewRerun { run: old, version: None, selection, use_cache: true };

    let plan = world.store.plan_rerun(&new).await.map(drop);
    let rerun = world.store.rerun(&new).await.map(drop);

    for refused in [plan, rerun] {
        assert!(
            matches!(refused, Err(StoreError::TasksDropped { run }) if run == old),
            "{refused:?}"
        );
    }
    assert_eq!(count(&world, "dag_runs").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_run_goes_after_its_tasks_and_what_is_a_rerun_of_it_stays() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let old = closed_run(&world).await?;
    pass_days(&world, 30);
    let selection = Selection::From(vec!["only".parse()?]);
    let rerun = world
        .store
        .rerun(&NewRerun { run: old, version: None, selection, use_cache: true })
        .await?;
    pass_days(&world, 720);

    // The rerun is open for two years; only the first run is old.
    let planned = counted(&world).await?;
    deleted(&world).await?;
    let gone = world.store.run(old).await;

    // The tasks stand in the way of their run until they are gone.
    assert_eq!(planned, BTreeMap::from([(Old::StrayTasks, 1)]));
    assert!(matches!(gone, Err(StoreError::UnknownRun { .. })), "{gone:?}");
    assert_eq!(world.store.run(rerun).await?.tasks.len(), 1);
    Ok(())
}

#[tokio::test]
async fn ticks_go_when_their_run_is_over_and_make_no_second_run() -> anyhow::Result<()> {
    let file = "{ dag: one_step, schedule: { cron: '@daily', missed: all }, tasks: { only: { uses: noop } } }";
    let (world, lead) = crate::ticks::with(file).await?;
    let dag = "one_step".parse()?;
    pass_days(&world, 1);
    world.store.tick(lead, &dag).await?;
    let claim = world.claim("only").await?;
    world.succeed(&claim, json!(1)).await?;
    pass_days(&world, 90);

    let planned = counted(&world).await?;
    deleted(&world).await?;
    let left = count(&world, "ticks").await?;
    let ticked = world.store.tick(lead, &dag).await?;

    assert_eq!((planned.get(&Old::Ticks), left), (Some(&1), 0));
    // Those of the days since, and not the first one again.
    assert_eq!(ticked.due, 90);
    Ok(())
}

#[tokio::test]
async fn a_backfill_goes_after_its_runs_and_no_interval_of_it_waits_again() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let lease = Lapse::seconds(366 * DAY);
    let lead = world.store.acquire_lead("me", lease).await?.expect("nobody leads");
    let backfill = world.store.start_backfill(&one_interval(&world).await?).await?;
    world.store.advance_backfill(lead, backfill).await?;
    let claim = world.claim("only").await?;
    world.succeed(&claim, json!(1)).await?;
    world.store.advance_backfill(lead, backfill).await?;

    pass_days(&world, 729);
    deleted(&world).await?;
    let before = (count(&world, "backfills").await?, count(&world, "dag_runs").await?);
    pass_days(&world, 1);
    let went = deleted(&world).await?;

    assert_eq!(before, (1, 1));
    assert_eq!((went.get(&Old::Runs), went.get(&Old::Backfills)), (Some(&1), Some(&1)));
    assert_eq!(count(&world, "backfill_intervals").await?, 0);
    Ok(())
}

#[tokio::test]
async fn the_runs_of_a_backfill_that_is_open_stay() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let lease = Lapse::seconds(366 * DAY);
    let lead = world.store.acquire_lead("me", lease).await?.expect("nobody leads");
    let backfill = world.store.start_backfill(&one_interval(&world).await?).await?;
    world.store.advance_backfill(lead, backfill).await?;
    let claim = world.claim("only").await?;
    world.succeed(&claim, json!(1)).await?;
    pass_days(&world, 2000);

    let planned = counted(&world).await?;
    deleted(&world).await?;

    assert_eq!(planned.get(&Old::Runs), None);
    assert_eq!(count(&world, "dag_runs").await?, 1);
    assert_eq!(count(&world, "backfill_intervals WHERE run_id IS NULL").await?, 0);
    Ok(())
}

#[tokio::test]
async fn messages_go_when_they_arrived_and_workers_when_nobody_hears_of_them() -> anyhow::Result<()>
{
    let dag = "{ dag: one_step, notify: { on_success: ['ops@example.com'] }, tasks: { only: { uses: noop } } }";
    let world = World::new().await?.with_dag(dag).await?;
    let new = |id| NewWorker {
        id,
        name: "w".into(),
        host: "here".into(),
        pid: 1,
        pools: vec![World::pool()],
        slots: 1,
    };
    // One of them holds a task: it may come back.
    world.store.put_worker(&new(world.worker)).await?;
    world.store.put_worker(&new(WorkerId::generate())).await?;
    closed_run(&world).await?;
    closed_run(&world).await?;
    let arrived = world.store.claim_notices(1, Lapse::seconds(60)).await?.remove(0);
    world.store.notice_delivered(arrived.id, arrived.tries).await?;
    world.open().await?;
    world.claim("only").await?;
    pass_days(&world, 30);

    let planned = counted(&world).await?;
    let went = deleted(&world).await?;

    assert_eq!(planned, BTreeMap::from([(Old::Messages, 1), (Old::Workers, 1)]));
    assert_eq!(went, planned);
    assert_eq!((count(&world, "outbox").await?, count(&world, "workers").await?), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_version_goes_when_neither_its_dag_nor_a_run_names_it() -> anyhow::Result<()> {
    let mut world = World::new().await?.with_dag(ONE_STEP).await?;
    world.put_dag("{ dag: one_step, tasks: { second: { uses: noop } } }").await?;
    let pinned = world.open().await?;
    world.put_dag("{ dag: one_step, tasks: { third: { uses: noop } } }").await?;
    pass_days(&world, 90);

    let went = deleted(&world).await?;

    assert_eq!(went, BTreeMap::from([(Old::Versions, 1)]));
    assert_eq!(count(&world, "dag_versions").await?, 2);
    assert_eq!(world.store.view(pinned).await?.view.tasks.len(), 1);
    Ok(())
}

/// A backfill of one interval.
async fn one_interval(world: &World) -> anyhow::Result<NewBackfill> {
    let mut new = crate::backfill::new(world, "one_step").await?;
    new.intervals.truncate(1);
    Ok(new)
}
