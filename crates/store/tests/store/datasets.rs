//! Data sets: a version with the end of its attempt or never, and a run for each change that a DAG waits for.

use std::sync::Arc;

use serde_json::Value;
use sqlx::ConnectOptions;
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_dag::hash::content_hash;
use tidemill_dag::names::DatasetName;
use tidemill_dag::state::RunKind;
use tidemill_dag::time::{DataInterval, Lapse};
use tidemill_store::{
    Claim, Finish, Lead, NewDagVersion, NewRun, Present, RunFilter, RunSummary, StoreError,
};
use tidemill_task::{ArtifactRef, Asker, ContentHash, Datasets, PortError, Publication, Snapshot};
use tidemill_testkit::World;

const DAY: Lapse = Lapse::seconds(86_400);

const LAND: &str = "{ dag: land, parallel_runs: 9, tasks: { ingest: { uses: noop } } }";

fn reader(datasets: &str, when: &str, parallel_runs: u32) -> String {
    format!(
        "{{ dag: reader, parallel_runs: {parallel_runs}, runs_after: {{ datasets: {datasets}, when: {when} }},
            tasks: {{ only: {{ uses: noop }} }} }}"
    )
}

/// The day that many days after the world's.
fn day(number: i32) -> DataInterval {
    let DataInterval { start, end } = World::interval();
    DataInterval { start: start + DAY.delta() * number, end: end + DAY.delta() * number }
}

fn snapshot(dataset: &str, interval: DataInterval, rows: u64) -> ArtifactRef {
    let snapshot = Snapshot {
        dataset: dataset.parse().expect("it is a name"),
        interval,
        content: ContentHash::of(&rows.to_be_bytes()),
        rows,
        size_bytes: rows * 10,
        events: (rows > 0).then_some((interval.start, interval.end)),
    };
    ArtifactRef {
        port: "table".parse().expect("`table` is a name"),
        holds: "table".into(),
        sha256: ContentHash::of(b"a manifest"),
        size_bytes: 10,
        location: format!("attempts/{dataset}/{rows}"),
        media_type: "application/json".into(),
        publication: Some(Box::new(Publication::Dataset(snapshot))),
    }
}

fn end(claim: &Claim, verdict: Verdict, made: ArtifactRef) -> Finish {
    Finish { artifacts: vec![made], ..Finish::new(claim.held(), verdict) }
}

fn well(claim: &Claim, made: ArtifactRef) -> Finish {
    end(claim, Verdict::Succeeded { output: Arc::new(Value::Null) }, made)
}

/// Puts the DAGs into the world, as their repository would.
async fn with(files: &[&str]) -> anyhow::Result<(World, Lead)> {
    let world = World::new().await?;
    let year = Lapse::seconds(366 * 86_400);
    let lead = world.store.acquire_lead("test", year).await?.expect("nobody leads");
    sync(&world, lead, files).await?;
    Ok((world, lead))
}

async fn sync(world: &World, lead: Lead, files: &[&str]) -> anyhow::Result<()> {
    let mut specs = Vec::new();
    for file in files {
        let spec = crate::spec(file)?;
        let hash = content_hash(&spec);
        specs.push((spec, hash));
    }
    let dags = specs.iter().map(|(spec, hash)| NewDagVersion { spec, hash, source: "dags/a.yaml" });
    let present = Present { dags: dags.collect(), broken: Vec::new() };
    world.store.sync_dags(lead, &present).await?;
    Ok(())
}

/// Lands rows of an interval into a data set.
async fn land(
    world: &World,
    dataset: &str,
    interval: DataInterval,
    rows: u64,
) -> anyhow::Result<()> {
    world.clock.advance(Lapse::seconds(1));
    world.store.open_run(&NewRun::manual("land".parse()?, interval)).await?;
    for claim in world.claim_all().await? {
        if claim.path.to_string() == "ingest" {
            world.store.finish(well(&claim, snapshot(dataset, interval, rows))).await?;
        }
    }
    Ok(())
}

