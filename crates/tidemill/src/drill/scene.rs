//! Where one fault is rehearsed: a schema, a folder, a witness, runs, and the processes that carry them out.

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail};
use tidemill_dag::catalog::Catalog;
use tidemill_dag::ids::{RunId, WorkerId};
use tidemill_dag::names::PoolName;
use tidemill_dag::schedule::{Stretch, Zone};
use tidemill_dag::state::{RunState, TaskState};
use tidemill_store::{
    Drill as Schema, Held, NewDagVersion, NewRun, RunDetail, Store, StoreError, StoreOptions,
};
use tidemill_task::ArtifactStore;
use tokio::time::{Instant, interval};

use super::process::Process;
use super::rehearse::Pace;
use super::witness::Witness;
use super::workflow::{self, Plan, Size};
use crate::database::Database;
use crate::repository::Repository;

/// How often a scene is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The slots of the pool `default`: what is lost need not wait for others to end.
const POOL_SLOTS: u32 = 24;
/// The slots of one worker.
const WORKER_SLOTS: &str = "5";
/// The connections that one process has for its work: few, so that they can all be taken.
const CONNECTIONS: u32 = 2;

/// An attempt that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay {
    pub(super) held: Held,
    /// How often its task was lost before.
    pub(super) losses: u32,
    /// Whether the witness heard it begin, and not end.
    pub(super) is_at_work: bool,
}

/// Where one fault is rehearsed.
pub(super) struct Scene {
    /// The store in the schema of the scene.
    pub(super) store: Store,
    /// The same with what only a drill may do.
    pub(super) schema: Schema,
    /// What tasks say.
    pub(super) witness: Witness,
    /// How long things take.
    pub(super) pace: Pace,
    /// Chance, by the seed of the drill.
    pub(super) chance: Chance,
    /// The configured database, for who restarts it.
    pub(super) server: Rc<RefCell<Database>>,
    /// Runs with their sizes.
    pub(super) runs: Vec<(RunId, Size)>,
    /// Processes that go on until the runs are over.
    pub(super) processes: Vec<Process>,
    /// What a fault found lost by itself, in words.
    pub(super) lost: Vec<String>,
    /// What a fault found doubled by itself, in words.
    pub(super) doubled: Vec<String>,
    name: String,
    folder: PathBuf,
    url: String,
    started: usize,
    deadline: Instant,
}

/// Numbers that look random, and are the same for the same seed: `SplitMix64` (G. Steele and others, Fast Splittable
/// Pseudorandom Number Generators, 2014).
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// A number below a bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

/// What a scene is made from.
pub(super) struct Ingredients<'a> {
    pub(super) options: &'a StoreOptions,
    pub(super) server: Rc<RefCell<Database>>,
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) pace: Pace,
    pub(super) seed: u64,
}

impl Scene {
    /// Makes the schema, the folder and the witness. Who made it removes them.
    pub(super) async fn prepare(ingredients: Ingredients<'_>) -> anyhow::Result<Self> {
        let Ingredients { options, server, name, folder, pace, seed } = ingredients;
        fs::create_dir_all(folder.join("dags"))
            .with_context(|| format!("make the folder `{}`", folder.display()))?;
        let url = options.url.clone();
        let options = options.clone().in_schema(&name).with_connections(4);
        let store = Store::connect(options).await?;
        store.migrate().await?;
        store.put_pool(&PoolName::new("default")?, POOL_SLOTS, "").await?;
        let schema = store.as_drill().context("use the schema of a drill")?;
        let witness = Witness::at(&folder.join("witness"))?;
        let deadline = Instant::now() + pace.patience();
        Ok(Self {
            store,
            schema,
            witness,
            pace,
            chance: Chance(seed),
            server,
            runs: Vec::new(),
            processes: Vec::new(),
            lost: Vec::new(),
            doubled: Vec::new(),
            name,
            folder,
            url,
            started: 0,
            deadline,
        })
    }

    /// Where artefacts lie.
    pub(super) fn artifacts(&self) -> anyhow::Result<ArtifactStore> {
        let folder = self.folder.join("state/artifacts");
        Ok(ArtifactStore::open(&folder.display().to_string())?)
    }

