//! From stretches of time and groups to rows.

use serde::Serialize;

use super::{Fold, Guards};
use crate::clock::Clock;
use crate::mistake::Mistakes;
use crate::rows::RowSet;
use crate::time::{Span, Stretch, Timestamp};

/// What keeps training and test apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Training is over before the test begins.
    Forward,
    /// Training lies on both sides of the test; labels and windows do not reach over.
    Around,
    /// Groups alone: training and test share their time.
    Groups,
}

/// Part of a panel: the rows of some stretches, and of some groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// The stretches, sorted and apart.
    pub stretches: Vec<Stretch>,
    /// For each group, whether it belongs; all do, unless given.
    pub groups: Option<Vec<bool>>,
}

impl Region {
    /// One stretch of time.
    pub fn of(stretch: Stretch) -> Self {
        Self { stretches: vec![stretch], groups: None }
    }

    fn contains(&self, clock: &Clock<'_>, row: usize) -> bool {
        let at = clock.event[row];
        let next = self.stretches.partition_point(|stretch| stretch.until <= at);
        self.stretches.get(next).is_some_and(|stretch| stretch.contains(at))
            && self.groups.as_ref().is_none_or(|groups| groups[clock.groups.codes[row] as usize])
    }
}

/// The distinct event times of some rows, and how many rows each has.
#[derive(Clone, Debug)]
pub struct Timeline {
    times: Vec<Timestamp>,
    /// How many rows come before each time, and at the end how many there are.
    before: Vec<usize>,
}

impl Timeline {
    fn of(clock: &Clock<'_>, rows: &RowSet) -> Self {
        let mut all: Vec<Timestamp> = rows.iter().map(|row| clock.event[row]).collect();
        all.sort_unstable();
        let mut line = Self { times: Vec::new(), before: Vec::new() };
        for (index, at) in all.iter().enumerate() {
            if line.times.last() != Some(at) {
                line.times.push(*at);
                line.before.push(index);
            }
        }
        line.before.push(all.len());
        line
    }

    /// How many times there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no time.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// From the first time to one step after the last; a step is the shortest that was seen.
    pub fn whole(&self) -> Stretch {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else {
            return Stretch::new(Timestamp(0), Timestamp(0));
        };
        let step = self.times.windows(2).map(|pair| pair[1] - pair[0]).min();
        Stretch::new(*first, *last + step.unwrap_or(Span(1)))
    }

    /// Cuts a stretch into parts of about as many rows each; fewer parts, where there are fewer times.
    pub fn cut(&self, stretch: Stretch, parts: usize) -> Vec<Stretch> {
        let first = self.times.partition_point(|at| *at < stretch.from);
        let end = self.times.partition_point(|at| *at < stretch.until);
        let (low, high) = (self.before[first], self.before[end]);
        let mut bounds = vec![stretch.from];
        for part in 1..parts {
            // In whole numbers, so that no rounding decides where a row belongs.
            let wanted = low + (high - low) * part / parts;
            let index = first + self.before[first..end].partition_point(|before| *before < wanted);
            let bound = self.times[..end].get(index).copied().unwrap_or(stretch.until);
            if bound > bounds[bounds.len() - 1] && bound < stretch.until {
                bounds.push(bound);
            }
        }
        bounds.push(stretch.until);
        bounds.windows(2).map(|pair| Stretch::new(pair[0], pair[1])).collect()
    }
}

/// The rows that are split, and how far training keeps from tests.
pub struct Scope<'a> {
    /// The label clock.
    pub clock: &'a Clock<'a>,
    /// The rows that are split: all, or the training rows of an outer fold.
    pub rows: &'a RowSet,
    /// How far training keeps from tests.
    pub guards: &'a Guards,
    /// When the rows happened.
    pub timeline: Timeline,
}

/// The time of one stretch of a test that training keeps away from.
struct Kept {
    /// Labels that tell something about this are purged.
    told: Stretch,
    /// Rows that happen in here are embargoed.
    embargo: Stretch,
}

impl<'a> Scope<'a> {
    /// A scope of rows.
    pub fn new(clock: &'a Clock<'a>, rows: &'a RowSet, guards: &'a Guards) -> Self {
        Self { clock, rows, guards, timeline: Timeline::of(clock, rows) }
    }

