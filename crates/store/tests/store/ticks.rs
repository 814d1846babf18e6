//! Ticks: once each, as many runs as the DAG may have open, and what an outage leaves of them.

use chrono::Timelike;
use tidemill_dag::hash::content_hash;
use tidemill_dag::spec::DagSpec;
use tidemill_dag::state::RunKind;
use tidemill_dag::time::Lapse;
use tidemill_store::{Heard, Lead, NewDagVersion, Present, RunFilter, Synced, Ticked, Topic};
use tidemill_testkit::World;

const HOUR: Lapse = Lapse::seconds(3600);

/// Hourly, with a policy for missed ticks and a limit of open runs.
fn hourly(missed: &str, parallel_runs: u32) -> String {
    format!(
        "{{ dag: hourly, parallel_runs: {parallel_runs}, schedule: {{ cron: '@hourly', missed: {missed} }},
            params: {{ site: north }}, tasks: {{ only: {{ uses: noop }} }} }}"
    )
}

async fn lead(world: &World) -> anyhow::Result<Lead> {
    let year = Lapse::seconds(366 * 86_400);
    Ok(world.store.acquire_lead("test", year).await?.expect("nobody leads"))
}

async fn sync(
    world: &World,
    lead: Lead,
    files: &[&str],
    broken: &[&str],
) -> anyhow::Result<Synced> {
    let mut specs: Vec<(DagSpec, String)> = Vec::new();
    for file in files {
        let spec = crate::spec(file)?;
        let hash = content_hash(&spec);
        specs.push((spec, hash));
    }
    let dags = specs.iter().map(|(spec, hash)| NewDagVersion { spec, hash, source: "dags/a.yaml" });
    let broken = broken.iter().map(|path| (*path).to_owned()).collect();
    let present = Present { dags: dags.collect(), broken };
    Ok(world.store.sync_dags(lead, &present).await?)
}

/// A world that leads and has one DAG from its start on.
pub(crate) async fn with(file: &str) -> anyhow::Result<(World, Lead)> {
    let world = World::new().await?;
    let lead = lead(&world).await?;
    sync(&world, lead, &[file], &[]).await?;
    Ok((world, lead))
}

async fn tick(world: &World, lead: Lead) -> anyhow::Result<Ticked> {
    Ok(world.store.tick(lead, &"hourly".parse()?).await?)
}

/// The hours of the ticks' intervals, oldest first.
async fn hours(world: &World) -> anyhow::Result<Vec<u32>> {
    let runs = world.store.runs(&RunFilter::default()).await?;
    let mut hours: Vec<u32> = runs.iter().map(|run| run.interval.end.hour()).collect();
    hours.sort_unstable();
    Ok(hours)
}

async fn finish_all(world: &World) -> anyhow::Result<()> {
    for claim in world.claim_all().await? {
        world.succeed(&claim, serde_json::Value::Null).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_new_dag_starts_with_the_tick_after_it_was_loaded() -> anyhow::Result<()> {
    let (world, lead) = with(&hourly("all", 10)).await?;

    assert_eq!(tick(&world, lead).await?, Ticked::default());
    world.clock.advance(HOUR);
    assert_eq!(world.store.agenda().await?.ticking, ["hourly".parse()?]);
    assert_eq!(tick(&world, lead).await?, Ticked { due: 1, opened: 1 });

    let run = &world.store.runs(&RunFilter::default()).await?[0];
    assert_eq!((run.kind, run.params.len()), (RunKind::Scheduled, 1));
    assert!(world.store.agenda().await?.ticking.is_empty());
    Ok(())
}

#[tokio::test]
async fn ticks_that_are_dealt_with_by_two_at_once_are_one_run_each() -> anyhow::Result<()> {
    let (world, lead) = with(&hourly("all", 10)).await?;
    world.clock.advance(Lapse::seconds(3 * 3600));

    let racers: Vec<_> = (0..4)
        .map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move { store.tick(lead, &"hourly".parse().unwrap()).await })
        })
        .collect();
    for racer in racers {
        racer.await??;
    }

    assert_eq!(hours(&world).await?, [1, 2, 3]);
    Ok(())
}

#[tokio::test]
async fn nobody_for_three_hours_leaves_what_the_policy_says() -> anyhow::Result<()> {
    for (missed, expected) in [("all", vec![1, 2, 3]), ("latest", vec![3]), ("none", vec![])] {
        let (world, lead) = with(&hourly(missed, 10)).await?;
        world.clock.advance(Lapse::seconds(3 * 3600 + 900));

        tick(&world, lead).await?;
        tick(&world, lead).await?;

        assert_eq!(hours(&world).await?, expected, "{missed}");
        world.clock.advance(Lapse::seconds(2700));
        tick(&world, lead).await?;
        assert_eq!(hours(&world).await?.last(), Some(&4), "{missed}");
    }
    Ok(())
}

