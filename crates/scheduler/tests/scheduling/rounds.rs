//! Rounds of the scheduler: ticks, backfills, leases; and its end.

use std::time::Duration;

use tidemill_dag::state::TaskState;
use tidemill_dag::time::Lapse;
use tidemill_store::RunFilter;
use tidemill_testkit::World;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::{Files, scheduler};

const HOURLY: &str = "
dag: hourly
schedule: { cron: '@hourly', missed: all }
parallel_runs: 10
tasks: { only: { uses: noop } }
";

/// Lets time pass for the database and for the scheduler, in steps that keep the lead.
async fn pass(
    world: &World,
    scheduler: &mut tidemill_scheduler::Scheduler,
    now: &mut Instant,
    seconds: u64,
) -> anyhow::Result<usize> {
    let mut opened = 0;
    for _ in 0..seconds.div_ceil(5) {
        world.clock.advance(Lapse::seconds(5));
        *now += Duration::from_secs(5);
        opened += scheduler.step(*now).await?.opened;
    }
    Ok(opened)
}

#[tokio::test]
async fn a_leader_makes_a_run_of_each_tick_and_another_scheduler_none() -> anyhow::Result<()> {
    let world = World::new().await?;
    let files = Files::holding(&[HOURLY]);
    let mut leads = scheduler(&world, "leads", &files);
    let mut follows = scheduler(&world, "follows", &Files::holding(&[HOURLY]));
    let mut now = Instant::now();

    assert!(leads.step(now).await?.has_led);
    let opened = pass(&world, &mut leads, &mut now, 7200).await?;
    let follower = follows.step(now).await?;

    assert_eq!(opened, 2);
    assert!(!follower.has_led);
    assert_eq!(world.store.runs(&RunFilter::default()).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_leader_that_was_stopped_for_long_writes_nothing_and_its_follower_goes_on()
-> anyhow::Result<()> {
    let world = World::new().await?;
    let mut stopped = scheduler(&world, "stopped", &Files::holding(&[HOURLY]));
    let mut other = scheduler(&world, "other", &Files::holding(&[HOURLY]));
    let mut now = Instant::now();
    stopped.step(now).await?;

    // Its own clock stands still, as that of a stopped process does; two ticks are due, and it thinks that it leads.
    world.clock.advance(Lapse::seconds(7200));
    let woken = stopped.step(now).await?;
    let runs = world.store.runs(&RunFilter::default()).await?.len();
    let taken_over = other.step(now).await?;
    let opened = pass(&world, &mut other, &mut now, 5).await?;

    assert_eq!((woken.has_led, runs), (false, 0));
    assert_eq!((taken_over.has_led, taken_over.opened, opened), (true, 2, 0));
    Ok(())
}

#[tokio::test]
async fn expired_leases_are_taken_back_after_the_grace() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(HOURLY).await?;
    let run = world.open().await?;
    world.claim("only").await?;
    let mut leads = scheduler(&world, "leads", &Files::holding(&[HOURLY]));
    world.clock.advance(World::LEASE);
    let mut now = Instant::now();
    let state = || async { anyhow::Ok(world.store.view(run).await?.view.tasks[0].state.clone()) };

    leads.step(now).await?;
    pass(&world, &mut leads, &mut now, 15).await?;
    let early = state().await?;
    pass(&world, &mut leads, &mut now, 10).await?;
    let late = state().await?;

    assert!(matches!(early, TaskState::Running { .. }), "{early:?}");
    assert!(matches!(late, TaskState::Backoff { .. }), "{late:?}");
    Ok(())
}

#[tokio::test]
async fn a_scheduler_that_is_told_to_stop_gives_the_lead_up_at_once() -> anyhow::Result<()> {
    let world = World::new().await?;
    let files = Files::holding(&[HOURLY]);
    let shutdown = CancellationToken::new();

    let running = tokio::spawn(scheduler(&world, "leads", &files).run(shutdown.clone()));
    timeout(Duration::from_secs(20), files.was_read.notified()).await?;
    let while_running = world.store.acquire_lead("other", Lapse::seconds(15)).await?;
    shutdown.cancel();
    timeout(Duration::from_secs(20), running).await??;
    let afterwards = world.store.acquire_lead("other", Lapse::seconds(15)).await?;

    assert!(while_running.is_none() && afterwards.is_some());
    Ok(())
}
