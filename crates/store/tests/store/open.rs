//! Versions of DAGs, and runs of them.

use serde_json::json;
use tidemill_dag::ids::RunId;
use tidemill_dag::names::DagName;
use tidemill_dag::spec::DagSpec;
use tidemill_store::{Clock, NewDagVersion, NewRun, RunFilter, StoreError};
use tidemill_testkit::{TestDatabase, World};

use crate::{ONE_STEP, TWO_STEPS, side_by_side};

#[tokio::test]
async fn the_same_content_again_is_the_same_version() -> anyhow::Result<()> {
    let mut world = World::new().await?.with_dag(ONE_STEP).await?;
    let name: DagName = "one_step".parse()?;
    let first = world.store.dag(&name).await?;

    world.put_dag(ONE_STEP).await?;
    let again = world.store.dag(&name).await?;
    world.put_dag("{ dag: one_step, tasks: { other: { uses: noop } } }").await?;
    let changed = world.store.dag(&name).await?;
    world.put_dag(ONE_STEP).await?;
    let back = world.store.dag(&name).await?;

    assert_eq!(again, first);
    assert_ne!(changed.version, first.version);
    assert_eq!(back.version, first.version);
    Ok(())
}

#[tokio::test]
async fn a_version_reads_back_what_was_put() -> anyhow::Result<()> {
    let database = TestDatabase::create().await?;
    let (writer, reader) =
        (database.store(Clock::Database).await?, database.store(Clock::Database).await?);
    let spec: DagSpec = serde_json::from_value(json!({
        "dag": "rich",
        "schedule": { "cron": "30 2 * * *", "timezone": "Europe/Oslo", "missed": "all" },
        "interval": "1d",
        "notify": { "on_failure": ["ops@example.com"] },
        "defaults": { "retries": { "max": 2, "backoff": "30s..10m" }, "timeout": "1h" },
        "tasks": {
            "zebra": { "uses": "noop", "with": { "deep": [1, 2.5, { "text": "{{ interval.start }}" }] } },
            "ant": { "uses": "noop", "needs": ["zebra"], "when": "outputs.zebra.ok", "for_each": ["a", 1] },
        },
    }))?;

    let new = NewDagVersion { spec: &spec, hash: "abc", source: "dags/rich.yaml" };
    let id = writer.put_dag_version(&new).await?;
    let version = reader.dag_version(id).await?;

    assert_eq!(version.spec, spec);
    assert_eq!((version.hash.as_str(), version.source.as_str()), ("abc", "dags/rich.yaml"));
    Ok(())
}

#[tokio::test]
async fn a_run_opens_with_its_first_tasks_ready() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;

    world.open().await?;

    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn a_tick_inserted_twice_is_one_run() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let tick = NewRun::scheduled("one_step".parse()?, World::start(), World::interval());

    let first = world.store.open_run(&tick).await?;
    let second = world.store.open_run(&tick).await?;

    assert!(first.is_new && !second.is_new);
    assert_eq!(first.run, second.run);
    assert_eq!(world.store.runs(&RunFilter::default()).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_tick_inserted_by_many_at_once_is_one_run() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let tick = NewRun::scheduled("one_step".parse()?, World::start(), World::interval());

    let racers: Vec<_> = (0..6)
        .map(|_| {
            let (store, tick) = (world.store.clone(), tick.clone());
            tokio::spawn(async move { store.open_run(&tick).await })
        })
        .collect();
    let mut new = 0;
    for racer in racers {
        new += usize::from(racer.await??.is_new);
    }

    assert_eq!(new, 1);
    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn runs_by_hand_are_never_the_same_run() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;

    let (first, second) = (world.open().await?, world.open().await?);

    assert_ne!(first, second);
    Ok(())
}

#[tokio::test]
async fn a_run_of_an_unknown_dag_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?;

    let refused =
        world.store.open_run(&NewRun::manual("nowhere".parse()?, World::interval())).await;

    assert!(matches!(refused, Err(StoreError::UnknownDag { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_run_keeps_the_version_that_it_was_opened_with() -> anyhow::Result<()> {
    let mut world = World::new().await?.with_dag(ONE_STEP).await?;
    let run = world.open().await?;

    world.put_dag("{ dag: one_step, tasks: { other: { uses: noop } } }").await?;
    let claim = world.claim("only").await?;
    world.succeed(&claim, json!(1)).await?;

    let detail = world.store.run(run).await?;
    assert_ne!(detail.run.version, world.store.dag(&"one_step".parse()?).await?.version);
    assert_eq!(detail.run.tasks.succeeded, 1);
    Ok(())
}

#[tokio::test]
async fn a_run_is_found_by_the_first_letters_of_its_id_unless_others_begin_so() -> anyhow::Result<()>
{
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let (first, second) = (world.open().await?, world.open().await?);
    let text = first.to_string();

    assert_eq!(world.store.find_run(&text).await?, first);
    assert_eq!(world.store.find_run(&second.to_string()).await?, second);
    assert_eq!(
        world.store.find_run(&text[..text.len() - 1]).await.ok().or(Some(first)),
        Some(first)
    );
    let ambiguous = world.store.find_run(&text[..8]).await;
    assert!(matches!(ambiguous, Err(StoreError::AmbiguousRun { .. })), "{ambiguous:?}");
    let unknown = world.store.find_run(&RunId::from_uuid(uuid::Uuid::max()).to_string()).await;
    assert!(matches!(unknown, Err(StoreError::UnknownRun { .. })), "{unknown:?}");
    Ok(())
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_by_what_is_asked() -> anyhow::Result<()> {
    let mut world = World::new().await?.with_dag(ONE_STEP).await?;
    let old = world.open().await?;
    let claim = world.claim("only").await?;
    world.succeed(&claim, json!(1)).await?;
    world.clock.advance(World::LEASE);
    world.put_dag(&side_by_side(2)).await?;
    let new = world.open().await?;

    let ids = |filter| {
        let store = world.store.clone();
        async move {
            anyhow::Ok(store.runs(&filter).await?.into_iter().map(|run| run.id).collect::<Vec<_>>())
        }
    };

    assert_eq!(ids(RunFilter::default()).await?, [new, old]);
    assert_eq!(ids(RunFilter { limit: 1, ..RunFilter::default() }).await?, [new]);
    assert_eq!(
        ids(RunFilter { dag: Some("one_step".parse()?), ..RunFilter::default() }).await?,
        [old]
    );
    assert_eq!(ids(RunFilter { is_live: Some(true), ..RunFilter::default() }).await?, [new]);
    assert_eq!(ids(RunFilter { is_live: Some(false), ..RunFilter::default() }).await?, [old]);
    Ok(())
}
