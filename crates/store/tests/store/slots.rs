//! Slots that follow from the memory that attempts held.

use serde_json::json;
use tidemill_dag::advance::Verdict;
use tidemill_dag::size::ByteSize;
use tidemill_dag::slots::Slots;
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, Exit, ExitCause, Finish, NewWorker, StoreError};
use tidemill_testkit::World;

const GIB: u64 = 1 << 30;

const ONE: &str = "{ dag: one, tasks: { t: { uses: noop, slots: 2 } } }";

fn exit(cause: Option<ExitCause>, peak: u64) -> Exit {
    Exit { cause, peak_memory_bytes: Some(peak), cpu_ms: None }
}

/// Ends an attempt for want of memory, and waits until it may be tried again.
async fn starve(world: &World, claim: &Claim, peak: u64) -> Result<(), StoreError> {
    let held = claim.held();
    let exit = exit(Some(ExitCause::OutOfMemory), peak);
    world.store.give_up(held, exit, "the memory ran out").await?;
    world.clock.advance(Lapse::seconds(3600));
    Ok(())
}

async fn succeed_with_peak(world: &World, claim: &Claim, peak: u64) -> Result<(), StoreError> {
    let verdict = Verdict::Succeeded { output: json!(null).into() };
    let finish = Finish { exit: exit(None, peak), ..Finish::new(claim.held(), verdict) };
    world.store.finish(finish).await
}

#[tokio::test]
async fn a_task_that_ran_out_of_memory_is_tried_with_twice_the_slots_up_to_the_pools()
-> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE).await?;
    world.open().await?;
    let mut taken = Vec::new();
    for _ in 0..4 {
        let claim = world.claim("t").await?;
        taken.push(claim.slots);
        starve(&world, &claim, GIB).await?;
    }

    let last = world.claim("t").await?;

    assert_eq!(taken, [2, 4, 8, 8]);
    let told: Vec<_> = world.store.attempts(last.run, last.task).await?;
    let told: Vec<_> = told.into_iter().filter_map(|attempt| attempt.error).collect();
    assert_eq!(
        told,
        [
            "the memory ran out; it had 2 slots, and its next attempt takes 4",
            "the memory ran out; it had 4 slots, and its next attempt takes 8",
            "the memory ran out; it had 8 slots, and no worker of its pool can give it more",
            "the memory ran out; it had 8 slots, and no worker of its pool can give it more",
        ]
    );
    let slots = world.store.run(last.run).await?.tasks[0].slots;
    assert_eq!(slots, Slots { declared: 2, taken: 8, learnt_from: Some(GIB) });
    Ok(())
}

#[tokio::test]
async fn no_task_is_raised_above_the_largest_worker_of_its_pool() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE).await?;
    let worker = NewWorker {
        id: world.worker,
        name: "small".into(),
        host: "here".into(),
        pid: 1,
        pools: vec![World::pool()],
        slots: 3,
    };
    world.store.put_worker(&worker).await?;
    world.open().await?;
    let claim = world.claim("t").await?;

    starve(&world, &claim, GIB).await?;

    assert_eq!(world.claim("t").await?.slots, 3);
    Ok(())
}

#[tokio::test]
async fn the_next_attempt_pays_for_a_quarter_more_than_the_last_one_held() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE).await?;
    world.store.put_pool_of(&World::pool(), 64, Some(ByteSize(GIB)), "").await?;
    world.open().await?;
    let claim = world.claim("t").await?;

    starve(&world, &claim, 8 * GIB).await?;

    assert_eq!(world.claim("t").await?.slots, 10);
    Ok(())
}

#[tokio::test]
async fn a_run_starts_with_the_slots_that_earlier_runs_needed() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE).await?;
    world.store.put_pool_of(&World::pool(), World::SLOTS, Some(ByteSize(GIB)), "").await?;
    world.open().await?;
    let first = world.claim("t").await?;
    succeed_with_peak(&world, &first, 3 * GIB + 1).await?;

    let run = world.open().await?;
    let second = world.claim("t").await?;
    world.store.put_pool(&World::pool(), World::SLOTS, "").await?;
    world.open().await?;
    let without_a_size = world.claim("t").await?;

    assert_eq!((first.slots, second.slots, without_a_size.slots), (2, 4, 2));
    let slots = world.store.run(run).await?.tasks[0].slots;
    assert_eq!(slots, Slots { declared: 2, taken: 4, learnt_from: Some(3 * GIB + 1) });
    Ok(())
}

#[tokio::test]
async fn one_peak_among_twenty_does_not_raise_what_a_task_takes() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE).await?;
    world.store.put_pool_of(&World::pool(), World::SLOTS, Some(ByteSize(GIB)), "").await?;
    for number in 0..20 {
        world.open().await?;
        let claim = world.claim("t").await?;
        let peak = if number == 3 { 8 * GIB } else { GIB };
        succeed_with_peak(&world, &claim, peak).await?;
        world.clock.advance(Lapse::seconds(60));
    }

    world.open().await?;

    assert_eq!(world.claim("t").await?.slots, 2);
    Ok(())
}

#[tokio::test]
async fn members_take_what_members_needed() -> anyhow::Result<()> {
    let mapped = "{ dag: mapped, tasks: { m: { uses: noop, for_each: [1, 2] } } }";
    let world = World::new().await?.with_dag(mapped).await?;
    world.store.put_pool_of(&World::pool(), World::SLOTS, Some(ByteSize(GIB)), "").await?;
    world.open().await?;
    for claim in world.claim_all().await? {
        succeed_with_peak(&world, &claim, 3 * GIB).await?;
    }

    world.open().await?;

    let slots: Vec<u32> = world.claim_all().await?.iter().map(|claim| claim.slots).collect();
    assert_eq!(slots, [3, 3]);
    Ok(())
}
