//! Housekeeping: history and the object store stay small, and nothing goes that somebody needs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tidemill_dag::advance::Verdict;
use tidemill_dag::ids::RunId;
use tidemill_dag::rerun::Selection;
use tidemill_dag::time::Lapse;
use tidemill_scheduler::{Housekeeping, LeaderOptions, Scheduler, SchedulerOptions, Sinks, Tidied};
use tidemill_store::{Claim, Finish, Mandate, NewRerun, Retention};
use tidemill_task::{ArtifactRef, ArtifactStore, ContentHash};
use tidemill_testkit::World;
use tokio::time::Instant;

use crate::Files;

const DAY: u64 = 86_400;
const TWO: &str =
    "dag: two\ntasks:\n  made: { uses: noop }\n  read: { uses: noop, needs: [made] }\n";
const RETENTION: Retention = Retention {
    tasks: Lapse::seconds(90 * DAY),
    runs: Lapse::seconds(730 * DAY),
    ticks: Lapse::seconds(90 * DAY),
    backfills: Lapse::seconds(730 * DAY),
    messages: Lapse::seconds(30 * DAY),
    workers: Lapse::seconds(7 * DAY),
    artifacts: Lapse::seconds(7 * DAY),
};

/// A world with an object store in a folder.
struct House {
    world: World,
    folder: tempfile::TempDir,
}

impl House {
    async fn build() -> anyhow::Result<Self> {
        let world = World::new().await?.with_dag(TWO).await?;
        world.store.open_months(Mandate::Person).await?;
        Ok(Self { world, folder: tempfile::tempdir()? })
    }

    fn housekeeping(&self) -> anyhow::Result<Housekeeping> {
        let artifacts = ArtifactStore::open(&self.folder.path().display().to_string())?;
        Ok(Housekeeping::new(self.world.store.clone(), artifacts, RETENTION))
    }

    async fn tidy(&self) -> anyhow::Result<Tidied> {
        Ok(self.housekeeping()?.run(Mandate::Person).await?)
    }

    /// Writes an object, as if at the instant at which the clock stands.
    fn put(&self, location: &str) -> anyhow::Result<()> {
        let file: PathBuf = self.folder.path().join(location);
        std::fs::create_dir_all(file.parent().expect("it lies in a folder"))?;
        std::fs::write(&file, "content")?;
        let since = u64::try_from(self.world.clock.now().timestamp())?;
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(since);
        std::fs::File::options().write(true).open(file)?.set_modified(written)?;
        Ok(())
    }

    fn has(&self, location: &str) -> bool {
        self.folder.path().join(location).exists()
    }

    fn pass_days(&self, days: u64) {
        self.world.clock.advance(Lapse::seconds(days * DAY));
    }

    /// A run whose first task made an artefact, after an attempt that failed and wrote one, too. Gives both locations.
    async fn run(&self, is_closed: bool) -> anyhow::Result<(RunId, String, String)> {
        let run = self.world.open().await?;
        let claim = self.world.claim("made").await?;
        let made = format!("attempts/{run}/made/1/table");
        let left = format!("attempts/{run}/made/0/table");
        self.put(&made)?;
        self.put(&left)?;
        self.put(&format!("logs/{run}/made/1/000000"))?;
        self.world.store.finish(end(&claim, &made)).await?;
        if is_closed {
            let claim = self.world.claim("read").await?;
            self.world.succeed(&claim, json!(1)).await?;
        }
        Ok((run, made, left))
    }
}

fn end(claim: &Claim, location: &str) -> Finish {
    let table = ArtifactRef {
        port: "table".parse().expect("`table` is a name"),
        holds: "table".into(),
        sha256: ContentHash::of(b"content"),
        size_bytes: 7,
        location: location.into(),
        media_type: "text/plain".into(),
        publication: None,
    };
    Finish {
        artifacts: vec![table],
        ..Finish::new(claim.held(), Verdict::Succeeded { output: Arc::new(json!(1)) })
    }
}

