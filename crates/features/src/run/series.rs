//! One entity's way through a program.

use std::collections::VecDeque;
use std::sync::Arc;

use super::pool::PooledTable;
use super::program::{Action, Home, Program, Step};
use crate::kernel::Seen;
use crate::operator::{Formula, Machine, Rows};
use crate::state::{BadState, StateReader, StateWriter};

/// A machine with what it may not see yet.
pub(super) struct Follower {
    pub(super) machine: Box<dyn Machine>,
    /// Observations that no row was late enough for.
    pub(super) waiting: VecDeque<(i64, f64)>,
}

impl Follower {
    pub(super) fn new(machine: Box<dyn Machine>) -> Self {
        Self { machine, waiting: VecDeque::new() }
    }

    /// Emits at rows that see everything before `rows`; `seen` is new.
    pub(super) fn run(
        &mut self,
        rows: &[i64],
        seen: Seen<'_>,
        out: &mut [&mut [f64]],
        is_kept: bool,
    ) {
        if self.waiting.is_empty() {
            self.machine.run(rows, seen, out, is_kept);
            self.wait(rows, seen, is_kept);
            return;
        }
        let (mut at, mut values): (Vec<i64>, Vec<f64>) = self.waiting.drain(..).unzip();
        at.extend(seen.at);
        values.extend(seen.values);
        let all = Seen { at: &at, values: &values };
        self.machine.run(rows, all, out, is_kept);
        self.wait(rows, all, is_kept);
    }

    fn wait(&mut self, rows: &[i64], seen: Seen<'_>, is_kept: bool) {
        if !is_kept {
            return;
        }
        let until = rows.last().copied().unwrap_or(i64::MIN);
        let absorbed = seen.at.partition_point(|at| *at < until);
        let waiting = seen.at[absorbed..].iter().zip(&seen.values[absorbed..]);
        self.waiting.extend(waiting.map(|(at, value)| (*at, *value)));
    }

    /// Sees one thing that happened.
    pub(super) fn note(&mut self, at: i64, value: f64) {
        self.waiting.push_back((at, value));
    }

    /// Emits at one time, after it absorbed what happened before.
    pub(super) fn emit(&mut self, horizon: i64, out: &mut [f64]) {
        while let Some((at, value)) = self.waiting.front().copied()
            && at < horizon
        {
            self.machine.absorb(at, value);
            self.waiting.pop_front();
        }
        self.machine.emit(horizon, out);
    }

    fn reset(&mut self) {
        self.machine.reset();
        self.waiting.clear();
    }

    pub(super) fn save(&self, state: &mut StateWriter) {
        self.machine.save(state);
        let (at, values): (Vec<i64>, Vec<f64>) = self.waiting.iter().copied().unzip();
        state.series(&at, &values);
    }

    pub(super) fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState> {
        self.machine.restore(state)?;
        let (at, values) = state.series()?;
        self.waiting = at.into_iter().zip(values).collect();
        Ok(())
    }
}

/// The machines of one entity, and where it stands.
pub(super) struct EntityState {
    pub(super) followers: Vec<Follower>,
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
}

impl EntityState {
    pub(super) fn new(program: &Program<'_>) -> Self {
        let machines = program.steps.iter().filter_map(|step| match &step.action {
            Action::Series { make, .. } => Some(Follower::new(make())),
            Action::Pooled { .. } | Action::Formula(_) | Action::Fitted(_) => None,
        });
        Self { followers: machines.collect(), first: None, last: None }
    }

    pub(super) fn reset(&mut self) {
        self.followers.iter_mut().for_each(Follower::reset);
        self.first = None;
        self.last = None;
    }
}

/// What the rows of one entity are computed from.
pub(super) struct Inputs<'a> {
    pub(super) at: &'a [i64],
    /// The columns of the panel that the program reads.
    pub(super) sources: &'a [&'a [f64]],
    /// What categories are called, for each source.
    pub(super) labels: &'a [&'a [Arc<str>]],
    pub(super) pools: &'a [PooledTable],
}