    /// Starts a scheduler.
    pub(super) fn scheduler(&mut self, more: &[&str]) -> anyhow::Result<Process> {
        self.start("scheduler", more, None)
    }

    /// Starts a worker.
    pub(super) fn worker(&mut self, more: &[&str]) -> anyhow::Result<Process> {
        self.start("work", &with_slots(more), None)
    }

    /// Starts a worker for which writing more than it may is an error and not its end.
    pub(super) fn worker_that_bears_limits(&mut self) -> anyhow::Result<Process> {
        self.start("work", &with_slots(&[]), Some("trap '' XFSZ; exec \"$0\" \"$@\""))
    }

    /// Starts all roles in one process tree.
    pub(super) fn everything(&mut self) -> anyhow::Result<Process> {
        self.start("up", &with_slots(&[]), None)
    }

    fn start(&mut self, role: &str, more: &[&str], shell: Option<&str>) -> anyhow::Result<Process> {
        let name = format!("{role}-{}", self.started);
        self.started += 1;
        let program = std::env::current_exe().context("find this program's own file")?;
        let mut command = if let Some(script) = shell {
            let mut command = Command::new("sh");
            command.args(["-c", script]).arg(program);
            command
        } else {
            Command::new(program)
        };
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("TIDEMILL__") {
                command.env_remove(variable);
            }
        }
        let log = self.folder.join(format!("{name}.log"));
        let log = File::create(&log).with_context(|| format!("make `{}`", log.display()))?;
        let lease = self.pace.lease.to_string();
        command
            .env("DATABASE_URL", &self.url)
            .env("TIDEMILL__DATABASE__SCHEMA", &self.name)
            .env("TIDEMILL__DATABASE__CONNECTIONS", CONNECTIONS.to_string())
            .env("TIDEMILL__POOLS__DEFAULT__SLOTS", POOL_SLOTS.to_string())
            .args([role, "-v", "--tethered", "--state", "state", "--dags", "dags"])
            .args(["--name", &name, "--lease", &lease])
            .args(more)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("open a log")?)
            .stderr(log)
            // What interrupts the drill in a terminal is the drill's to pass on.
            .process_group(0);
        let child = command.spawn().with_context(|| format!("start `{name}`"))?;
        Ok(Process::new(name, child))
    }

    /// Opens a run by hand.
    pub(super) async fn open_run(&mut self, size: Size) -> anyhow::Result<RunId> {
        self.write_dag(workflow::DAG, &self.plan(size).by_hand())?;
        let pools = self.store.pools().await?;
        let catalog = Catalog {
            kinds: tidemill_kinds::registry().catalog(),
            pools: pools.into_iter().map(|pool| (pool.name.to_string(), pool.slots)).collect(),
            env: Vec::new(),
        };
        let repository = Repository::open(&self.folder, &self.folder.join("dags"))?;
        let loaded = repository.load(&catalog)?;
        if let Some(problem) = loaded.problems.first() {
            bail!("read the workflow of the drill: {problem}");
        }
        let dag = loaded.dags.iter().find(|dag| dag.spec.dag.as_str() == workflow::DAG);
        let dag = dag.context("find the workflow of the drill")?;
        let new = NewDagVersion { spec: &dag.spec, hash: &dag.hash, source: &dag.path };
        let version = self.store.put_dag_version(&new).await?;
        let interval = Stretch::DAY.latest_complete(Zone::UTC, self.schema.now().await?);
        let new =
            NewRun { version: Some(version), ..NewRun::manual(dag.spec.dag.clone(), interval) };
        let run = self.store.open_run(&new).await?.run;
        self.runs.push((run, size));
        Ok(run)
    }

    /// What a workflow of this size is made from.
    pub(super) fn plan(&self, size: Size) -> Plan<'_> {
        Plan { size, lease: self.pace.lease.0, witness: self.witness.path() }
    }

    /// Writes a file of a workflow, which schedulers find.
    pub(super) fn write_dag(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let file = self.folder.join("dags").join(format!("{name}.yaml"));
        fs::write(&file, text).with_context(|| format!("write `{}`", file.display()))
    }

    /// Waits until a look finds something; names what it waited for if it never does. A database that is away is waited
    /// for, too.
    pub(super) async fn until<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let mut looks = interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            match look().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) if may_pass(&error) => {}
                Err(error) => return Err(error),
            }
            anyhow::ensure!(Instant::now() < self.deadline, "waited too long: {what}");
        }
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, length: Duration) {
        let mut ticks = interval(length.max(Duration::from_millis(1)));
        ticks.tick().await;
        ticks.tick().await;
    }

    /// The id of a worker by the name of its process, once it is there.
    pub(super) async fn worker_id(&self, name: &str) -> anyhow::Result<WorkerId> {
        self.until(&format!("`{name}` starts"), async || {
            let workers = self.store.workers().await?;
            Ok(workers.into_iter().find(|worker| worker.name == name).map(|worker| worker.id))
        })
        .await
    }

    /// All runs as they are.
    pub(super) async fn details(&self) -> anyhow::Result<Vec<(RunDetail, Size)>> {
        let mut details = Vec::new();
        for (run, size) in &self.runs {
            details.push((self.store.run(*run).await?, *size));
        }
        Ok(details)
    }

    /// What is under way, of one worker or of all.
    pub(super) async fn under_way(&self, by: Option<WorkerId>) -> anyhow::Result<Vec<UnderWay>> {
        let mut under_way = Vec::new();
        for (detail, _) in self.details().await? {
            for task in detail.tasks {
                if let TaskState::Running { attempt, lease } = &task.state
                    && by.is_none_or(|worker| worker == lease.worker)
                {
                    let who = (detail.run.id.to_string(), task.path.to_string());
                    under_way.push(UnderWay {
                        held: Held { run: detail.run.id, task: task.id, attempt: *attempt },
                        losses: task.losses,
                        is_at_work: self.witness.record().is_at_work(&who, attempt.0),
                    });
                }
            }
        }
        Ok(under_way)
    }

    /// The attempts that are under way.
    pub(super) async fn held(&self, by: Option<WorkerId>) -> anyhow::Result<Vec<Held>> {
        Ok(self.under_way(by).await?.into_iter().map(|one| one.held).collect())
    }

    /// Waits until a worker, or all of them together, are in the middle of so many tasks with a witness.
    pub(super) async fn busy(
        &self,
        by: Option<WorkerId>,
        tasks: usize,
    ) -> anyhow::Result<Vec<Held>> {
        self.until(&format!("{tasks} tasks are at work"), async || {
            let under_way = self.under_way(by).await?;
            let at_work = under_way.iter().filter(|one| one.is_at_work).count();
            let held = under_way.into_iter().map(|one| one.held).collect();
            Ok((at_work >= tasks).then_some(held))
        })
        .await
    }

    /// Waits until so many tasks have begun to work, all in all.
    pub(super) async fn begun(&self, bodies: usize) -> anyhow::Result<()> {
        self.until(&format!("{bodies} tasks have begun"), async || {
            Ok((self.witness.record().starts() >= bodies).then_some(()))
        })
        .await
    }

    /// Waits until all runs are over.
    pub(super) async fn all_over(&self) -> anyhow::Result<()> {
        self.until("the runs end", async || {
            let details = self.details().await?;
            let is_over = |detail: &RunDetail| matches!(detail.run.state, RunState::Closed { .. });
            Ok(details.iter().all(|(detail, _)| is_over(detail)).then_some(()))
        })
        .await
    }
}

fn with_slots<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--pool", "default", "--slots", WORKER_SLOTS, "--grace", "20s"], more].concat()
}

/// Whether an error is that of a database that is away.
pub(super) fn may_pass(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(StoreError::may_pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_repeats_and_stays_below_its_bound() {
        let draw = |seed| {
            let mut chance = Chance(seed);
            (0..100).map(|_| chance.below(7)).collect::<Vec<_>>()
        };

        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).iter().all(|number| *number < 7));
    }
}
