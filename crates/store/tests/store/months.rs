//! Months of history: made ahead, filled from the default partitions, dropped whole.

use serde_json::json;
use sqlx::{ConnectOptions, Executor, Row};
use tidemill_dag::ids::RunId;
use tidemill_dag::time::Lapse;
use tidemill_store::{Mandate, StoreError};
use tidemill_testkit::World;

use crate::{ONE_STEP, TWO_STEPS};

pub(crate) const DAY: u64 = 86_400;
pub(crate) const KEPT: Lapse = Lapse::seconds(90 * DAY);

/// The partitions that the tasks, attempts and artefacts of a run lie in.
async fn partitions_of(world: &World, run: RunId) -> anyhow::Result<Vec<String>> {
    let mut connection = world.database.options().connect().await?;
    let rows = sqlx::query(
        "SELECT tableoid::regclass::text FROM task_runs WHERE run_id = $1
         UNION SELECT tableoid::regclass::text FROM attempts WHERE run_id = $1
         UNION SELECT tableoid::regclass::text FROM artifacts WHERE run_id = $1
         ORDER BY 1",
    );
    let rows = rows.bind(run.as_uuid()).fetch_all(&mut connection).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A run that is over.
pub(crate) async fn closed_run(world: &World) -> anyhow::Result<RunId> {
    let run = world.open().await?;
    let claim = world.claim("only").await?;
    world.succeed(&claim, json!(1)).await?;
    Ok(run)
}

pub(crate) fn pass_days(world: &World, days: u64) {
    world.clock.advance(Lapse::seconds(days * DAY));
}

#[tokio::test]
async fn this_month_and_the_next_two_are_made_ahead_and_once() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;

    let first = world.store.open_months(Mandate::Person).await?;
    let again = world.store.open_months(Mandate::Person).await?;
    pass_days(&world, 31);
    let in_february = world.store.open_months(Mandate::Person).await?;
    pass_days(&world, 28 + 31);
    let run = closed_run(&world).await?;

    assert_eq!((first, again, in_february), (3, 0, 1));
    assert_eq!(partitions_of(&world, run).await?, ["attempts_2026_04", "task_runs_2026_04"]);
    Ok(())
}

#[tokio::test]
async fn a_run_of_a_month_that_nobody_made_is_carried_out_and_moves_when_the_month_is_made()
-> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let run = world.open().await?;
    let first = world.claim("first").await?;

    let before = partitions_of(&world, run).await?;
    world.store.open_months(Mandate::Person).await?;
    let after = partitions_of(&world, run).await?;
    world.succeed(&first, json!({ "rows": 1 })).await?;
    let second = world.claim("second").await?;
    world.succeed(&second, json!(2)).await?;

    assert_eq!(before, ["attempts_default", "task_runs_default"]);
    assert_eq!(after, ["attempts_2026_01", "task_runs_2026_01"]);
    assert_eq!(world.store.run(run).await?.run.tasks.succeeded, 2);
    Ok(())
}

#[tokio::test]
async fn a_month_of_which_too_much_lies_in_the_default_partitions_stays_there() -> anyhow::Result<()>
{
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let run = closed_run(&world).await?;
    let mut connection = world.database.options().connect().await?;
    let more = "INSERT INTO task_runs (run_id, id, position, node, path, kind, pool, state, finished_at, outcome)
         SELECT run_id, gen_random_uuid(), n, node, n::text, kind, pool, state, finished_at, outcome
         FROM task_runs, generate_series(1, 10000) AS n WHERE run_id = $1";
    sqlx::query(more).bind(run.as_uuid()).execute(&mut connection).await?;

    let made = world.store.open_months(Mandate::Person).await?;

    assert_eq!(made, 2);
    assert_eq!(partitions_of(&world, run).await?, ["attempts_default", "task_runs_default"]);
    Ok(())
}

