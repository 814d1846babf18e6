//! The drill itself: each fault in a scene of its own, two scenes at a time, and nothing left behind.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;
use tidemill_dag::time::Lapse;
use tidemill_scheduler::LeaderOptions;
use tidemill_store::{DRILL_PREFIX, Store, StoreOptions};
use tidemill_task::{Clock, SystemClock};
use tokio::sync::Mutex;

use super::fault::{Fault, Struck};
use super::finding::{Finding, Verdict, counts_as_failed};
use super::judge::judge;
use super::scene::{Ingredients, Scene};
use crate::database::Database;

/// How long all may take that does not grow with the lease: starting, the work itself, a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// How much of the grace is for pauses that do not grow with the lease: after a loss, and before a database that was away
/// is asked again.
const PAUSES: Duration = Duration::from_secs(10);

/// How long a process may take to stop.
const STOPPING: Duration = Duration::from_secs(40);

/// How long things take in a drill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The lease of workers.
    pub lease: Lapse,
}

impl Pace {
    /// How long recovery may take: a lease, and the grace until somebody looks and the pauses are over.
    pub(crate) fn bound(self) -> Duration {
        let LeaderOptions { lease, grace, .. } = LeaderOptions::for_leases_of(self.lease);
        self.lease.0 + lease + grace + PAUSES
    }

    /// How long one fault may take in all.
    pub(super) fn patience(self) -> Duration {
        PATIENCE + self.lease.0 * 30
    }
}

/// A drill on a database.
pub(crate) struct Drill {
    /// The configured database.
    pub server: Rc<RefCell<Database>>,
    /// How to reach it.
    pub options: StoreOptions,
    /// A store in it, outside of the schemas of the drill.
    pub store: Store,
    /// The folder of drills.
    pub folder: PathBuf,
    /// How long things take.
    pub pace: Pace,
    /// What decides whom it hits, and when.
    pub seed: u64,
    /// Held by whoever makes a schema.
    pub preparing: Mutex<()>,
}

/// The schema and the folder of each fault that is being rehearsed.
type Made = RefCell<BTreeMap<&'static str, (String, PathBuf)>>;

impl Drill {
    /// Rehearses faults; tells of each when it begins and when it is over. Whatever happens, nothing is left of it but the
    /// folders of faults that went wrong. `stop` ends it early; `None` says that it did.
    pub(crate) async fn run(
        &self,
        faults: &[&'static Fault],
        tell: &dyn Fn(&str),
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<Option<Vec<Finding>>> {
        let made = Made::default();
        let findings = tokio::select! {
            findings = self.rehearse_all(faults, tell, &made) => Some(findings),
            () = stop => None,
        };
        // The processes ended with what was dropped.
        for (schema, folder) in made.take().into_values() {
            remove(&self.store, &schema, &folder).await?;
        }
        Ok(findings)
    }

    /// Two at a time: most of a fault is waiting. Those that others would feel come afterwards, alone.
    async fn rehearse_all(
        &self,
        faults: &[&'static Fault],
        tell: &dyn Fn(&str),
        made: &Made,
    ) -> Vec<Finding> {
        let (alone, beside): (Vec<_>, Vec<_>) =
            faults.iter().copied().partition(|fault| fault.is_felt_by_others);
        let waiting = RefCell::new(VecDeque::from(beside));
        let found = RefCell::new(Vec::new());
        let lane = async || {
            loop {
                let next = waiting.borrow_mut().pop_front();
                let Some(fault) = next else { return };
                let finding = self.rehearse(fault, tell, made).await;
                found.borrow_mut().push(finding);
            }
        };
        tokio::join!(lane(), lane());
        let mut found = found.into_inner();
        for fault in alone {
            found.push(self.rehearse(fault, tell, made).await);
        }
        found.sort_by_key(|one| faults.iter().position(|fault| fault.name == one.fault));
        found
    }

    async fn rehearse(&self, fault: &'static Fault, tell: &dyn Fn(&str), made: &Made) -> Finding {
        tell(&format!("{}: {}", fault.name, fault.about));
        let mut finding = self.try_to_rehearse(fault, made).await.unwrap_or_else(|error| {
            Finding::without(fault.name, Verdict::Failed, format!("could not try it: {error:#}"))
        });
        let gone = made.borrow_mut().remove(fault.name);
        if let Some((schema, folder)) = gone {
            if counts_as_failed(&finding) {
                let logs = format!("its processes logged to {}", folder.display());
                finding.notes.push(logs);
                // Its schema goes all the same.
                drop(self.store.drop_drill_schema(&schema).await);
            } else if let Err(error) = remove(&self.store, &schema, &folder).await {
                finding.notes.push(format!("could not clean up: {error:#}"));
            }
        }
        tell(&format!("{}: {}", fault.name, finding.verdict.label()));
        finding
    }

    async fn try_to_rehearse(&self, fault: &'static Fault, made: &Made) -> anyhow::Result<Finding> {
        let second = SystemClock.now().timestamp();
        let name = format!("{DRILL_PREFIX}{second}_{}_{}", std::process::id(), fault.name);
        let folder = self.folder.join(&name);
        made.borrow_mut().insert(fault.name, (name.clone(), folder.clone()));
        let ingredients = Ingredients {
            options: &self.options,
            server: Rc::clone(&self.server),
            name,
            folder,
            pace: self.pace,
            seed: self.seed,
        };
        let mut scene = {
            // Migrations of one database wait for each other anyway.
            let _turn = self.preparing.lock().await;
            Scene::prepare(ingredients).await?
        };
        let finding = perform(fault, &mut scene).await;
        scene.processes.clear();
        scene.store.close().await;
        finding
    }
}

/// Puts a fault, waits for the end of the runs, and judges.
async fn perform(fault: &'static Fault, scene: &mut Scene) -> anyhow::Result<Finding> {
    let (what, recovery) = match (fault.strike)(scene).await? {
        Struck::Done { what, recovery } => (what, recovery),
        Struck::Skipped { why } => return Ok(Finding::without(fault.name, Verdict::Skipped, why)),
    };
    // Runs that do not end are no reason not to judge, but what is judged.
    let end = scene.all_over().await;
    // What somebody has still to report is reported before it stops.
    let mut stopping = std::mem::take(&mut scene.processes);
    for process in &mut stopping {
        process.signal(Signal::TERM)?;
    }
    for process in &mut stopping {
        let status = process.ended(STOPPING).await?;
        anyhow::ensure!(status.success(), "`{}` ended with {status}", process.name);
    }
    let mut finding = judge(fault.name, scene, what, &recovery).await?;
    if let Err(error) = end {
        finding.verdict = Verdict::Violated;
        finding.notes.push(format!("{error:#}"));
    }
    Ok(finding)
}

/// Removes what a rehearsal made.
pub(super) async fn remove(store: &Store, schema: &str, folder: &Path) -> anyhow::Result<()> {
    store.drop_drill_schema(schema).await?;
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove `{}`", folder.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
