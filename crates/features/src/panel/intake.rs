//! How rows become a panel: what is refused, what is mended, and what is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Column, Panel, Table};
use crate::time::{Span, Timestamp, infer_step};

/// Times outside of this range are no times of ours: within it, microseconds are exact as floating-point numbers (2^53).
pub const EARLIEST: Timestamp = Timestamp(-9_007_199_254_740_991);
/// The other end of the range.
pub const LATEST: Timestamp = Timestamp(9_007_199_254_740_991);

/// Whether rows must come in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// They are sorted.
    #[default]
    Sort,
    /// A row of an entity that is earlier than the one before it is refused.
    Refuse,
}

/// What becomes of several rows of one entity and one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// They are refused.
    #[default]
    Refuse,
    /// The last one stays.
    KeepLast,
    /// Numbers are averaged; of categories the last one stays.
    Average,
}

/// What becomes of infinite numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Infinities {
    /// They are refused.
    #[default]
    Refuse,
    /// They are missing.
    Mask,
}

/// Where the grid comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GridRule {
    /// From the rows: the step that nine of ten have.
    #[default]
    Inferred,
    /// It is declared.
    Declared(Span),
    /// There is none.
    Irregular,
}

/// The rules of a panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    /// Whether rows must come in order.
    pub order: Order,
    /// What becomes of duplicates.
    pub duplicates: Duplicates,
    /// What becomes of infinite numbers.
    pub infinities: Infinities,
    /// Where the grid comes from.
    pub grid: GridRule,
    /// The end of the interval: rows at it or after it are from the future.
    pub until: Option<Timestamp>,
}

/// What a table looked like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IntakeReport {
    /// Rows of the panel.
    pub rows: usize,
    /// Entities of the panel.
    pub entities: usize,
    /// Rows that were earlier than the one before them, of the same entity.
    pub out_of_order: usize,
    /// Rows that were merged into another.
    pub duplicates: usize,
    /// Infinite values that are missing now.
    pub masked_infinities: usize,
    /// Places where a row is not one step after the one before.
    pub gaps: usize,
    /// Missing values, by column.
    pub missing: BTreeMap<String, usize>,
    /// The step of the grid.
    pub step: Option<Span>,
}

/// Why rows do not become a panel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Rows are from the future.
    #[error(
        "{count} rows are from {until} or later, which is the end of the interval; the first is of `{entity}` at {at}. Fix the clock of the source, or run the interval that they belong to"
    )]
    Future {
        /// How many.
        count: usize,
        /// Of the first one.
        entity: Arc<str>,
        /// Of the first one.
        at: Timestamp,
        /// The end of the interval.
        until: Timestamp,
    },
    /// Times are out of range.
    #[error(
        "{count} rows have a time before 1684 or after 2255; the first is of `{entity}`. The unit of the times is probably not what the file says"
    )]
    OutOfRange {
        /// How many.
        count: usize,
        /// Of the first one.
        entity: Arc<str>,
    },
    /// Rows are not in order.
    #[error(
        "{count} rows are earlier than the row before them; the first is of `{entity}` at {at}. Sort the rows, or write `unsorted: sort`"
    )]
    Unsorted {
        /// How many.
        count: usize,
        /// Of the first one.
        entity: Arc<str>,
        /// Of the first one.
        at: Timestamp,
    },
    /// Rows have the same time.
    #[error(
        "{count} rows repeat the time of another row of their entity; the first is of `{entity}` at {at}. Write `duplicates: keep_last` or `duplicates: average`, or mend the source"
    )]
    Duplicates {
        /// How many.
        count: usize,
        /// Of the first one.
        entity: Arc<str>,
        /// Of the first one.
        at: Timestamp,
    },
    /// Numbers are infinite.
    #[error(
        "{count} values of column `{column}` are infinite; the first is of `{entity}` at {at}. Write `infinities: mask` to take them for missing, or mend the source"
    )]
    Infinite {
        /// How many.
        count: usize,
        /// Which column.
        column: String,
        /// Of the first one.
        entity: Arc<str>,
        /// Of the first one.
        at: Timestamp,
    },
    /// Columns differ in length.
    #[error("column `{column}` has {found} rows, but the table has {rows}")]
    Ragged {
        /// Which column.
        column: String,
        /// Its rows.
        found: usize,
        /// Those of the times.
        rows: usize,
    },
}