/// A column on its way through a program.
enum Slot<'a> {
    Read(&'a [f64]),
    Write(&'a mut [f64]),
    Scratch(Vec<f64>),
    Taken,
}

impl Slot<'_> {
    fn values(&self) -> &[f64] {
        match self {
            Slot::Read(values) => values,
            Slot::Write(values) => values,
            Slot::Scratch(values) => values,
            Slot::Taken => &[],
        }
    }

    fn values_mut(&mut self) -> &mut [f64] {
        match self {
            Slot::Write(values) => values,
            Slot::Scratch(values) => values,
            Slot::Read(_) | Slot::Taken => &mut [],
        }
    }
}

/// Room that is used again from entity to entity.
#[derive(Default)]
pub(super) struct Room {
    /// Whether states are asked for afterwards.
    pub(super) is_kept: bool,
    scratch: Vec<Vec<f64>>,
    horizons: Vec<i64>,
}

impl Program<'_> {
    /// Computes the features of an entity's rows, into one slice for each.
    pub(super) fn run_entity(
        &self,
        inputs: &Inputs<'_>,
        state: &mut EntityState,
        out: Vec<&mut [f64]>,
        room: &mut Room,
    ) {
        let rows = inputs.at.len();
        if rows == 0 {
            return;
        }
        state.first = state.first.or_else(|| inputs.at.first().copied());
        state.last = inputs.at.last().copied();
        let mut features: Vec<Option<&mut [f64]>> = out.into_iter().map(Some).collect();
        let mut slots: Vec<Slot<'_>> = Vec::with_capacity(self.homes.len());
        for home in &self.homes {
            slots.push(match home {
                Home::Source(source) => Slot::Read(inputs.sources[*source]),
                Home::Feature(feature) => match features[*feature].take() {
                    Some(values) => Slot::Write(values),
                    None => Slot::Taken,
                },
                Home::Scratch => {
                    let mut scratch = room.scratch.pop().unwrap_or_default();
                    scratch.resize(rows, f64::NAN);
                    Slot::Scratch(scratch)
                }
            });
        }
        for step in &self.steps {
            run_step(step, inputs, state, &mut slots, room);
        }
        room.scratch.extend(slots.into_iter().filter_map(|slot| match slot {
            Slot::Scratch(scratch) => Some(scratch),
            Slot::Read(_) | Slot::Write(_) | Slot::Taken => None,
        }));
    }
}

fn run_step(
    step: &Step<'_>,
    inputs: &Inputs<'_>,
    state: &mut EntityState,
    slots: &mut [Slot<'_>],
    room: &mut Room,
) {
    let taken = |place: &usize| std::mem::replace(&mut slots[*place], Slot::Taken);
    let mut outputs: Vec<Slot<'_>> = step.outputs.iter().map(taken).collect();
    let mut out: Vec<&mut [f64]> = outputs.iter_mut().map(Slot::values_mut).collect();
    match &step.action {
        Action::Series { state: place, .. } => {
            let seen = Seen { at: inputs.at, values: slots[step.inputs[0]].values() };
            let follower = &mut state.followers[*place];
            if step.is_plain() {
                follower.run(inputs.at, seen, &mut out, room.is_kept);
            } else {
                room.horizons.clear();
                room.horizons.extend(inputs.at.iter().map(|row| step.horizon(*row)));
                follower.run(&room.horizons, seen, &mut out, room.is_kept);
            }
        }
        Action::Pooled { state: place, .. } => inputs.pools[*place].look_up(inputs.at, out[0]),
        Action::Formula(formula) => apply(*formula, step, inputs, slots, &mut out),
        Action::Fitted(formula) => apply(&**formula, step, inputs, slots, &mut out),
    }
    for (place, slot) in step.outputs.iter().zip(outputs) {
        slots[*place] = slot;
    }
}

fn apply(
    formula: &dyn Formula,
    step: &Step<'_>,
    inputs: &Inputs<'_>,
    slots: &[Slot<'_>],
    out: &mut [&mut [f64]],
) {
    let values: Vec<&[f64]> = step.inputs.iter().map(|place| slots[*place].values()).collect();
    let named = |source: &Option<usize>| source.map_or(&[][..], |source| inputs.labels[source]);
    let labels: Vec<&[Arc<str>]> = step.sources.iter().map(named).collect();
    formula.apply(&Rows { at: inputs.at, inputs: &values, labels: &labels }, out);
}
