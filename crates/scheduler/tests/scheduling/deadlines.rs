//! Deadlines: forecast from history, told before the miss and at it.

use std::time::Duration;

use tidemill_dag::time::Lapse;
use tidemill_scheduler::Scheduler;
use tidemill_testkit::World;
use tokio::time::Instant;

use crate::{Files, scheduler};

const NIGHTLY: &str = "
dag: nightly
schedule: { cron: '0 1 * * *' }
deadline: { finish_by: '02:00', notify: [ops@example.com] }
tasks:
  first: { uses: noop }
  second: { uses: noop, needs: [first] }
";

/// Lets minutes pass in steps that keep the lead.
async fn minutes(
    world: &World,
    leads: &mut Scheduler,
    now: &mut Instant,
    count: u64,
) -> anyhow::Result<()> {
    for _ in 0..count * 6 {
        world.clock.advance(Lapse::seconds(10));
        *now += Duration::from_secs(10);
        leads.step(*now).await?;
    }
    Ok(())
}

/// A run of the past in which each task took this long.
async fn past(world: &World, seconds: u64) -> anyhow::Result<()> {
    world.open().await?;
    for task in ["first", "second"] {
        let claim = world.claim(task).await?;
        world.clock.advance(Lapse::seconds(seconds));
        world.succeed(&claim, serde_json::Value::Null).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_will_be_late_is_told_before_and_at_its_miss() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(NIGHTLY).await?;
    past(&world, 20 * 60).await?;
    let mut leads = scheduler(&world, "leads", &Files::holding(&[NIGHTLY]));
    let mut now = Instant::now();
    leads.step(now).await?;

    // From 00:40 to 01:10: the run is open and not begun; two tasks of 20 minutes are left of 50.
    minutes(&world, &mut leads, &mut now, 30).await?;
    let early = topics(&world).await?;
    minutes(&world, &mut leads, &mut now, 15).await?;
    let at_risk = topics(&world).await?;
    minutes(&world, &mut leads, &mut now, 60).await?;
    let missed = topics(&world).await?;

    assert_eq!(early, Vec::<String>::new());
    assert_eq!(at_risk, ["deadline_at_risk"]);
    assert_eq!(missed, ["deadline_at_risk", "deadline_missed"]);
    Ok(())
}

#[tokio::test]
async fn a_run_that_ends_in_time_is_told_to_nobody() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(NIGHTLY).await?;
    past(&world, 60).await?;
    let mut leads = scheduler(&world, "leads", &Files::holding(&[NIGHTLY]));
    let mut now = Instant::now();
    leads.step(now).await?;
    minutes(&world, &mut leads, &mut now, 65).await?;
    for task in ["first", "second"] {
        let claim = world.claim(task).await?;
        world.succeed(&claim, serde_json::Value::Null).await?;
    }

    minutes(&world, &mut leads, &mut now, 70).await?;

    assert_eq!(topics(&world).await?, Vec::<String>::new());
    assert!(!world.store.agenda().await?.has_open_deadlines);
    Ok(())
}

/// The topics of all messages that there ever were.
async fn topics(world: &World) -> anyhow::Result<Vec<String>> {
    Ok(world.store.notices(100).await?.into_iter().map(|notice| notice.topic).collect())
}
