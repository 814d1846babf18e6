//! Backfills: never above their limit, held and stopped as a whole.

use tidemill_dag::ids::BackfillId;
use tidemill_dag::time::{DataInterval, Lapse};
use tidemill_store::{
    BackfillOrder, BackfillState, IntervalReason, Lead, NewBackfill, Reprocess, RunFilter,
    StoreError,
};
use tidemill_testkit::World;

use crate::{ONE_STEP, TWO_STEPS};

fn day(number: i32) -> DataInterval {
    let days = |count: i32| World::start() + Lapse::seconds(86_400).delta() * count;
    DataInterval { start: days(number), end: days(number + 1) }
}

/// Five days, the second of which does not run.
pub(crate) async fn new(world: &World, dag: &str) -> anyhow::Result<NewBackfill> {
    let why = |number| {
        if number == 1 { IntervalReason::Succeeded } else { IntervalReason::NeverRan }
    };
    Ok(NewBackfill {
        dag: dag.parse()?,
        version: world.store.dag(&dag.parse()?).await?.version,
        order: BackfillOrder::Asc,
        reprocess: Reprocess::Missing,
        parallel_runs: 2,
        weight: 1,
        params: [].into(),
        use_cache: true,
        intervals: (0..5).map(|number| (day(number), why(number))).collect(),
        actor: "ada".into(),
    })
}

async fn lead(world: &World) -> anyhow::Result<Lead> {
    let lease = Lapse::seconds(366 * 86_400);
    Ok(world.store.acquire_lead("test", lease).await?.expect("nobody leads"))
}

async fn started(dag: &str, name: &str) -> anyhow::Result<(World, Lead, BackfillId)> {
    let world = World::new().await?.with_dag(dag).await?;
    let lead = lead(&world).await?;
    let id = world.store.start_backfill(&new(&world, name).await?).await?;
    Ok((world, lead, id))
}

/// Which intervals have runs, by their day.
async fn opened(world: &World, id: BackfillId) -> anyhow::Result<Vec<i32>> {
    let intervals = world.store.backfill_intervals(id).await?;
    let with_run = intervals.iter().filter(|interval| interval.run.is_some());
    let number = |interval: DataInterval| (0..5).find(|number| day(*number) == interval);
    Ok(with_run.filter_map(|interval| number(interval.interval)).collect())
}

#[tokio::test]
async fn a_backfill_opens_its_runs_in_order_and_never_above_its_limit() -> anyhow::Result<()> {
    let (world, lead, id) = started(ONE_STEP, "one_step").await?;
    let mut most_open = 0;

    loop {
        let racers: Vec<_> = (0..3)
            .map(|_| {
                let store = world.store.clone();
                tokio::spawn(async move { store.advance_backfill(lead, id).await })
            })
            .collect();
        for racer in racers {
            racer.await??;
        }
        most_open = most_open.max(world.store.backfill(id).await?.counts.open);
        let Some(claim) = world.claim_all().await?.into_iter().next() else { break };
        world.succeed(&claim, serde_json::Value::Null).await?;
        world.clock.advance(Lapse::seconds(61));
        world.sweep().await?;
        world.clock.advance(Lapse::seconds(3600));
    }
    world.store.advance_backfill(lead, id).await?;

    let backfill = world.store.backfill(id).await?;
    assert_eq!(most_open, 2);
    assert_eq!(opened(&world, id).await?, [0, 2, 3, 4]);
    assert_eq!(backfill.state, BackfillState::Closed);
    assert_eq!((backfill.counts.total, backfill.counts.succeeded), (5, 4));
    Ok(())
}

#[tokio::test]
async fn a_backfill_backwards_opens_the_newest_interval_first() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let lead = lead(&world).await?;
    let backwards = NewBackfill { order: BackfillOrder::Desc, ..new(&world, "one_step").await? };

    let id = world.store.start_backfill(&backwards).await?;
    world.store.advance_backfill(lead, id).await?;

    assert_eq!(opened(&world, id).await?, [4, 3]);
    Ok(())
}

