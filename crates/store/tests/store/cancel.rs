//! Cancels: one transaction, after which nothing starts.

use tidemill_dag::advance::Verdict;
use tidemill_testkit::World;

use crate::TWO_STEPS;

const WITH_FINALISER: &str = "
dag: tidy
tasks:
  work: { uses: noop }
  next: { uses: noop, needs: [work] }
  clean: { uses: noop, needs: [next], finally: true }
";

#[tokio::test]
async fn a_cancelled_run_starts_nothing_but_finalisers() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(WITH_FINALISER).await?;
    let run = world.open().await?;
    let work = world.claim("work").await?;

    let changed = world.store.cancel_run(run, "ada").await?;
    let asked = world.describe().await?;
    world.finish(&work, Verdict::Cancelled).await?;
    let clean = world.claim("clean").await?;
    world.succeed(&clean, serde_json::json!(null)).await?;

    assert!(changed);
    insta::assert_snapshot!("cancel_asked", asked);
    insta::assert_snapshot!("cancel_done", world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_cancelled_before_its_start_closes_at_once() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let run = world.open().await?;

    world.store.cancel_run(run, "ada").await?;

    assert!(world.claim_all().await?.is_empty());
    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn a_cancel_asked_twice_changes_nothing_the_second_time() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let run = world.open().await?;
    world.claim("first").await?;

    let first = world.store.cancel_run(run, "ada").await?;
    let second = world.store.cancel_run(run, "ada").await?;

    assert_eq!((first, second), (true, false));
    Ok(())
}
