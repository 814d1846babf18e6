//! News for a worker: in which pools there may be something to take.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidemill_dag::names::PoolName;
use tokio::sync::Notify;

/// Tells a worker that there may be something to take.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Letterbox>);

#[derive(Debug, Default)]
struct Letterbox {
    news: Mutex<News>,
    has_news: Notify,
}

/// What was heard since it was last read.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Pools in which a task became ready.
    pub(super) ready: BTreeSet<PoolName>,
    /// Whether something may have happened in any pool.
    pub(super) is_unknown: bool,
}

impl Wake {
    /// The worker looks at all its pools at once.
    pub fn wake(&self) {
        self.news().is_unknown = true;
        self.0.has_news.notify_one();
    }

    /// The worker looks at a pool in which a task became ready.
    pub(super) fn ready(&self, pool: PoolName) {
        self.news().ready.insert(pool);
        self.0.has_news.notify_one();
    }

    /// What is new; it is told once.
    pub(super) fn read(&self) -> News {
        std::mem::take(&mut *self.news())
    }

    /// Waits until there is something new. One worker waits.
    pub(super) async fn heard(&self) {
        self.0.has_news.notified().await;
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.0.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
