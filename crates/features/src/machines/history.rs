//! The recent past of one series: what is needed, and nothing before that.

use crate::kernel::Seen;
use crate::state::{BadState, StateReader, StateWriter};

/// Observations in order of time, without missing values.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    at: Vec<i64>,
    values: Vec<f64>,
}

impl History {
    pub(crate) fn seen(&self) -> Seen<'_> {
        Seen { at: &self.at, values: &self.values }
    }

    pub(crate) fn push(&mut self, at: i64, value: f64) {
        if !value.is_nan() {
            self.at.push(at);
            self.values.push(value);
        }
    }

    /// Lets `read` see what was kept, and then what is new. Copies nothing where that is all there is.
    pub(crate) fn followed_by<T>(&self, new: Seen<'_>, read: impl FnOnce(Seen<'_>) -> T) -> T {
        // Counting is quicker than looking for the first one: there is no branch in it.
        let missing = new.values.iter().filter(|value| value.is_nan()).count();
        if self.at.is_empty() && missing == 0 {
            return read(new);
        }
        let mut all = self.clone();
        all.extend(new);
        read(all.seen())
    }

    fn extend(&mut self, new: Seen<'_>) {
        self.at.reserve(new.at.len());
        self.values.reserve(new.at.len());
        for (at, value) in new.at.iter().zip(new.values) {
            self.push(*at, *value);
        }
    }

    /// Keeps what is new up to `until`, and forgets what is older than `needed` says of the newest time.
    pub(crate) fn keep(&mut self, new: Seen<'_>, until: i64, needed: impl Fn(i64) -> i64) {
        let count = new.at.partition_point(|at| *at < until);
        let Some(newest) = new.at[..count].last().or(self.at.last()) else {
            return;
        };
        let since = needed(*newest);
        self.forget(since);
        let from = new.at[..count].partition_point(|at| *at < since);
        self.extend(Seen { at: &new.at[from..count], values: &new.values[from..count] });
    }

    /// Forgets what is older.
    pub(crate) fn forget(&mut self, since: i64) {
        let old = self.at.partition_point(|at| *at < since);
        self.at.drain(..old);
        self.values.drain(..old);
    }

    /// Forgets what is older, once that is at least half of it: so a value is moved once.
    pub(crate) fn forget_lazily(&mut self, since: i64) {
        if self.at.get(self.at.len() / 2).is_some_and(|at| *at < since) {
            self.forget(since);
        }
    }

    pub(crate) fn reset(&mut self) {
        self.at.clear();
        self.values.clear();
    }

    /// Writes what is not older than `since`.
    pub(crate) fn save(&self, since: i64, state: &mut StateWriter) {
        let from = self.at.partition_point(|at| *at < since);
        state.series(&self.at[from..], &self.values[from..]);
    }

    pub(crate) fn restore(state: &mut StateReader<'_>) -> Result<Self, BadState> {
        let (at, values) = state.series()?;
        Ok(Self { at, values })
    }

    pub(crate) fn newest(&self) -> Option<i64> {
        self.at.last().copied()
    }
}