#[tokio::test]
async fn ticks_wait_while_as_many_runs_are_open_as_may_be() -> anyhow::Result<()> {
    let (world, lead) = with(&hourly("all", 2)).await?;
    world.clock.advance(Lapse::seconds(5 * 3600));

    let first = tick(&world, lead).await?;
    let none = tick(&world, lead).await?;
    let is_quiet = world.store.agenda().await?.ticking.is_empty();
    finish_all(&world).await?;
    let is_awake = !world.store.agenda().await?.ticking.is_empty();
    let second = tick(&world, lead).await?;

    assert_eq!((first, none.opened), (Ticked { due: 5, opened: 2 }, 0));
    assert!(is_quiet && is_awake);
    assert_eq!(second, Ticked { due: 0, opened: 2 });
    assert_eq!(hours(&world).await?, [1, 2, 3, 4]);
    Ok(())
}

#[tokio::test]
async fn a_paused_dag_does_not_tick_and_goes_on_by_its_policy() -> anyhow::Result<()> {
    let (world, lead) = with(&hourly("latest", 10)).await?;
    let dag = "hourly".parse()?;
    assert!(world.store.pause_dag(&dag, "ada").await?);
    assert!(!world.store.pause_dag(&dag, "ada").await?);
    world.clock.advance(Lapse::seconds(3 * 3600));

    let paused = tick(&world, lead).await?;
    let is_quiet = world.store.agenda().await?.ticking.is_empty();
    world.store.unpause_dag(&dag, "ada").await?;
    let unpaused = tick(&world, lead).await?;

    assert_eq!((paused, unpaused.opened), (Ticked::default(), 1));
    assert!(is_quiet);
    let actions: Vec<String> =
        world.store.audit(10).await?.into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["pause_dag", "unpause_dag"]);
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_gone_ends_its_ticks_and_not_its_runs() -> anyhow::Result<()> {
    let (world, lead) = with(&hourly("all", 1)).await?;
    world.clock.advance(Lapse::seconds(2 * 3600));
    tick(&world, lead).await?;

    let synced = sync(&world, lead, &[], &[]).await?;
    finish_all(&world).await?;
    world.clock.advance(HOUR);
    let gone = tick(&world, lead).await?;
    let back = sync(&world, lead, &[&hourly("all", 1)], &[]).await?;
    let after = tick(&world, lead).await?;

    assert_eq!(synced.removed, ["hourly".parse()?]);
    assert_eq!((gone, after), (Ticked::default(), Ticked::default()));
    assert_eq!(back.added, ["hourly".parse()?]);
    let run = &world.store.runs(&RunFilter::default()).await?[0];
    assert_eq!(run.tasks.succeeded, 1);
    Ok(())
}

#[tokio::test]
async fn a_file_with_problems_leaves_its_dag_as_it_was() -> anyhow::Result<()> {
    let (world, lead) = with(&hourly("all", 1)).await?;

    let synced = sync(&world, lead, &[], &["dags/a.yaml"]).await?;
    world.clock.advance(HOUR);

    assert!(synced.is_empty());
    assert_eq!(tick(&world, lead).await?.opened, 1);
    Ok(())
}

#[tokio::test]
async fn a_schedule_that_changed_begins_anew_after_what_was_due() -> anyhow::Result<()> {
    let (world, lead) = with(&hourly("all", 10)).await?;
    world.clock.advance(Lapse::seconds(2 * 3600 + 60));
    let changed = hourly("all", 10).replace("@hourly", "30 * * * *");

    let synced = sync(&world, lead, &[&changed], &[]).await?;
    let old = tick(&world, lead).await?;
    world.clock.advance(Lapse::seconds(1800));
    let new = tick(&world, lead).await?;

    assert_eq!(synced.changed, ["hourly".parse()?]);
    assert_eq!((old.due, new.due), (2, 1));
    Ok(())
}

#[tokio::test]
async fn a_dag_that_no_repository_has_does_not_tick() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&hourly("all", 1)).await?;
    let lead = lead(&world).await?;
    world.clock.advance(HOUR);

    assert_eq!(tick(&world, lead).await?, Ticked::default());
    Ok(())
}

#[tokio::test]
async fn a_trigger_asked_for_twice_is_one_run_with_the_defaults() -> anyhow::Result<()> {
    let (world, _) = with(&hourly("all", 1)).await?;
    let dag = "hourly".parse()?;

    let first = world.store.trigger(&dag, "k", World::interval(), [].into()).await?;
    let again = world.store.trigger(&dag, "k", World::interval(), [].into()).await?;

    assert!(first.is_new && !again.is_new && first.run == again.run);
    let run = &world.store.runs(&RunFilter::default()).await?[0];
    assert_eq!((run.kind, run.params.len()), (RunKind::Triggered, 1));
    Ok(())
}

#[tokio::test]
async fn schedulers_hear_of_a_run_that_ends() -> anyhow::Result<()> {
    let (world, lead) = with(&hourly("all", 1)).await?;
    world.clock.advance(HOUR);
    tick(&world, lead).await?;
    let mut listener = world.store.listen(&[Topic::Changed]).await?;

    finish_all(&world).await?;

    let heard = tokio::time::timeout(std::time::Duration::from_secs(10), listener.next()).await??;
    assert_eq!(heard, Heard::Changed);
    Ok(())
}
