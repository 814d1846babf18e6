//! Features against features, bit by bit.

use std::collections::BTreeMap;

use super::{FeatureColumn, FeatureSeries, Features, Finding};
use crate::time::{Stretch, Timestamp};

/// What was compared and what differs: the first place of each column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) compared: usize,
    /// By the position of the column.
    pub(crate) differences: BTreeMap<usize, Difference>,
    /// Rows that are only on one side, columns of another kind, other parameters.
    pub(crate) other: Vec<Finding>,
}

/// Where a column differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) entity: String,
    pub(crate) at: Timestamp,
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) count: usize,
}

impl Difference {
    pub(crate) fn finding(&self, column: &FeatureColumn, why: &str) -> Finding {
        let show =
            |value: f64| if value.is_nan() { "missing".to_owned() } else { format!("{value:e}") };
        let (before, after) = (show(self.before), show(self.after));
        let many =
            if self.count > 1 { format!(", and {} more", self.count - 1) } else { String::new() };
        Finding {
            operator: Some(column.operator.clone()),
            column: Some(column.name.clone()),
            entity: Some(self.entity.clone()),
            at: Some(self.at),
            what: format!("{why}: {before} became {after}{many}"),
        }
    }
}

impl Comparison {
    /// Compares the rows of one entity within a stretch; `skip` says which columns do not count.
    pub(crate) fn series(
        &mut self,
        (base, other): (&FeatureSeries, Option<&FeatureSeries>),
        within: Stretch,
        skip: impl Fn(usize) -> bool,
    ) {
        let rows = |series: &FeatureSeries| {
            let from = series.event.partition_point(|at| *at < within.from);
            from..series.event.partition_point(|at| *at < within.until).max(from)
        };
        let own = rows(base);
        let theirs = other.map_or(0..0, &rows);
        let own_times = &base.event[own.clone()];
        let their_times = other.map_or(&[][..], |other| &other.event[theirs.clone()]);
        if own_times != their_times {
            let at = own_times.iter().zip(their_times).find(|(a, b)| a != b).map(|(a, _)| *a);
            let what = format!("{} rows became {}", own_times.len(), their_times.len());
            self.other.push(Finding {
                entity: Some(base.entity.clone()),
                at,
                ..Finding::of_all(what)
            });
            return;
        }
        let Some(other) = other else {
            return;
        };
        for column in (0..base.values.len()).filter(|column| !skip(*column)) {
            let before = &base.values[column][own.clone()];
            let after = &other.values[column][theirs.clone()];
            self.compared += before.len();
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                if before.to_bits() == after.to_bits() || (before.is_nan() && after.is_nan()) {
                    continue;
                }
                let first = || Difference {
                    entity: base.entity.clone(),
                    at: own_times[index],
                    before: *before,
                    after: *after,
                    count: 0,
                };
                self.differences.entry(column).or_insert_with(first).count += 1;
            }
        }
    }

    /// Compares what columns are, and what was fitted on the way.
    pub(crate) fn rest(&mut self, base: &Features, other: &Features) {
        if base.columns != other.columns {
            let names = |features: &Features| features.columns.len();
            let what =
                format!("columns changed: {} became {}, or others", names(base), names(other));
            self.other.push(Finding::of_all(what));
        }
        self.compared += base.fitted.len();
        for part in &base.fitted {
            let same = other.fitted.iter().find(|other| other.operator == part.operator);
            if same.is_none_or(|same| same.digest != part.digest) {
                let what = "what was fitted on earlier rows changed";
                self.other.push(Finding {
                    operator: Some(part.operator.clone()),
                    ..Finding::of_all(what)
                });
            }
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.compared += other.compared;
        for (column, difference) in other.differences {
            let count = difference.count;
            self.differences
                .entry(column)
                .and_modify(|known| known.count += count)
                .or_insert(difference);
        }
        self.other.extend(other.other);
    }

    pub(crate) fn findings(&self, columns: &[FeatureColumn], why: &str) -> Vec<Finding> {
        let columns =
            self.differences.iter().map(|(column, found)| found.finding(&columns[*column], why));
        columns.chain(self.other.iter().cloned()).collect()
    }
}

/// The series of an entity.
pub(crate) fn of_entity<'a>(features: &'a Features, entity: &str) -> Option<&'a FeatureSeries> {
    features.series.iter().find(|series| series.entity == entity)
}