#[tokio::test]
async fn what_a_run_made_stays_and_what_an_attempt_left_goes_after_its_grace() -> anyhow::Result<()>
{
    let house = House::build().await?;
    let (run, made, left) = house.run(true).await?;
    let log = format!("logs/{run}/made/1/000000");

    house.pass_days(6);
    let young = house.tidy().await?;
    let was_there = house.has(&left);
    house.pass_days(1);
    let grown = house.tidy().await?;
    let again = house.tidy().await?;

    assert!(was_there && young.objects.values().all(|found| found.count == 0), "{young:?}");
    assert_eq!(grown.objects["attempts"].count, 1);
    assert_eq!(grown.objects["attempts"].size_bytes, 7);
    assert!(!house.has(&left) && house.has(&made) && house.has(&log));
    assert!(again.objects.values().all(|found| found.count == 0), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn nothing_of_a_run_that_is_open_is_touched_however_old() -> anyhow::Result<()> {
    let house = House::build().await?;
    let (run, made, left) = house.run(false).await?;
    house.pass_days(400);

    let tidied = house.tidy().await?;

    assert!(
        house.has(&made) && house.has(&left) && house.has(&format!("logs/{run}/made/1/000000"))
    );
    // February and March were empty.
    let needed: Vec<u64> = tidied.months.iter().map(|month| month.needed_by).collect();
    assert_eq!(needed, [1, 0, 0]);
    Ok(())
}

#[tokio::test]
async fn with_a_month_go_its_artefacts_and_logs_but_not_what_is_pinned_or_kept_by_a_rerun()
-> anyhow::Result<()> {
    let house = House::build().await?;
    let store = &house.world.store;
    let (plain, plain_made, _) = house.run(true).await?;
    let (_, pinned_made, _) = house.run(true).await?;
    let (repeated, kept_made, _) = house.run(true).await?;
    store.pin_artifacts("model_1", "it is the champion", &[&pinned_made]).await?;
    house.pass_days(60);
    let selection = Selection::Only(vec!["read".parse()?]);
    store.rerun(&NewRerun { run: repeated, version: None, selection, use_cache: true }).await?;
    let read = house.world.claim("read").await?;
    house.world.succeed(&read, json!(1)).await?;
    house.pass_days(62);

    let planned = house.housekeeping()?.plan().await?;
    let done = house.tidy().await?;

    assert_eq!(done, planned);
    assert_eq!(done.months.len(), 1);
    assert_eq!(done.months[0].tasks, 6);
    // Of the first run what it made; of each what was left, and its log.
    assert_eq!((done.objects["attempts"].count, done.objects["logs"].count), (4, 3));
    assert!(!house.has(&plain_made) && house.has(&pinned_made) && house.has(&kept_made));
    assert!(!house.has(&format!("logs/{plain}")) && !house.has(&format!("attempts/{plain}")));
    Ok(())
}

#[tokio::test]
async fn a_pin_that_is_taken_away_lets_its_object_go() -> anyhow::Result<()> {
    let house = House::build().await?;
    let store = &house.world.store;
    let (_, made, _) = house.run(true).await?;
    store.pin_artifacts("model_1", "it is the champion", &[&made]).await?;
    store.pin_artifacts("model_2", "it has the same features", &[&made]).await?;
    house.pass_days(200);

    store.unpin_artifacts("model_1").await?;
    house.tidy().await?;
    let with_one_pin = house.has(&made);
    store.unpin_artifacts("model_2").await?;
    house.tidy().await?;
    let refused = store.pin_artifacts("model_3", "too late", &[&made]).await;

    assert!(with_one_pin && !house.has(&made));
    let refused = refused.expect_err("nothing names it").to_string();
    assert_eq!(refused, format!("pin `{made}`: no artefact and no other pin names it"));
    Ok(())
}

#[tokio::test]
async fn a_plan_changes_nothing() -> anyhow::Result<()> {
    let house = House::build().await?;
    let (run, made, left) = house.run(true).await?;
    house.pass_days(200);

    let first = house.housekeeping()?.plan().await?;
    let second = house.housekeeping()?.plan().await?;

    assert_eq!(first, second);
    assert_eq!(first.objects["attempts"].count, 2);
    assert!(house.has(&made) && house.has(&left));
    assert_eq!(house.world.store.run(run).await?.tasks.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_leader_keeps_house_beside_its_rounds() -> anyhow::Result<()> {
    let house = House::build().await?;
    let (run, _, _) = house.run(true).await?;
    house.pass_days(200);
    let options = SchedulerOptions {
        name: "leads".to_owned(),
        leader: LeaderOptions::default(),
        housekeeping: Some(house.housekeeping()?),
    };
    let files = Files::holding(&[TWO]);
    let mut leads = Scheduler::new(house.world.store.clone(), files, Sinks::default(), options);

    leads.step(Instant::now()).await?;
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let tidied = async {
        while house.has(&format!("logs/{run}")) {
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), tidied).await?;

    assert!(house.world.store.run(run).await?.run.has_dropped_tasks());
    leads.say_goodbye().await;
    Ok(())
}