async fn react(world: &World, lead: Lead) -> anyhow::Result<usize> {
    Ok(world.store.run_after_datasets(lead, &"reader".parse()?).await?)
}

async fn reacting(world: &World) -> anyhow::Result<usize> {
    Ok(world.store.agenda().await?.reacting.len())
}

/// The runs of the reader, oldest first.
async fn runs(world: &World) -> anyhow::Result<Vec<RunSummary>> {
    let filter = RunFilter { dag: Some("reader".parse()?), ..RunFilter::default() };
    let mut runs = world.store.runs(&filter).await?;
    runs.reverse();
    Ok(runs)
}

#[tokio::test]
async fn an_interval_that_is_landed_again_replaces_what_the_data_set_had_of_it()
-> anyhow::Result<()> {
    let (world, _) = with(&[LAND]).await?;
    for (number, rows) in [(0, 10), (1, 20), (0, 11)] {
        land(&world, "plant", day(number), rows).await?;
    }

    let plant: DatasetName = "plant".parse()?;
    let rows = |versions: Vec<tidemill_task::DatasetVersion>| -> Vec<(u32, u64)> {
        versions.iter().map(|version| (version.version, version.snapshot.rows)).collect()
    };
    assert_eq!(rows(world.store.dataset_at(&plant, None).await?), [(3, 11), (2, 20)]);
    assert_eq!(rows(world.store.dataset_at(&plant, Some(2)).await?), [(1, 10), (2, 20)]);
    assert_eq!(rows(world.store.dataset_versions(&plant).await?), [(3, 11), (2, 20), (1, 10)]);
    let all = world.store.datasets().await?;
    let [summary] = &all[..] else { panic!("{all:?}") };
    assert_eq!((summary.version, summary.intervals, summary.rows), (3, 2, 31));
    assert_eq!(summary.events, Some((day(0).start, day(1).end)));
    Ok(())
}

#[tokio::test]
async fn the_files_of_a_data_set_outlive_the_history_of_the_run_that_landed_them()
-> anyhow::Result<()> {
    let (world, _) = with(&[LAND]).await?;

    land(&world, "plant", day(0), 10).await?;

    let mut connection = world.database.options().connect().await?;
    let pins: Vec<(String, String)> =
        sqlx::query_as("SELECT location, pinned_by FROM artifact_pins")
            .fetch_all(&mut connection)
            .await?;
    assert_eq!(pins, [("attempts/plant/10".to_owned(), "dataset plant v1".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn a_failed_or_late_attempt_publishes_no_version() -> anyhow::Result<()> {
    let (world, _) = with(&[LAND]).await?;
    for _ in 0..2 {
        world.store.open_run(&NewRun::manual("land".parse()?, day(0))).await?;
    }
    let [failing, late] = &world.claim_all().await?[..] else { panic!("two tasks are ready") };

    let failed = Verdict::Failed { error: "broke".into(), retry: Retry::CannotHelp };
    world.store.finish(end(failing, failed, snapshot("plant", day(0), 1))).await?;
    world.clock.advance(World::LEASE);
    world.clock.advance(World::LEASE);
    world.sweep().await?;
    let refused = world.store.finish(well(late, snapshot("plant", day(0), 2))).await;

    assert!(matches!(refused, Err(StoreError::LostLease { .. })), "{refused:?}");
    let missing = world.store.dataset_versions(&"plant".parse()?).await;
    assert!(matches!(missing, Err(StoreError::UnknownDataset { .. })), "{missing:?}");
    assert_eq!(world.store.datasets().await?, []);
    Ok(())
}

#[tokio::test]
async fn each_change_is_one_run_about_its_interval_however_often_it_is_asked_for()
-> anyhow::Result<()> {
    let (world, lead) = with(&[LAND, &reader("[plant]", "any", 9)]).await?;
    assert_eq!(reacting(&world).await?, 0);

    land(&world, "plant", day(0), 1).await?;
    land(&world, "other", day(0), 1).await?;
    land(&world, "plant", day(3), 2).await?;

    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (1, 2));
    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (0, 0));
    let runs = runs(&world).await?;
    assert!(runs.iter().all(|run| run.kind == RunKind::Triggered));
    assert_eq!(runs.iter().map(|run| run.interval).collect::<Vec<_>>(), [day(0), day(3)]);
    Ok(())
}

#[tokio::test]
async fn a_dag_that_needs_all_runs_once_about_all_that_changed() -> anyhow::Result<()> {
    let (world, lead) = with(&[LAND, &reader("[plant, weather]", "all", 9)]).await?;

    land(&world, "plant", day(0), 1).await?;
    land(&world, "plant", day(1), 1).await?;
    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (0, 0));
    land(&world, "weather", day(2), 1).await?;

    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (1, 1));
    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (0, 0));
    let span = DataInterval { start: day(0).start, end: day(2).end };
    assert_eq!(runs(&world).await?[0].interval, span);
    Ok(())
}

