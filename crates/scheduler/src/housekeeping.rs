//! Housekeeping: months of history are made ahead and dropped, old rows deleted, and objects that nobody names.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::TryStreamExt;
use tidemill_dag::time::Timestamp;
use tidemill_store::{Mandate, Old, OldMonth, Retention, Store, StoreError};
use tidemill_task::{Area, ArtifactError, ArtifactStore, StoredObject};
use tracing::{debug, info};

use crate::worker::weather::pass;

/// How many objects are judged by one statement.
const OBJECTS_AT_ONCE: usize = 1000;

/// Keeps history and the object store small.
///
/// All of it may be done twice and by several at once, and may be broken off anywhere: each step is one transaction, and
/// an object goes only after everything that named it.
#[derive(Clone, Debug)]
pub struct Housekeeping {
    store: Store,
    artifacts: ArtifactStore,
    retention: Retention,
    pause: Duration,
}

/// Something that housekeeping could not do.
#[derive(Debug, thiserror::Error)]
pub enum HousekeepingError {
    /// The database.
    #[error("keep the database small")]
    Store(#[from] StoreError),
    /// The object store.
    #[error("keep the object store small")]
    Artifacts(#[from] ArtifactError),
}

/// How many objects nobody needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    /// All objects that were looked at.
    pub seen: u64,
    /// Those that nobody needs.
    pub count: u64,
    /// The length of these together.
    pub size_bytes: u64,
}

/// What housekeeping would do, or did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Months that are older than tasks are kept, also those that stay because a run needs them.
    pub months: Vec<OldMonth>,
    /// Old rows, in the order in which they go.
    pub rows: BTreeMap<Old, u64>,
    /// Objects below each folder.
    pub objects: BTreeMap<&'static str, Garbage>,
}

impl Housekeeping {
    /// Housekeeping by somebody who waits for it.
    pub const fn new(store: Store, artifacts: ArtifactStore, retention: Retention) -> Self {
        Self { store, artifacts, retention, pause: Duration::ZERO }
    }

    /// Rests between two statements about objects, so that nobody feels it.
    #[must_use]
    pub const fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Says what there is to do; nothing is changed.
    pub async fn plan(&self) -> Result<Tidied, HousekeepingError> {
        let months = self.store.old_months(self.retention.tasks).await?;
        let rows = self.store.count_old(&self.retention).await?.into_iter().collect();
        let before = self.store.now().await? - self.retention.artifacts.delta();
        let mut objects = BTreeMap::new();
        for area in Area::ALL {
            let found = self.sift(area, before, &months, Fate::Counted).await?;
            objects.insert(area.folder(), found);
        }
        Ok(Tidied { months, rows, objects })
    }

    /// Does what there is to do, and says what that was.
    ///
    /// It makes months first, so that what is written finds its place; then whole months go, then rows, then objects.
    pub async fn run(&self, by: Mandate) -> Result<Tidied, HousekeepingError> {
        self.store.open_months(by).await?;
        let mut done = Tidied::default();
        let old = self.store.old_months(self.retention.tasks).await?;
        let mut gone = Vec::new();
        while let Some(month) = self.store.drop_old_month(by, self.retention.tasks).await? {
            info!("dropped the tasks of {}", month.format("%Y-%m"));
            gone.push(month);
        }
        for mut month in old {
            let is_gone = gone.contains(&month.month);
            if !is_gone {
                info!(
                    "the tasks of {} stay: {} of its runs are open or ended since",
                    month.month.format("%Y-%m"),
                    month.needed_by
                );
            }
            month.needed_by = if is_gone { 0 } else { month.needed_by.max(1) };
            done.months.push(month);
        }
        for old in Old::ALL {
            let count = self.delete_all(by, old).await?;
            done.rows.insert(old, count);
        }
        let before = self.store.now().await? - self.retention.artifacts.delta();
        for area in Area::ALL {
            let found = self.sift(area, before, &[], Fate::Deleted).await?;
            done.objects.insert(area.folder(), found);
        }
        Ok(done)
    }

    async fn delete_all(&self, by: Mandate, old: Old) -> Result<u64, StoreError> {
        let mut count = 0;
        loop {
            let deleted = self.store.delete_old(by, old, &self.retention).await?;
            count += deleted.count;
            if !deleted.is_full {
                break;
            }
        }
        if count > 0 {
            info!(rows = count, "deleted old {}", old.label());
        }
        Ok(count)
    }

    /// Goes through the objects of a folder, as many at once as one statement judges.
    async fn sift(
        &self,
        area: Area,
        before: Timestamp,
        as_if_dropped: &[OldMonth],
        fate: Fate,
    ) -> Result<Garbage, HousekeepingError> {
        let mut found = Garbage::default();
        let mut listed = self.artifacts.stored(area);
        let mut is_over = false;
        while !is_over {
            let mut old = Vec::with_capacity(OBJECTS_AT_ONCE);
            while old.len() < OBJECTS_AT_ONCE && !is_over {
                match listed.try_next().await? {
                    Some(object) => {
                        found.seen += 1;
                        old.extend(Some(object).filter(|object| object.written_at <= before));
                    }
                    None => is_over = true,
                }
            }
            if old.is_empty() {
                continue;
            }
            let places = self.store.garbage(&old, as_if_dropped).await?;
            let garbage: Vec<&StoredObject> =
                places.into_iter().filter_map(|place| old.get(place)).collect();
            found.count += garbage.len() as u64;
            found.size_bytes += garbage.iter().map(|object| object.size_bytes).sum::<u64>();
            if fate == Fate::Deleted {
                let locations: Vec<&str> =
                    garbage.iter().map(|object| object.location.as_str()).collect();
                self.artifacts.delete(&locations).await?;
                pass(self.pause).await;
            }
        }
        debug!("{} of {} objects below {} are garbage", found.count, found.seen, area.folder());
        if fate == Fate::Deleted && found.count > 0 {
            info!(
                size_bytes = found.size_bytes,
                "deleted {} objects below {}",
                found.count,
                area.folder()
            );
        }
        Ok(found)
    }
}

/// What becomes of objects that nobody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Counted,
    Deleted,
}