#[tokio::test]
async fn a_run_by_hand_overtakes_those_of_a_backfill() -> anyhow::Result<()> {
    let (world, lead, id) = started(ONE_STEP, "one_step").await?;
    world.store.advance_backfill(lead, id).await?;
    world.clock.advance(Lapse::seconds(3600));
    let by_hand = world.open().await?;

    assert_eq!(world.claim("only").await?.run, by_hand);
    Ok(())
}

#[tokio::test]
async fn a_backfill_that_is_held_opens_nothing_until_it_goes_on() -> anyhow::Result<()> {
    let (world, lead, id) = started(ONE_STEP, "one_step").await?;

    world.store.pause_backfill(id, "ada").await?;
    let held = world.store.advance_backfill(lead, id).await?;
    let is_quiet = world.store.agenda().await?.backfills.is_empty();
    let twice = world.store.pause_backfill(id, "ada").await;
    world.store.resume_backfill(id, "ada").await?;
    let is_awake = !world.store.agenda().await?.backfills.is_empty();
    let on = world.store.advance_backfill(lead, id).await?;

    assert_eq!((held.opened, on.opened), (0, 2));
    assert!(is_quiet && is_awake);
    assert!(matches!(twice, Err(StoreError::BackfillStands { .. })), "{twice:?}");
    Ok(())
}

#[tokio::test]
async fn a_backfill_is_stopped_with_all_its_runs_at_once() -> anyhow::Result<()> {
    let (world, lead, id) = started(TWO_STEPS, "two_steps").await?;
    world.store.advance_backfill(lead, id).await?;
    let claim = world.claim("first").await?;

    let stopped = world.store.cancel_backfill(id, "ada").await?;
    let again = world.store.cancel_backfill(id, "ada").await?;
    let claimable = world.claim_all().await?.len();
    let open = world.store.advance_backfill(lead, id).await?;
    world.finish(&claim, tidemill_dag::advance::Verdict::Cancelled).await?;
    let over = world.store.advance_backfill(lead, id).await?;
    let late = world.store.cancel_backfill(id, "ada").await;

    assert_eq!((stopped, again, claimable), (2, 0, 0));
    assert_eq!((open.opened, open.is_over, over.is_over), (0, false, true));
    assert!(matches!(late, Err(StoreError::BackfillStands { .. })), "{late:?}");
    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn a_backfill_is_found_by_the_first_letters_of_its_id() -> anyhow::Result<()> {
    let (world, _, id) = started(ONE_STEP, "one_step").await?;
    let text = id.to_string();

    assert_eq!(world.store.find_backfill(&text[..text.len() - 1]).await?, id);
    let unknown = world.store.find_backfill("backfill_ffffffff").await;
    assert!(matches!(unknown, Err(StoreError::UnknownBackfill { .. })), "{unknown:?}");
    Ok(())
}

#[tokio::test]
async fn the_last_run_of_each_interval_and_how_long_runs_took_are_remembered() -> anyhow::Result<()>
{
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    for seconds in [10, 20, 30] {
        world.open().await?;
        for task in ["first", "second"] {
            let claim = world.claim(task).await?;
            world.clock.advance(Lapse::seconds(seconds));
            world.succeed(&claim, serde_json::json!({ "rows": 1 })).await?;
        }
    }
    let dag = "two_steps".parse()?;

    let last = world.store.last_runs(&dag, World::interval()).await?;
    let runs = world.store.run_quantiles(&dag).await?.expect("runs succeeded");
    let tasks = world.store.task_quantiles(&dag).await?;

    let newest = world.store.runs(&RunFilter { limit: 1, ..RunFilter::default() }).await?;
    assert_eq!(last.iter().map(|last| last.run).collect::<Vec<_>>(), [newest[0].id]);
    assert_eq!((runs.p50, runs.count), (Lapse::seconds(40), 3));
    // Linear between the two longest: 20 + 0.8 * 10.
    assert_eq!(tasks["first"].p90, Lapse::seconds(28));
    Ok(())
}