#[tokio::test]
async fn changes_wait_for_room_and_while_the_dag_is_paused() -> anyhow::Result<()> {
    let (world, lead) = with(&[LAND, &reader("[plant]", "any", 1)]).await?;
    for number in 0..2 {
        land(&world, "plant", day(number), 1).await?;
    }
    world.store.pause_dag(&"reader".parse()?, "somebody").await?;
    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (0, 0));
    world.store.unpause_dag(&"reader".parse()?, "somebody").await?;

    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (1, 1));
    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (0, 0));
    let first = world.claim("only").await?;
    world.succeed(&first, Value::Null).await?;

    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (1, 1));
    assert_eq!(runs(&world).await?[1].interval, day(1));
    Ok(())
}

#[tokio::test]
async fn a_dag_hears_of_what_comes_after_it_and_keeps_its_place_when_its_file_changes()
-> anyhow::Result<()> {
    let (world, lead) = with(&[LAND]).await?;
    land(&world, "plant", day(0), 1).await?;
    sync(&world, lead, &[LAND, &reader("[plant]", "any", 9)]).await?;
    assert_eq!(react(&world, lead).await?, 0, "nobody waits for what was there before");

    land(&world, "plant", day(1), 1).await?;
    sync(&world, lead, &[LAND, &reader("[weather, plant]", "any", 8)]).await?;

    assert_eq!(react(&world, lead).await?, 1);
    sync(&world, lead, &[LAND, "{ dag: reader, tasks: { only: { uses: noop } } }"]).await?;
    land(&world, "plant", day(2), 1).await?;
    assert_eq!((reacting(&world).await?, react(&world, lead).await?), (0, 0));
    Ok(())
}

#[tokio::test]
async fn an_attempt_asks_for_data_sets_only_while_it_holds_its_task() -> anyhow::Result<()> {
    let (world, _) = with(&[LAND]).await?;
    land(&world, "plant", day(0), 7).await?;
    land(&world, "plant", day(0), 8).await?;
    world.store.open_run(&NewRun::manual("land".parse()?, day(1))).await?;
    let claim = world.claim_all().await?.remove(0);
    let asker = Asker { run: claim.run, path: claim.path.clone(), attempt: claim.attempt };
    let plant = "plant".parse()?;

    let names = world.store.names(&asker).await?;
    let newest = world.store.newest(&asker, &plant, 1).await?;
    let at_first = world.store.at(&asker, &plant, Some(1)).await?;
    let unknown = world.store.at(&asker, &"plan".parse()?, None).await?;
    world.store.finish(well(&claim, snapshot("plant", day(1), 9))).await?;
    let late = world.store.names(&asker).await;

    assert_eq!(names, [plant]);
    assert_eq!(newest.iter().map(|one| one.version).collect::<Vec<_>>(), [2]);
    assert_eq!(at_first.iter().map(|one| one.snapshot.rows).collect::<Vec<_>>(), [7]);
    assert_eq!(unknown, []);
    assert!(matches!(late, Err(PortError::Over)), "{late:?}");
    Ok(())
}