    /// The rows of each group, as numbers, by the position of the group.
    pub fn group_sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.clock.groups.names.len()];
        for row in self.rows.iter() {
            sizes[self.clock.groups.codes[row] as usize] += 1;
        }
        sizes
    }

    /// The fold that trains in one region and tests in another.
    ///
    /// # Errors
    /// Where no row is left for one of them.
    pub fn fold(
        &self,
        name: impl Into<String>,
        train: &Region,
        test: &Region,
        order: Order,
    ) -> Result<Fold, Mistakes> {
        let first = test.stretches.first().map_or(Timestamp::NEVER, |stretch| stretch.from);
        let mut fold = Fold {
            name: name.into(),
            fitted: (order == Order::Forward).then(|| first - self.guards.gap),
            tested: test.stretches.clone(),
            order,
            rows_in_all: self.clock.len(),
            train: RowSet::default(),
            test: RowSet::default(),
            purged: RowSet::default(),
            embargoed: RowSet::default(),
            unlabelled: RowSet::default(),
            inner: Vec::new(),
        };
        for row in self.rows.iter().filter(|row| test.contains(self.clock, *row)) {
            if self.clock.is_labelled(row) {
                fold.test.push(row);
            }
        }
        let kept = match order {
            Order::Forward | Order::Around => self.kept(&fold),
            Order::Groups => Vec::new(),
        };
        for row in self.rows.iter() {
            let is_test = test.contains(self.clock, row);
            if !is_test && !train.contains(self.clock, row) {
                continue;
            }
            if !self.clock.is_labelled(row) {
                fold.unlabelled.push(row);
            } else if !is_test {
                self.place(row, &kept, &mut fold);
            }
        }
        self.complain(&fold)?;
        Ok(fold)
    }

    fn kept(&self, fold: &Fold) -> Vec<Kept> {
        let mut last = vec![None; fold.tested.len()];
        for row in fold.test.iter() {
            let at = self.clock.event[row];
            let stretch = fold.tested.partition_point(|stretch| stretch.until <= at);
            last[stretch] = last[stretch].max(Some(self.clock.known[row]));
        }
        let Guards { gap, embargo, .. } = *self.guards;
        let pairs = fold.tested.iter().zip(last);
        let pairs = pairs.filter_map(|(stretch, last)| Some((stretch, last?)));
        pairs
            .map(|(stretch, last)| {
                // What happens within the stretch is not learned from, even where no row of the test does.
                let last = last.max(stretch.until - Span(1));
                Kept {
                    told: Stretch::new(stretch.from - gap + Span(1), last + Span(1)),
                    embargo: Stretch::new(stretch.from - embargo + Span(1), last + embargo),
                }
            })
            .collect()
    }

    fn place(&self, row: usize, kept: &[Kept], fold: &mut Fold) {
        let (at, label) = (self.clock.event[row], self.clock.label_interval(row));
        let late = fold.fitted.is_some_and(|fitted| self.clock.known[row] > fitted);
        if late || kept.iter().any(|kept| kept.told.overlaps(label)) {
            fold.purged.push(row);
        } else if kept.iter().any(|kept| kept.embargo.contains(at)) {
            fold.embargoed.push(row);
        } else {
            fold.train.push(row);
        }
    }

    fn complain(&self, fold: &Fold) -> Result<(), Mistakes> {
        let mut mistakes = Mistakes::default();
        let name = &fold.name;
        let from = fold.tested.first().map_or(Timestamp(0), |stretch| stretch.from);
        if fold.test.is_empty() {
            mistakes
                .add("", format!("fold {name} has no labelled row to test, from {from} on"))
                .hint("the labels of the last rows may not be known yet: end earlier, or test longer stretches");
        }
        if fold.train.is_empty() {
            let (purged, embargoed) = (fold.purged.len(), fold.embargoed.len());
            let message = format!(
                "fold {name} has no row to learn from before its test from {from} on ({purged} purged, {embargoed} within the embargo of {})",
                self.guards.embargo
            );
            let message = match fold.order {
                Order::Forward => message,
                Order::Around | Order::Groups => {
                    message.replace(" before its test", " beside its test")
                }
            };
            mistakes.add("", message).hint("take fewer folds or more history");
        }
        mistakes.check()
    }
}
