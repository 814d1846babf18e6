//! Messages are taken by one at a time, come again when they did not arrive, and end once.

use tidemill_dag::advance::{Retry, Verdict};
use tidemill_dag::time::Lapse;
use tidemill_testkit::World;

const TOLD: &str = "
dag: told
notify: { on_failure: [a@example.com, b@example.com, c@example.com] }
tasks: { only: { uses: noop } }
";

const LEASE: Lapse = Lapse::seconds(60);

/// A world with three messages.
async fn told() -> anyhow::Result<World> {
    let world = World::new().await?.with_dag(TOLD).await?;
    world.open().await?;
    let claim = world.claim("only").await?;
    world.finish(&claim, Verdict::Failed { error: "no".into(), retry: Retry::CannotHelp }).await?;
    Ok(world)
}

#[tokio::test]
async fn a_message_is_taken_by_one_alone() -> anyhow::Result<()> {
    let world = told().await?;

    let takers: Vec<_> = (0..6)
        .map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move { store.claim_notices(2, LEASE).await })
        })
        .collect();
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await??.into_iter().map(|notice| notice.dedup_key));
    }

    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 3);
    assert!(world.store.claim_notices(10, LEASE).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_message_whose_taker_died_is_due_again() -> anyhow::Result<()> {
    let world = told().await?;
    let first = world.store.claim_notices(1, LEASE).await?.remove(0);
    world.clock.advance(Lapse::seconds(61));

    let again = world.store.claim_notices(10, LEASE).await?;
    let late = world.store.notice_delivered(first.id, first.tries).await?;
    let again = again.iter().find(|notice| notice.id == first.id).expect("it is due again");
    let counted = world.store.notice_delivered(again.id, again.tries).await?;

    assert_eq!((again.tries, again.dedup_key == first.dedup_key), (2, true));
    assert!(!late && counted);
    Ok(())
}

#[tokio::test]
async fn a_message_that_did_not_arrive_waits_and_is_given_up_in_the_end() -> anyhow::Result<()> {
    let world = told().await?;
    let notices = world.store.claim_notices(10, LEASE).await?;
    for notice in &notices[1..] {
        world.store.notice_delivered(notice.id, notice.tries).await?;
    }
    let pause = Some(Lapse::seconds(300));
    world.store.notice_failed(notices[0].id, 1, "no\0body", pause).await?;
    world.clock.advance(Lapse::seconds(299));
    let early = world.store.claim_notices(10, LEASE).await?.len();
    world.clock.advance(Lapse::seconds(2));

    let again = world.store.claim_notices(10, LEASE).await?;
    world.store.notice_failed(again[0].id, again[0].tries, "nobody", None).await?;
    world.clock.advance(Lapse::seconds(86_400));

    assert_eq!((early, again.len()), (0, 1));
    assert!(world.store.claim_notices(10, LEASE).await?.is_empty());
    assert!(!world.store.agenda().await?.has_due_notices);
    Ok(())
}
