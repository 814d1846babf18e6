//! Claims: who gets what, and what a worker gets with it.

use serde_json::json;
use sqlx::{ConnectOptions, Executor, Row};
use tidemill_dag::advance::{Event, advance};
use tidemill_dag::state::{Lease, TaskState};
use tidemill_dag::time::Lapse;
use tidemill_store::{ClaimRequest, With};
use tidemill_testkit::World;

use crate::{ONE_STEP, TWO_STEPS, side_by_side};

#[tokio::test]
async fn members_that_took_longest_the_last_time_go_first() -> anyhow::Result<()> {
    let mapped = "{ dag: mapped, tasks: { each: { uses: noop, for_each: [a, b, c] } } }";
    let world = World::new().await?.with_dag(mapped).await?;
    world.open().await?;
    let claims = world.claim_all().await?;
    let in_order: Vec<String> = claims.iter().map(|claim| claim.path.to_string()).collect();
    for (claim, seconds) in claims.iter().zip([1, 5, 2]) {
        world.clock.advance(Lapse::seconds(seconds));
        world.succeed(claim, json!(null)).await?;
    }

    world.open().await?;
    let again = world.claim_all().await?;

    assert_eq!(in_order, ["each[0]", "each[1]", "each[2]"]);
    let paths: Vec<String> = again.iter().map(|claim| claim.path.to_string()).collect();
    // They ended after 1, 6 and 8 seconds.
    assert_eq!(paths, ["each[2]", "each[1]", "each[0]"]);
    Ok(())
}

#[tokio::test]
async fn a_claim_does_what_the_event_says() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let run = world.open().await?;
    let mut expected = world.store.view(run).await?;

    let claim = world.claim("first").await?;

    let task = expected.index_of(claim.task).expect("a task of the run");
    let lease = Lease { worker: world.worker, until: World::start() + World::LEASE.delta() };
    let event = Event::Claimed { task, lease };
    let effects = advance(&expected.version.plan, &expected.view, &event, World::start())?;
    expected.view.apply(&effects, World::start());
    assert_eq!(world.store.view(run).await?.view, expected.view);
    Ok(())
}

#[tokio::test]
async fn a_claim_carries_all_that_the_worker_needs() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let mut new = world.new_run();
    new.params.insert("days".parse()?, json!(3));
    let run = world.store.open_run(&new).await?.run;
    let first = world.claim("first").await?;
    world.succeed(&first, json!({ "rows": 7 })).await?;

    let second = world.claim("second").await?;

    assert_eq!(second.run, run);
    assert_eq!(second.kind.as_str(), "noop");
    assert_eq!((second.attempt.0, second.phase, second.slots), (1, 0, 1));
    assert_eq!(second.facts.interval, World::interval());
    assert_eq!(second.facts.params["days"], json!(3));
    assert_eq!(*second.outputs["first"], json!({ "rows": 7 }));
    let With::Templates(with) = &second.with else { anyhow::bail!("a node renders its own words") };
    assert_eq!(with["seen"], json!("{{ outputs.first.rows }}"));
    Ok(())
}

#[tokio::test]
async fn nothing_is_claimed_from_a_pool_that_does_not_exist() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;

    let request = ClaimRequest { pool: "elsewhere".parse()?, ..world.request(10) };

    assert!(world.store.claim(&request).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn pools_wait_while_a_claim_would_find_something() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let pools = ["train".parse()?, "default".parse()?];
    let before = world.store.pools_that_wait(&pools).await?;
    world.open().await?;

    let opened = world.store.pools_that_wait(&pools).await?;
    let first = world.claim("first").await?;
    let running = world.store.pools_that_wait(&pools).await?;
    world.succeed(&first, json!({ "rows": 7 })).await?;
    let succeeded = world.store.pools_that_wait(&pools).await?;

    assert_eq!(opened, ["default".parse()?]);
    assert_eq!(succeeded, opened);
    assert_eq!((before.len(), running.len()), (0, 0));
    Ok(())
}

#[tokio::test]
async fn a_pool_gives_no_more_slots_than_it_has() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&side_by_side(12)).await?;
    world.open().await?;

    let first = world.claim_all().await?;
    let more = world.claim_all().await?;
    world.succeed(&first[0], json!(1)).await?;
    let freed = world.claim_all().await?;

    assert_eq!((first.len(), more.len(), freed.len()), (8, 0, 1));
    Ok(())
}

