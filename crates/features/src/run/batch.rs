//! Full passes: entities side by side on threads, columns written in place.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::features::Features;
use super::pool::{PooledState, PooledTable};
use super::program::{Action, Program, Unfit};
use super::series::{EntityState, Inputs, Room};
use crate::panel::Panel;

/// What a pass may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Threads; what they compute does not depend on how many there are.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { threads: std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// Features of some consecutive rows of a panel.
#[derive(Debug)]
pub struct Chunk<'a> {
    /// Which rows.
    pub rows: Range<usize>,
    /// The values of each feature, for these rows.
    pub columns: Vec<&'a [f64]>,
}

/// What all threads read.
pub(super) struct Shared<'a> {
    pub(super) program: &'a Program<'a>,
    pub(super) panel: &'a Panel,
    pub(super) places: Vec<usize>,
    pub(super) pools: Vec<PooledTable>,
}

/// Entities that one thread takes at once.
struct Job<'a> {
    entities: Range<usize>,
    out: Vec<&'a mut [f64]>,
    /// One for each entity, or none where nobody keeps them.
    states: &'a mut [EntityState],
}

impl Program<'_> {
    /// Computes the features of all rows, from nothing.
    pub fn transform(&self, panel: &Panel, limits: Limits) -> Result<Features, Unfit> {
        let mut features = Features::default();
        self.transform_into(panel, limits, &mut features)?;
        Ok(features)
    }

    /// The same, into memory that was used before: the first touch of memory costs more than the features do.
    pub fn transform_into(
        &self,
        panel: &Panel,
        limits: Limits,
        features: &mut Features,
    ) -> Result<(), Unfit> {
        let places = self.bind(panel)?;
        let pools = self.pool(panel, &places, &mut PooledState::all(self), false);
        let shared = Shared { program: self, panel, places, pools };
        self.prepare(panel, features);
        shared.run(limits, &mut features.columns, &mut []);
        features.cold = shared.cold(&[]);
        Ok(())
    }

    /// Computes features piece by piece, in room that each thread uses again, and hands each piece to `sink`: for what does not fit in memory.
    ///
    /// Pieces come in any order, from several threads; each holds whole entities.
    pub fn stream(
        &self,
        panel: &Panel,
        limits: Limits,
        sink: impl Fn(&Chunk<'_>) + Sync,
    ) -> Result<(), Unfit> {
        /// Small enough for the second cache with twenty features.
        const ROWS: usize = 8192;
        let places = self.bind(panel)?;
        let pools = self.pool(panel, &places, &mut PooledState::all(self), false);
        let shared = Shared { program: self, panel, places, pools };
        let pieces = Mutex::new(shared.pieces(ROWS).into_iter());
        let work = || {
            let mut worker = Worker::new(&shared);
            let mut columns = vec![Vec::new(); self.names.len()];
            while let Some(entities) = next(&pieces) {
                let rows = panel.starts[entities.start]..panel.starts[entities.end];
                for column in &mut columns {
                    column.resize(rows.len(), f64::NAN);
                }
                let out = columns.iter_mut().map(|column| &mut column[..]).collect();
                worker.run(Job { entities, out, states: &mut [] });
                let columns = columns.iter().map(|column| &column[..]).collect();
                sink(&Chunk { rows, columns });
            }
        };
        on_threads(limits, &work);
        Ok(())
    }

    /// Runs what all entities have in common.
    pub(super) fn pool(
        &self,
        panel: &Panel,
        places: &[usize],
        states: &mut [PooledState],
        is_kept: bool,
    ) -> Vec<PooledTable> {
        let mut tables = Vec::new();
        for step in &self.steps {
            if let Action::Pooled { state, .. } = &step.action
                && let super::program::Home::Source(source) = self.homes[step.inputs[0]]
            {
                tables.push(states[*state].run(step, panel, places[source], is_kept));
            }
        }
        tables
    }

    /// Makes room, in columns that may have room already.
    pub(super) fn prepare(&self, panel: &Panel, features: &mut Features) {
        features.names.clone_from(&self.names);
        features.columns.resize_with(self.names.len(), Vec::new);
        for column in &mut features.columns {
            if column.capacity() < panel.rows() {
                // Fresh zeros come from the system untouched: the threads touch them first.
                *column = vec![0.0; panel.rows()];
            } else {
                column.resize(panel.rows(), 0.0);
            }
        }
    }
}

