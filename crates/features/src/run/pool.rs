//! What all entities have in common: one series of the mean of each time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::program::{Action, Program, Step};
use super::series::Follower;
use crate::kernel::Seen;
use crate::panel::Panel;
use crate::state::{BadState, StateReader, StateWriter};

/// What a pooled step says at each time of a panel.
#[derive(Debug, Default)]
pub(super) struct PooledTable {
    at: Vec<i64>,
    values: Vec<f64>,
}

impl PooledTable {
    pub(super) fn look_up(&self, rows: &[i64], out: &mut [f64]) {
        let Some(first) = rows.first() else { return };
        let mut next = self.at.partition_point(|at| at < first);
        for (row, place) in rows.iter().zip(out) {
            while next < self.at.len() && self.at[next] < *row {
                next += 1;
            }
            *place = self.values[next];
        }
    }
}

/// One pooled machine, and the values of the newest time: until a later one comes, entities may still add to them.
pub(super) struct PooledState {
    pub(super) follower: Follower,
    newest: Option<(i64, BTreeMap<Arc<str>, f64>)>,
}

/// The mean of the values of a time, added up in the order of entities' names.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut sum) = (0.0, 0.0);
    for value in values.filter(|value| !value.is_nan()) {
        count += 1.0;
        sum += value;
    }
    if count > 0.0 { sum / count } else { f64::NAN }
}

impl PooledState {
    pub(super) fn all(program: &Program<'_>) -> Vec<Self> {
        let made = program.steps.iter().filter_map(|step| match &step.action {
            Action::Pooled { make, .. } => {
                Some(Self { follower: Follower::new(make()), newest: None })
            }
            Action::Series { .. } | Action::Formula(_) | Action::Fitted(_) => None,
        });
        made.collect()
    }

    /// The newest time that it knows.
    pub(super) fn newest(&self) -> Option<i64> {
        self.newest.as_ref().map(|(at, _)| *at)
    }

    /// Runs over a panel whose rows are all of the newest time that it knows, or later.
    pub(super) fn run(
        &mut self,
        step: &Step<'_>,
        panel: &Panel,
        column: usize,
        is_kept: bool,
    ) -> PooledTable {
        let (at, values) = self.means(panel, column);
        let horizons: Vec<i64> = at.iter().map(|at| step.horizon(*at)).collect();
        let mut out = vec![f64::NAN; at.len()];
        // The newest time stays open, so that single rows can still add to it.
        let closed = at.len().saturating_sub(1);
        let seen = Seen { at: &at[..closed], values: &values[..closed] };
        self.follower.run(&horizons, seen, &mut [&mut out], is_kept);
        PooledTable { at, values: out }
    }

    /// The mean of each time, the open one of before among them.
    fn means(&mut self, panel: &Panel, column: usize) -> (Vec<i64>, Vec<f64>) {
        let values = &panel.columns[column].values;
        let mut order: Vec<usize> = (0..panel.rows()).collect();
        // Stable: within a time, entities stay in the order of their names.
        order.sort_by_key(|row| panel.times[*row]);
        let mut means = (Vec::new(), Vec::new());
        let open = self.newest.take();
        for group in order.chunk_by(|left, right| panel.times[*left] == panel.times[*right]) {
            let at = panel.times[group[0]];
            if let Some((newest, by_entity)) = &open
                && means.0.is_empty()
                && at > *newest
            {
                self.follower.note(*newest, mean(by_entity.values().copied()));
            }
            means.0.push(at);
            means.1.push(mean(group.iter().map(|row| values[*row])));
        }
        if let Some(at) = means.0.last() {
            let named = |row: usize| {
                let entity = panel.starts.partition_point(|start| *start <= row) - 1;
                (Arc::clone(&panel.entities[entity]), values[row])
            };
            let rows = order.iter().rev().take_while(|row| panel.times[**row] == *at);
            self.newest = Some((*at, rows.map(|row| named(*row)).collect()));
        } else {
            self.newest = open;
        }
        means
    }

    /// Takes one row into account, and says what holds at its time.
    pub(super) fn row(&mut self, step: &Step<'_>, entity: &Arc<str>, at: i64, value: f64) -> f64 {
        if self.newest.as_ref().is_none_or(|(newest, _)| at > *newest)
            && let Some((newest, values)) = self.newest.replace((at, BTreeMap::new()))
        {
            self.follower.note(newest, mean(values.into_values()));
        }
        if let Some((_, values)) = &mut self.newest {
            values.insert(Arc::clone(entity), value);
        }
        let mut out = [f64::NAN];
        self.follower.emit(step.horizon(at), &mut out);
        out[0]
    }

    pub(super) fn save(&self, state: &mut StateWriter) {
        self.follower.save(state);
        let (at, values) = match &self.newest {
            Some((at, values)) => (*at, values.iter().collect()),
            None => (i64::MIN, Vec::new()),
        };
        state.whole(at);
        state.length(values.len());
        for (entity, value) in values {
            state.text(entity);
            state.number(*value);
        }
    }

    pub(super) fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState> {
        self.follower.restore(state)?;
        let at = state.whole()?;
        let mut values = BTreeMap::new();
        for _ in 0..state.length()? {
            values.insert(Arc::from(state.text()?), state.number()?);
        }
        self.newest = (at != i64::MIN).then_some((at, values));
        Ok(())
    }
}
