//! Messages in the outbox, and wake-ups of workers.

use std::time::Duration;

use sqlx::postgres::PgListener;
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_store::{Heard, Topic};
use tidemill_testkit::World;

const TOLD: &str = "
dag: told
notify: { on_failure: [ops@example.com, 'https://example.com/hook'], on_success: [ops@example.com] }
tasks: { only: { uses: noop } }
";

#[tokio::test]
async fn those_whom_the_dag_names_hear_of_a_failed_run_once() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TOLD).await?;
    world.open().await?;
    let claim = world.claim("only").await?;

    world.finish(&claim, Verdict::Failed { error: "no".into(), retry: Retry::CannotHelp }).await?;
    world.fail(&claim).await.expect_err("it is over");

    let notices = world.store.waiting_notices(10).await?;
    assert_eq!(notices[0].payload["failed"], serde_json::json!(["only"]));
    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn those_whom_the_dag_names_hear_of_a_run_that_succeeded() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TOLD).await?;
    world.open().await?;
    let claim = world.claim("only").await?;

    world.succeed(&claim, serde_json::json!(1)).await?;

    let notices = world.store.waiting_notices(10).await?;
    assert_eq!(notices.iter().map(|one| one.topic.as_str()).collect::<Vec<_>>(), ["run_succeeded"]);
    Ok(())
}

#[tokio::test]
async fn workers_are_woken_once_per_pool_when_tasks_become_ready() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&crate::side_by_side(20)).await?;
    let mut listener = PgListener::connect(&world.database.url()).await?;
    let schema = sqlx::query_scalar::<_, String>("SELECT 'public'::regnamespace::oid::text");
    let schema = schema.fetch_one(&mut listener).await?;
    listener.listen(&format!("tidemill_ready_{schema}")).await?;

    world.open().await?;

    let heard = tokio::time::timeout(Duration::from_secs(10), listener.recv()).await??;
    assert_eq!(heard.payload(), "default");
    let more = tokio::time::timeout(Duration::from_millis(50), listener.recv()).await;
    assert!(more.is_err(), "{more:?}");
    Ok(())
}

#[tokio::test]
async fn a_worker_hears_once_that_work_of_it_is_to_stop() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&crate::side_by_side(3)).await?;
    let run = world.open().await?;
    world.claim_all().await?;
    let mut listener = world.store.listen(&[Topic::Stop]).await?;

    world.store.cancel_run(run, "ada").await?;

    let heard = tokio::time::timeout(Duration::from_secs(10), listener.next()).await??;
    assert_eq!(heard, Heard::Stop(world.worker));
    let more = tokio::time::timeout(Duration::from_millis(50), listener.next()).await;
    assert!(more.is_err(), "{more:?}");
    Ok(())
}