impl Shared<'_> {
    /// Consecutive entities with about so many rows together.
    fn pieces(&self, rows: usize) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let (mut begin, mut count) = (0, 0);
        for entity in 0..self.panel.entities().len() {
            count += self.panel.rows_of(entity).len();
            if count >= rows {
                pieces.push(begin..entity + 1);
                (begin, count) = (entity + 1, 0);
            }
        }
        if begin < self.panel.entities().len() {
            pieces.push(begin..self.panel.entities().len());
        }
        pieces
    }

    /// Fills the columns; `states` are those of the entities, or none.
    pub(super) fn run(&self, limits: Limits, columns: &mut [Vec<f64>], states: &mut [EntityState]) {
        /// Pieces for each thread, so that none waits long for the last one.
        const PIECES: usize = 16;
        let rows = self.panel.rows() / (limits.threads.max(1) * PIECES);
        let mut rest: Vec<&mut [f64]> = columns.iter_mut().map(|column| &mut column[..]).collect();
        let mut states = states;
        let mut jobs = Vec::new();
        for entities in self.pieces(rows.max(1)) {
            let count = self.panel.starts[entities.end] - self.panel.starts[entities.start];
            let mut out = Vec::with_capacity(rest.len());
            for column in &mut rest {
                let (piece, later) = std::mem::take(column).split_at_mut(count);
                out.push(piece);
                *column = later;
            }
            let own = if states.is_empty() { 0 } else { entities.len() };
            let (piece, later) = std::mem::take(&mut states).split_at_mut(own);
            states = later;
            jobs.push(Job { entities, out, states: piece });
        }
        let jobs = Mutex::new(jobs.into_iter());
        let work = || {
            let mut worker = Worker::new(self);
            while let Some(job) = next(&jobs) {
                worker.run(job);
            }
        };
        on_threads(limits, &work);
    }

    /// The rows of each entity that have too little history.
    pub(super) fn cold(&self, firsts: &[Option<i64>]) -> Vec<Range<usize>> {
        let least = self.program.plan.file.minimum_history.0;
        let cold = |entity: usize| {
            let rows = self.panel.rows_of(entity);
            let times = &self.panel.times[rows.clone()];
            let first = firsts.get(entity).copied().flatten().or(times.first().copied());
            let warm_from =
                first.map_or(0, |first| times.partition_point(|at| *at < first + least));
            rows.start..rows.start + warm_from
        };
        (0..self.panel.entities().len()).map(cold).collect()
    }
}

fn next<T>(queue: &Mutex<std::vec::IntoIter<T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}

fn on_threads(limits: Limits, work: &(impl Fn() + Sync)) {
    std::thread::scope(|scope| {
        for _ in 1..limits.threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
}

/// One thread.
struct Worker<'a> {
    shared: &'a Shared<'a>,
    labels: Vec<&'a [Arc<str>]>,
    /// The machines of whichever entity it is at, where nobody keeps their state.
    state: EntityState,
    room: Room,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared<'a>) -> Self {
        let labels = |place: &usize| shared.panel.columns[*place].labels.as_deref().unwrap_or(&[]);
        Self {
            shared,
            labels: shared.places.iter().map(labels).collect(),
            state: EntityState::new(shared.program),
            room: Room::default(),
        }
    }

    fn run(&mut self, job: Job<'_>) {
        let Shared { program, panel, places, pools } = self.shared;
        let (mut out, mut states) = (job.out, job.states.iter_mut());
        for entity in job.entities {
            let rows = panel.rows_of(entity);
            let values = |place: &usize| &panel.columns[*place].values[rows.clone()];
            let sources: Vec<&[f64]> = places.iter().map(values).collect();
            let mut own = Vec::with_capacity(out.len());
            for column in &mut out {
                let (piece, later) = std::mem::take(column).split_at_mut(rows.len());
                own.push(piece);
                *column = later;
            }
            let inputs = Inputs {
                at: &panel.times[rows.clone()],
                sources: &sources,
                labels: &self.labels,
                pools,
            };
            if let Some(state) = states.next() {
                self.room.is_kept = true;
                program.run_entity(&inputs, state, own, &mut self.room);
            } else {
                self.room.is_kept = false;
                self.state.reset();
                program.run_entity(&inputs, &mut self.state, own, &mut self.room);
            }
        }
    }
}