#[tokio::test]
async fn a_big_task_is_not_overtaken_by_small_ones() -> anyhow::Result<()> {
    let dag = "
dag: big_and_small
tasks:
  a_small: { uses: noop, slots: 3 }
  b_big: { uses: noop, slots: 6 }
  c_tiny: { uses: noop }
";
    let world = World::new().await?.with_dag(dag).await?;
    world.open().await?;

    let small = world.claim_all().await?;
    world.succeed(&small[0], json!(1)).await?;
    let rest = world.claim_all().await?;

    let paths = |claims: &[tidemill_store::Claim]| {
        claims.iter().map(|one| one.path.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(paths(&small), ["a_small"]);
    assert_eq!(paths(&rest), ["b_big", "c_tiny"]);
    Ok(())
}

#[tokio::test]
async fn a_task_that_no_worker_could_ever_hold_blocks_nobody() -> anyhow::Result<()> {
    let dag = "
dag: too_big
tasks:
  giant: { uses: noop, slots: 100 }
  tiny: { uses: noop }
";
    let world = World::new().await?.with_dag(dag).await?;
    world.open().await?;

    let claims = world.claim_all().await?;

    assert_eq!(claims.iter().map(|one| one.path.to_string()).collect::<Vec<_>>(), ["tiny"]);
    Ok(())
}

#[tokio::test]
async fn a_worker_gets_no_more_than_it_has_room_for() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&side_by_side(5)).await?;
    world.open().await?;

    let full = world.store.claim(&ClaimRequest { free_slots: 0, ..world.request(10) }).await?;
    let room_for_two =
        world.store.claim(&ClaimRequest { free_slots: 2, ..world.request(10) }).await?;

    assert_eq!((full.len(), room_for_two.len()), (0, 2));
    Ok(())
}

#[tokio::test]
async fn priority_goes_first_until_somebody_waited_long_enough() -> anyhow::Result<()> {
    let plain = "{ dag: plain, tasks: { plain: { uses: noop } } }";
    let urgent = "{ dag: urgent, tasks: { urgent: { uses: noop, priority: 10 } } }";
    let mut world = World::new().await?.with_dag(plain).await?;
    world.open().await?;
    world.clock.advance(Lapse::seconds(9 * 60));
    world.put_dag(urgent).await?;
    world.open().await?;
    world.clock.advance(Lapse::seconds(2 * 60));
    world.open().await?;

    let order: Vec<String> =
        world.claim_all().await?.iter().map(|claim| claim.path.to_string()).collect();

    assert_eq!(order, ["urgent", "plain", "urgent"]);
    Ok(())
}

#[tokio::test]
async fn a_task_in_backoff_is_claimed_when_its_pause_is_over() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let run = world.open().await?;
    let first = world.claim("first").await?;
    world.fail(&first).await?;
    let view = world.store.view(run).await?;
    let TaskState::Backoff { until, .. } = view.view.tasks[0].state else {
        anyhow::bail!("no pause")
    };

    let too_early = world.claim_all().await?;
    world.clock.advance(Lapse((until - World::start()).to_std()?));
    let again = world.claim("first").await?;

    assert!(too_early.is_empty());
    assert_eq!(again.attempt.0, 2);
    Ok(())
}

#[tokio::test]
async fn a_run_starts_when_its_first_task_is_claimed() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let run = world.open().await?;
    let before = world.store.run(run).await?.run.started_at;
    world.clock.advance(Lapse::seconds(5));

    world.claim("first").await?;

    assert_eq!(before, None);
    assert_eq!(
        world.store.run(run).await?.run.started_at,
        Some(World::start() + Lapse::seconds(5).delta())
    );
    Ok(())
}

#[tokio::test]
async fn the_claim_walks_the_index_of_claimable_tasks() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&side_by_side(600)).await?;
    world.open().await?;
    let mut connection = world.database.options().connect().await?;
    let most_are_over = "UPDATE task_runs SET state = 'done', outcome = 'skipped', finished_at = now() WHERE position >= 20";
    connection.execute(most_are_over).await?;
    connection.execute("VACUUM ANALYZE task_runs").await?;
    let claim = include_str!("../../queries/task_runs/claim.sql");
    connection.execute(sqlx::AssertSqlSafe(format!("PREPARE claim AS {claim}"))).await?;

    let arguments = "'default', 8, 8, 8, 10, gen_random_uuid(), now(), 60000";
    let plan = connection
        .fetch_all(sqlx::AssertSqlSafe(format!("EXPLAIN EXECUTE claim ({arguments})")))
        .await?;

    let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    let waiting = plan.split("CTE ").find(|part| part.starts_with("waiting")).unwrap_or_default();
    assert!(
        waiting.contains("Merge Append")
            && waiting.contains("Index Scan using task_runs_default_pool_expr"),
        "{plan}"
    );
    assert!(!waiting.contains("Sort  ("), "{plan}");
    assert!(plan.contains("task_runs_default_pool_worker_id"), "{plan}");
    Ok(())
}