impl Panel {
    /// Puts rows in order, under rules; tells all reasons why it cannot.
    pub fn take_in(mut table: Table, rules: &Intake) -> Result<(Self, IntakeReport), Vec<Refused>> {
        let mut report = IntakeReport::default();
        refuse_ragged(&table)?;
        let mut refused = refuse_times(&table, rules.until);
        let (out_of_order, first) = count_unsorted(&table);
        report.out_of_order = out_of_order;
        if let (Order::Refuse, Some(row)) = (rules.order, first) {
            let (entity, at) = place(&table, row);
            refused.push(Refused::Unsorted { count: out_of_order, entity, at });
        }
        refused.extend(refuse_infinities(&table, rules.infinities));
        if rules.infinities == Infinities::Mask {
            mask_infinities(&mut table, &mut report);
        }
        let mut panel = sort(table);
        match panel.first_duplicate() {
            Some((entity, row)) if rules.duplicates == Duplicates::Refuse => {
                let (entity, at) =
                    (Arc::clone(&panel.entities[entity]), Timestamp(panel.times[row]));
                refused.push(Refused::Duplicates { count: panel.count_duplicates(), entity, at });
            }
            Some(_) => {
                report.duplicates = panel.count_duplicates();
                panel.merge_duplicates(rules.duplicates);
            }
            None => {}
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        panel.step = match rules.grid {
            GridRule::Declared(step) => Some(step),
            GridRule::Inferred => infer_step(&panel.times, &panel.starts),
            GridRule::Irregular => None,
        };
        panel.tell(&mut report);
        Ok((panel, report))
    }

    fn tell(&self, report: &mut IntakeReport) {
        report.rows = self.rows();
        report.entities = self.entities.len();
        report.step = self.step;
        if let Some(step) = self.step {
            let gaps = |entity: usize| {
                let times = &self.times[self.rows_of(entity)];
                times.windows(2).filter(|pair| pair[1] - pair[0] != step.0).count()
            };
            report.gaps = (0..self.entities.len()).map(gaps).sum();
        }
        for column in &self.columns {
            let missing = column.values.iter().filter(|value| value.is_nan()).count();
            if missing > 0 {
                report.missing.insert(column.name.clone(), missing);
            }
        }
    }

    fn first_duplicate(&self) -> Option<(usize, usize)> {
        (0..self.entities.len()).find_map(|entity| {
            let rows = self.rows_of(entity);
            let pairs = self.times[rows.clone()].windows(2);
            pairs
                .enumerate()
                .find(|(_, pair)| pair[0] == pair[1])
                .map(|(row, _)| (entity, rows.start + row + 1))
        })
    }

    fn count_duplicates(&self) -> usize {
        let of = |entity: usize| {
            let times = &self.times[self.rows_of(entity)];
            times.windows(2).filter(|pair| pair[0] == pair[1]).count()
        };
        (0..self.entities.len()).map(of).sum()
    }

    fn merge_duplicates(&mut self, rule: Duplicates) {
        let mut last_of_group = Vec::new();
        let mut groups = Vec::new();
        for entity in 0..self.entities.len() {
            let rows = self.rows_of(entity);
            let mut begin = rows.start;
            for row in rows.clone() {
                if row + 1 == rows.end || self.times[row + 1] != self.times[row] {
                    groups.push(begin..row + 1);
                    last_of_group.push(row);
                    begin = row + 1;
                }
            }
        }
        for column in &mut self.columns {
            let mut merged = column.take(&last_of_group);
            if rule == Duplicates::Average && column.labels.is_none() {
                for (place, group) in
                    merged.values.iter_mut().zip(&groups).filter(|(_, group)| group.len() > 1)
                {
                    let values =
                        column.values[group.clone()].iter().filter(|value| !value.is_nan());
                    let (count, sum) =
                        values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
                    *place = if count > 0.0 { sum / count } else { f64::NAN };
                }
            }
            *column = merged;
        }
        let mut starts = vec![0];
        for entity in 0..self.entities.len() {
            let end = self.starts[entity + 1];
            starts.push(last_of_group.partition_point(|row| *row < end));
        }
        self.times = last_of_group.iter().map(|row| self.times[*row]).collect();
        self.starts = starts;
    }
}

fn place(table: &Table, row: usize) -> (Arc<str>, Timestamp) {
    (Arc::clone(&table.names[table.entity[row] as usize]), Timestamp(table.times[row]))
}

fn refuse_ragged(table: &Table) -> Result<(), Vec<Refused>> {
    let rows = table.times.len();
    let columns = table.columns.iter().map(|column| (column.name.as_str(), column.values.len()));
    let ragged: Vec<Refused> = columns
        .chain([("the entity", table.entity.len())])
        .filter(|(_, found)| *found != rows)
        .map(|(column, found)| Refused::Ragged { column: column.to_owned(), found, rows })
        .collect();
    if ragged.is_empty() { Ok(()) } else { Err(ragged) }
}

fn refuse_times(table: &Table, until: Option<Timestamp>) -> Vec<Refused> {
    let mut refused = Vec::new();
    let is_out = |at: &i64| !(EARLIEST.0..=LATEST.0).contains(at);
    let count = table.times.iter().filter(|at| is_out(at)).count();
    if let Some(row) = table.times.iter().position(&is_out) {
        refused.push(Refused::OutOfRange { count, entity: place(table, row).0 });
    }
    if let Some(until) = until {
        let is_future = |at: &i64| *at >= until.0 && !is_out(at);
        let count = table.times.iter().filter(|at| is_future(at)).count();
        if let Some(row) = table.times.iter().position(is_future) {
            let (entity, at) = place(table, row);
            refused.push(Refused::Future { count, entity, at, until });
        }
    }
    refused
}

fn count_unsorted(table: &Table) -> (usize, Option<usize>) {
    let mut latest = vec![i64::MIN; table.names.len()];
    let (mut count, mut first) = (0, None);
    for (row, (entity, at)) in table.entity.iter().zip(&table.times).enumerate() {
        let latest = &mut latest[*entity as usize];
        if *at < *latest {
            count += 1;
            first.get_or_insert(row);
        }
        *latest = *at;
    }
    (count, first)
}

fn refuse_infinities(table: &Table, rule: Infinities) -> Vec<Refused> {
    if rule == Infinities::Mask {
        return Vec::new();
    }
    let mut refused = Vec::new();
    for column in &table.columns {
        let count = column.values.iter().filter(|value| value.is_infinite()).count();
        if let Some(row) = column.values.iter().position(|value| value.is_infinite()) {
            let (entity, at) = place(table, row);
            refused.push(Refused::Infinite { count, column: column.name.clone(), entity, at });
        }
    }
    refused
}

fn mask_infinities(table: &mut Table, report: &mut IntakeReport) {
    for value in table.columns.iter_mut().flat_map(|column| &mut column.values) {
        if value.is_infinite() {
            *value = f64::NAN;
            report.masked_infinities += 1;
        }
    }
}

/// Sorts by name and time; rows of the same time keep their order. Nothing moves where all is in order.
fn sort(table: Table) -> Panel {
    let Table { names, entity, times, mut columns } = table;
    for value in columns.iter_mut().flat_map(|column| &mut column.values) {
        // One missing value is as missing as another, down to the bit.
        if value.is_nan() {
            *value = f64::NAN;
        }
    }
    let mut by_name: Vec<u32> = (0..).take(names.len()).collect();
    by_name.sort_by(|left, right| names[*left as usize].cmp(&names[*right as usize]));
    let mut rank = vec![0_u32; names.len()];
    (0_u32..).zip(&by_name).for_each(|(place, code)| rank[*code as usize] = place);
    let key = |row: usize| (rank[entity[row] as usize], times[row]);
    let is_sorted = (1..times.len()).all(|row| key(row - 1) <= key(row));
    let mut counts = vec![0_usize; names.len()];
    for code in &entity {
        counts[rank[*code as usize] as usize] += 1;
    }
    let mut panel = Panel { entities: Vec::new(), starts: vec![0], times, columns, step: None };
    let mut rows = 0;
    for (code, count) in by_name.iter().zip(counts).filter(|(_, count)| *count > 0) {
        rows += count;
        panel.entities.push(Arc::clone(&names[*code as usize]));
        panel.starts.push(rows);
    }
    if !is_sorted {
        let mut order: Vec<usize> = (0..panel.times.len()).collect();
        order.sort_by_key(|row| (rank[entity[*row] as usize], panel.times[*row]));
        panel.times = order.iter().map(|row| panel.times[*row]).collect();
        panel.columns = panel.columns.iter().map(|column| Column::take(column, &order)).collect();
    }
    panel
}
