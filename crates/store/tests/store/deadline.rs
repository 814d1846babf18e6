//! Deadlines: one message before a miss, one at it, never two.

use tidemill_dag::hash::content_hash;
use tidemill_dag::time::Lapse;
use tidemill_store::{DeadlineNews, Lead, NewDagVersion, Present};
use tidemill_testkit::World;

const NIGHTLY: &str = "
dag: nightly
schedule: { cron: '0 1 * * *' }
deadline: { finish_by: '03:00', notify: [ops@example.com, 'https://example.com/hook'] }
tasks: { only: { uses: noop } }
";

/// A world at 01:00 with the run of that tick.
async fn ticked() -> anyhow::Result<(World, Lead)> {
    let world = World::new().await?;
    let lead = world.store.acquire_lead("test", Lapse::seconds(1_000_000)).await?;
    let lead = lead.expect("nobody leads");
    let spec = crate::spec(NIGHTLY)?;
    let hash = content_hash(&spec);
    let new = NewDagVersion { spec: &spec, hash: &hash, source: "dags/nightly.yaml" };
    world.store.sync_dags(lead, &Present { dags: vec![new], broken: Vec::new() }).await?;
    world.clock.advance(Lapse::seconds(3600));
    world.store.tick(lead, &"nightly".parse()?).await?;
    Ok((world, lead))
}

async fn topics(world: &World) -> anyhow::Result<Vec<String>> {
    let notices = world.store.waiting_notices(100).await?;
    Ok(notices.into_iter().map(|notice| format!("{} {}", notice.topic, notice.recipient)).collect())
}

#[tokio::test]
async fn each_recipient_hears_once_before_the_miss_and_once_at_it() -> anyhow::Result<()> {
    let (world, lead) = ticked().await?;
    let deadline = world.store.open_deadlines().await?.remove(0);
    let forecast = deadline.finish_by + Lapse::seconds(60).delta();
    let mut news = Vec::new();

    for _ in 0..2 {
        let at_risk = DeadlineNews::AtRisk { forecast };
        news.push(world.store.tell_deadline(lead, &deadline, at_risk).await?);
    }
    for _ in 0..2 {
        news.push(world.store.tell_deadline(lead, &deadline, DeadlineNews::Missed).await?);
    }
    let at_risk = DeadlineNews::AtRisk { forecast };
    news.push(world.store.tell_deadline(lead, &deadline, at_risk).await?);

    assert_eq!(news, [true, false, true, false, false]);
    assert_eq!(
        topics(&world).await?,
        [
            "deadline_at_risk ops@example.com",
            "deadline_at_risk https://example.com/hook",
            "deadline_missed ops@example.com",
            "deadline_missed https://example.com/hook",
        ]
    );
    assert!(world.store.open_deadlines().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_deadline_that_was_kept_is_told_to_nobody() -> anyhow::Result<()> {
    let (world, lead) = ticked().await?;
    let claim = world.claim("only").await?;
    world.succeed(&claim, serde_json::Value::Null).await?;

    let deadline = world.store.open_deadlines().await?.remove(0);
    world.store.tell_deadline(lead, &deadline, DeadlineNews::Kept).await?;

    assert_eq!(deadline.finish_by - deadline.tick, Lapse::seconds(7200).delta());
    assert!(deadline.finished_at.is_some());
    assert!(topics(&world).await?.is_empty());
    assert!(!world.store.agenda().await?.has_open_deadlines);
    Ok(())
}
