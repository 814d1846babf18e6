//! The one scan that all checks share.
//!
//! The work is cut into jobs: a stretch of the table (a row group) and a group of columns. Measures that share a column or a filter stand
//! in one group, so every column is decoded once; groups are split only as far as threads would have nothing to do. States of the stretches are
//! merged in the order of the table, whatever the order in which they were made.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::column::ColumnInfo;
use super::error::AuditError;
use super::measure::{Answers, AnyAnswer, AnyState, Asks, Rows};
use super::table::Table;

/// How a table is scanned. No choice here changes the result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) threads: usize,
    pub(crate) batch_rows: usize,
}

/// Measures all that is asked, on threads of its own; reading is left to the runtime that this is called on. When the future is
/// dropped, the threads stop before their next batch.
pub(crate) async fn scan(table: Table, asks: Asks, pace: Pace) -> Result<Answers, AuditError> {
    let stopped = Arc::new(AtomicBool::new(false));
    let _guard = StopOnDrop(Arc::clone(&stopped));
    let runtime = Handle::current();
    let (send, receive) = oneshot::channel();
    let logged = tracing::Span::current();
    std::thread::spawn(move || {
        let _entered = logged.entered();
        let scan = Scan::new(table, asks, pace, runtime, stopped);
        // Nobody waits for the result of a scan that was given up.
        drop(send.send(scan.run()));
    });
    receive.await.map_err(|_| AuditError::Ended)?
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Measures that are taken together, and the columns that they read.
struct Group {
    asks: Vec<usize>,
    columns: Vec<ColumnInfo>,
    merged: Mutex<Merged>,
}

/// The states of the stretches so far, and of those that came early.
#[derive(Default)]
struct Merged {
    next: usize,
    states: Vec<AnyState>,
    early: BTreeMap<usize, Vec<AnyState>>,
}

struct Scan {
    table: Table,
    asks: Asks,
    groups: Vec<Group>,
    pace: Pace,
    runtime: Handle,
    stopped: Arc<AtomicBool>,
}

impl Scan {
    fn new(
        table: Table,
        asks: Asks,
        pace: Pace,
        runtime: Handle,
        stopped: Arc<AtomicBool>,
    ) -> Self {
        let groups = groups(&table, &asks, pace.threads);
        Self { table, asks, groups, pace, runtime, stopped }
    }

    fn run(self) -> Result<Answers, AuditError> {
        let jobs = self.table.units.len() * self.groups.len();
        self.each(jobs, |job| {
            self.absorb(&self.groups[job % self.groups.len()], job / self.groups.len())
        })?;
        let answers: Vec<Mutex<Option<AnyAnswer>>> =
            self.asks.list.iter().map(|_| Mutex::new(None)).collect();
        let mut states: Vec<Mutex<Option<AnyState>>> =
            self.asks.list.iter().map(|ask| Mutex::new(Some(ask.measure.start()))).collect();
        for group in &self.groups {
            let mut merged = locked(&group.merged);
            for (ask, state) in group.asks.iter().zip(std::mem::take(&mut merged.states)) {
                states[*ask] = Mutex::new(Some(state));
            }
        }
        self.each(self.asks.list.len(), |ask| {
            if let Some(state) = locked(&states[ask]).take() {
                *locked(&answers[ask]) = Some(self.asks.list[ask].measure.answer(state)?);
            }
            Ok(())
        })?;
        let unlocked = answers
            .into_iter()
            .map(|answer| answer.into_inner().unwrap_or_else(PoisonError::into_inner));
        let list = unlocked.collect::<Option<_>>().ok_or(AuditError::Ended)?;
        Ok(Answers { rows: self.table.rows(), list })
    }

    /// Does numbered jobs on all threads; the error of the earliest job wins.
    fn each(
        &self,
        jobs: usize,
        work: impl Fn(usize) -> Result<(), AuditError> + Sync,
    ) -> Result<(), AuditError> {
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(BTreeMap::new());
        let run = || loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs || !locked(&failed).is_empty() {
                return;
            }
            if let Err(error) = work(job) {
                locked(&failed).insert(job, error);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.pace.threads.min(jobs) {
                scope.spawn(run);
            }
            run();
        });
        let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.pop_first().map_or(Ok(()), |(_, error)| Err(error))
    }

    fn absorb(&self, group: &Group, index: usize) -> Result<(), AuditError> {
        let unit = &self.table.units[index];
        let columns: Vec<usize> = group.columns.iter().map(|info| info.index).collect();
        let read = self.table.read(unit, &columns, self.pace.batch_rows);
        let mut reader = self.runtime.block_on(read)?;
        let asks: Vec<_> = group.asks.iter().map(|ask| &self.asks.list[*ask]).collect();
        let mut states: Vec<AnyState> = asks.iter().map(|ask| ask.measure.start()).collect();
        let mut first = unit.first_row;
        while let Some(batch) = reader.next()? {
            if self.stopped.load(Ordering::Relaxed) {
                return Err(AuditError::Ended);
            }
            let rows = batch.num_rows() as u64;
            let all = Rows::new(batch, &group.columns, first)?;
            let mut kept: BTreeMap<usize, Rows> = BTreeMap::new();
            for (ask, state) in asks.iter().zip(&mut states) {
                let seen = match ask.filter {
                    None => &all,
                    Some(filter) => match kept.entry(filter) {
                        std::collections::btree_map::Entry::Occupied(kept) => &*kept.into_mut(),
                        std::collections::btree_map::Entry::Vacant(free) => {
                            let filter = &self.asks.filters[filter];
                            &*free.insert(all.keep(filter, &group.columns)?)
                        }
                    },
                };
                ask.measure.absorb(state, seen)?;
            }
            first += rows;
        }
        for (ask, state) in asks.iter().zip(&mut states) {
            ask.measure.seal(state)?;
        }
        self.merge(group, index, states);
        Ok(())
    }

    fn merge(&self, group: &Group, index: usize, states: Vec<AnyState>) {
        let mut merged = locked(&group.merged);
        let Merged { next, states: so_far, early } = &mut *merged;
        early.insert(index, states);
        while let Some(states) = early.remove(next) {
            *next += 1;
            if so_far.is_empty() {
                *so_far = states;
                continue;
            }
            for ((ask, state), later) in group.asks.iter().zip(so_far.iter_mut()).zip(states) {
                self.asks.list[*ask].measure.merge(state, later);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts measures that share columns together, then packs these sets into as many groups as keep the threads busy.
fn groups(table: &Table, asks: &Asks, threads: usize) -> Vec<Group> {
    /// Jobs for each thread: enough that the last ones to end are short.
    const JOBS: usize = 3;
    let mut sets: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for ask in 0..asks.list.len() {
        let mut columns = asks.columns(ask);
        let mut members = vec![ask];
        let (touching, apart): (Vec<_>, Vec<_>) =
            sets.into_iter().partition(|(_, other)| other.iter().any(|one| columns.contains(one)));
        sets = apart;
        for (other_members, other_columns) in touching {
            members.extend(other_members);
            columns.extend(other_columns);
        }
        members.sort_unstable();
        columns.sort_unstable();
        columns.dedup();
        sets.push((members, columns));
    }
    let weight =
        |columns: &[usize]| columns.iter().map(|column| table.weight(*column)).sum::<u64>();
    let mut weighed: Vec<_> =
        sets.into_iter().map(|(asks, columns)| (weight(&columns), asks, columns)).collect();
    weighed.sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.cmp(&right.1)));
    let count = (JOBS * threads).div_ceil(table.units.len().max(1)).min(weighed.len());
    let mut packed: Vec<(u64, Vec<usize>, Vec<usize>)> = vec![Default::default(); count];
    for (weight, asks, columns) in weighed {
        if let Some(lightest) = packed.iter_mut().min_by_key(|(weight, ..)| *weight) {
            lightest.0 += weight.max(1);
            lightest.1.extend(asks);
            lightest.2.extend(columns);
        }
    }
    let group = |(_, mut asks, mut columns): (u64, Vec<usize>, Vec<usize>)| {
        asks.sort_unstable();
        columns.sort_unstable();
        let columns = columns.iter().map(|index| table.columns[*index].clone()).collect();
        Group { asks, columns, merged: Mutex::default() }
    };
    packed.into_iter().map(group).collect()
}