#[tokio::test]
async fn only_months_that_are_old_as_a_whole_are_dropped_and_their_runs_stay_known()
-> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.store.open_months(Mandate::Person).await?;
    let january = closed_run(&world).await?;
    pass_days(&world, 31);
    let february = closed_run(&world).await?;

    pass_days(&world, 89);
    let too_early = world.store.drop_old_month(Mandate::Person, KEPT).await?;
    pass_days(&world, 1);
    let planned = world.store.old_months(KEPT).await?;
    let dropped = world.store.drop_old_month(Mandate::Person, KEPT).await?;
    let again = world.store.drop_old_month(Mandate::Person, KEPT).await?;

    assert_eq!((too_early, again), (None, None));
    assert_eq!(dropped.map(|month| month.to_string()).as_deref(), Some("2026-01-01"));
    let counts: Vec<_> =
        planned.iter().map(|month| (month.needed_by, month.tasks, month.attempts)).collect();
    assert_eq!(counts, [(0, 1, 1)]);
    let head = world.store.run(january).await?;
    assert!(head.run.has_dropped_tasks() && head.tasks.is_empty());
    assert_eq!(partitions_of(&world, february).await?, ["attempts_2026_02", "task_runs_2026_02"]);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_open_or_ended_lately_keeps_its_month() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.store.open_months(Mandate::Person).await?;
    closed_run(&world).await?;
    let slow = world.open().await?;
    pass_days(&world, 121);

    let while_open = world.store.drop_old_month(Mandate::Person, KEPT).await?;
    let kept = world.store.old_months(KEPT).await?;
    let claim = world.claim("only").await?;
    world.succeed(&claim, json!(1)).await?;
    let just_closed = world.store.drop_old_month(Mandate::Person, KEPT).await?;
    pass_days(&world, 90);
    let at_last = world.store.drop_old_month(Mandate::Person, KEPT).await?;
    let dropped = at_last.map(|month| month.to_string());

    assert_eq!((while_open, just_closed), (None, None));
    assert_eq!(kept[0].needed_by, 1);
    assert_eq!(dropped.as_deref(), Some("2026-01-01"));
    assert!(world.store.run(slow).await?.run.has_dropped_tasks());
    Ok(())
}

#[tokio::test]
async fn a_late_end_of_a_dropped_task_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.store.open_months(Mandate::Person).await?;
    let run = world.open().await?;
    let stale = world.claim("only").await?;
    world.store.cancel_run(run, "me").await?;
    world.clock.advance(World::LEASE);
    world.sweep().await?;
    pass_days(&world, 200);
    assert!(world.store.drop_old_month(Mandate::Person, KEPT).await?.is_some());

    let refused = world.succeed(&stale, json!(1)).await;

    assert!(matches!(refused, Err(StoreError::UnknownTask { .. })), "{refused:?}");
    assert!(world.store.run(run).await?.tasks.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_leader_whose_lead_is_over_drops_nothing() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.store.open_months(Mandate::Person).await?;
    let lead = world.store.acquire_lead("old", Lapse::seconds(15)).await?.expect("nobody leads");
    pass_days(&world, 200);

    let opened = world.store.open_months(Mandate::Leader(lead)).await;
    let dropped = world.store.drop_old_month(Mandate::Leader(lead), KEPT).await;

    assert!(matches!(opened, Err(StoreError::NotLeader { .. })), "{opened:?}");
    assert!(matches!(dropped, Err(StoreError::NotLeader { .. })), "{dropped:?}");
    assert!(!world.store.old_months(KEPT).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn who_waits_for_a_month_gives_up_soon_so_that_claims_go_on() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.store.open_months(Mandate::Person).await?;
    closed_run(&world).await?;
    pass_days(&world, 200);
    let mut busy = world.database.options().connect().await?;
    busy.execute("BEGIN; SELECT FROM dag_runs").await?;

    let waited = world.store.drop_old_month(Mandate::Person, KEPT).await;
    busy.execute("COMMIT").await?;
    let next_try = world.store.drop_old_month(Mandate::Person, KEPT).await?;

    let Err(error) = waited else { anyhow::bail!("a month was dropped under somebody's eyes") };
    assert!(error.may_pass(), "{error:?}");
    assert!(next_try.is_some());
    Ok(())
}
