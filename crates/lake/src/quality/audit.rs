//! From a checks file to a report.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::column::{Column, ColumnInfo};
use super::document::{CheckItem, ChecksFile, Severity};
use super::error::AuditError;
use super::examples::Spot;
use super::measure::{Answers, Asks};
use super::measures::reference::KeySet;
use super::mistake::{Fault, Mistake};
use super::on::{Finding, Judged, On, Wanted, unknown_column};
use super::predicate::Predicate;
use super::report::{CheckResult, Example, QualityReport, Verdict};
use super::scan::{Pace, scan};
use super::sorter::Room;
use super::table::Table;
use super::words;
use crate::checks::{self, Judge, Target};

/// What checks compare a table with.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The end of the interval that the table is about: what `freshness` means by now. Never the clock.
    pub now: Option<DateTime<Utc>>,
    /// How many rows earlier snapshots have, the latest first.
    pub earlier_rows: Vec<u64>,
    /// Other data sets by name.
    pub references: BTreeMap<String, Table>,
    /// The columns with personal data: their values are not shown.
    pub personal: BTreeSet<String>,
}

/// What a scan may use. No choice here changes the report, but for the number of examples.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many threads decode and measure.
    pub threads: usize,
    /// How many rows are decoded at once.
    pub batch_rows: usize,
    /// How much memory sorted keys may take; what is more goes to `scratch`.
    pub memory_bytes: u64,
    /// A folder for what does not fit into memory. Its files have no names and vanish with the process.
    pub scratch: PathBuf,
    /// How many rows that do not hold are shown for each check.
    pub examples: usize,
}

impl Limits {
    /// As many threads as there are cores, 2 GiB, three examples.
    pub fn new(scratch: impl Into<PathBuf>) -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            batch_rows: 8_192,
            memory_bytes: 2 << 30,
            scratch: scratch.into(),
            examples: 3,
        }
    }
}

/// Checks that fit a table, ready to run.
pub struct Audit {
    table: Table,
    facts: Facts,
    limits: Limits,
    asks: Asks,
    wanted: Vec<Wanted>,
    checks: Vec<Compiled>,
    places: Vec<ColumnInfo>,
    time: Option<ColumnInfo>,
}

struct Compiled {
    name: String,
    item: CheckItem,
    columns: Vec<ColumnInfo>,
    judge: Judge,
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.checks.iter().map(|check| check.name.as_str()).collect();
        f.debug_struct("Audit")
            .field("table", &self.table)
            .field("checks", &names)
            .finish_non_exhaustive()
    }
}

impl Audit {
    /// Fits the checks of a file to a table, or tells every mistake at once.
    pub fn plan(
        file: &ChecksFile,
        table: &Table,
        facts: Facts,
        limits: Limits,
    ) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let outer = |name: &String, field: &str| {
            table
                .column(name)
                .cloned()
                .ok_or_else(|| unknown_column(table, name, field).at(None, None))
        };
        let time = file.time.iter().map(|name| outer(name, "time")).collect::<Result<Vec<_>, _>>();
        let places =
            file.entity.iter().map(|name| outer(name, "entity")).collect::<Result<Vec<_>, _>>();
        mistakes.extend(time.clone().err());
        mistakes.extend(places.clone().err());
        // A quarter: sorting once more at the end takes as much again, and a half of that.
        let room = Room::new(limits.memory_bytes / 4, &limits.scratch);
        let mut plan = Planning {
            file,
            table,
            facts: &facts,
            limits: &limits,
            room,
            asks: Asks::default(),
            wanted: Vec::new(),
            checks: Vec::new(),
            names: BTreeSet::new(),
        };
        for (index, item) in file.checks.iter().enumerate() {
            let name = item.name.as_deref().unwrap_or(&item.check);
            let faults = plan.add(item);
            mistakes.extend(faults.into_iter().map(|fault| fault.at(Some(index), Some(name))));
        }
        let Planning { asks, wanted, checks, .. } = plan;
        let (Ok(time), Ok(places), []) = (time, places, mistakes.as_slice()) else {
            return Err(mistakes);
        };
        let (table, time) = (table.clone(), time.into_iter().next());
        Ok(Self { table, facts, limits, asks, wanted, checks, places, time })
    }

    /// Reads what is needed of the table, once, and judges. When the future is dropped, the threads of the scan stop at their next batch.
    pub async fn run(self) -> Result<QualityReport, AuditError> {
        let pace =
            Pace { threads: self.limits.threads.max(1), batch_rows: self.limits.batch_rows.max(1) };
        for wanted in &self.wanted {
            read_keys(&self.facts.references, wanted, pace).await?;
        }
        let answers = scan(self.table.clone(), self.asks, pace).await?;
        let judged = self
            .checks
            .into_iter()
            .map(|check| judge(check, &answers))
            .collect::<Result<Vec<_>, _>>()?;
        let shown = Shown { table: &self.table, time: self.time, places: self.places };
        let rows = shown.look_up(&judged).await?;
        let results =
            judged.into_iter().map(|check| result(check, &shown, &rows, &self.facts)).collect();
        Ok(QualityReport::new(self.table.rows(), self.table.columns.len() as u64, results))
    }
}

struct Planning<'a> {
    file: &'a ChecksFile,
    table: &'a Table,
    facts: &'a Facts,
    limits: &'a Limits,
    room: Arc<Room>,
    asks: Asks,
    wanted: Vec<Wanted>,
    checks: Vec<Compiled>,
    names: BTreeSet<String>,
}

impl Planning<'_> {
    fn add(&mut self, item: &CheckItem) -> Vec<Fault> {
        let Some(kind) = checks::find(&item.check) else {
            return vec![Fault::new("check", format!("unknown check `{}`", item.check))];
        };
        let mut faults = Vec::new();
        let filter = item.filter.as_ref().and_then(|sql| {
            let predicate = Predicate::compile(sql, self.table.schema(), "filter");
            predicate
                .map_err(|fault| faults.push(fault))
                .ok()
                .map(|predicate| self.asks.filter(predicate))
        });
        let field = if item.column.is_some() { "column" } else { "columns" };
        let mut columns = Vec::new();
        for name in item.column.iter().chain(&item.columns) {
            match self.table.column(name) {
                Some(column) => columns.push(column.clone()),
                None => faults.push(unknown_column(self.table, name, field)),
            }
        }
        if !faults.is_empty() {
            return faults;
        }
        let each: Vec<Vec<ColumnInfo>> = match kind.target {
            Target::Column => columns.into_iter().map(|column| vec![column]).collect(),
            Target::Schema | Target::Table | Target::Columns | Target::Time => vec![columns],
        };
        let several = each.len() > 1;
        for columns in each {
            let mut on = On {
                table: self.table,
                file: self.file,
                facts: self.facts,
                limits: self.limits,
                room: &self.room,
                asks: &mut self.asks,
                wanted: &mut self.wanted,
                columns,
                filter,
            };
            match (kind.compile)(&item.with, &mut on) {
                Err(fault) => faults.push(fault),
                Ok(judge) => {
                    let columns = on.columns;
                    let name = self.name(item, several, &columns);
                    self.checks.push(Compiled { name, item: item.clone(), columns, judge });
                }
            }
        }
        faults
    }

    /// The given name, or kind and columns; a number keeps the same names apart.
    fn name(&mut self, item: &CheckItem, several: bool, columns: &[ColumnInfo]) -> String {
        let listed = columns.iter().map(|info| info.name.as_str()).collect::<Vec<_>>().join(", ");
        let base = match (&item.name, several) {
            (Some(name), false) => name.clone(),
            (Some(name), true) => format!("{name}({listed})"),
            (None, _) if listed.is_empty() => item.check.clone(),
            (None, _) => format!("{}({listed})", item.check),
        };
        let mut name = base.clone();
        let mut number = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{base} #{number}");
            number += 1;
        }
        name
    }
}

async fn read_keys(
    tables: &BTreeMap<String, Table>,
    wanted: &Wanted,
    pace: Pace,
) -> Result<(), AuditError> {
    let table = tables.get(&wanted.table).expect("a check wants only keys of tables at hand");
    let mut asks = Asks::default();
    let asked = asks.ask(KeySet { columns: wanted.columns.clone() }, None);
    let answers = scan(table.clone(), asks, pace).await?;
    wanted.keys.get_or_init(|| answers.get(asked).clone());
    Ok(())
}

struct JudgedCheck {
    name: String,
    item: CheckItem,
    columns: Vec<ColumnInfo>,
    finding: Finding,
}

fn judge(check: Compiled, answers: &Answers) -> Result<JudgedCheck, AuditError> {
    let Compiled { name, item, columns, judge } = check;
    let mut finding = judge(answers)?;
    if holds(&finding.judged, item.mostly) {
        // What is tolerated is counted, not shown.
        finding.examples.clear();
    }
    Ok(JudgedCheck { name, item, columns, finding })
}

fn holds(judged: &Judged, mostly: Option<f64>) -> bool {
    match judged {
        Judged::Rows { failed: 0, .. } | Judged::Nothing => true,
        Judged::Rows { tested, failed, .. } => {
            (tested - failed) as f64 / *tested as f64 >= mostly.unwrap_or(1.0)
        }
        Judged::Whole { holds } => *holds,
    }
}

/// What examples show of a row.
struct Shown<'a> {
    table: &'a Table,
    time: Option<ColumnInfo>,
    /// The columns of the entity.
    places: Vec<ColumnInfo>,
}

/// Values of looked up rows, by row and column.
type Values = BTreeMap<(u64, usize), String>;

impl Shown<'_> {
    async fn look_up(&self, checks: &[JudgedCheck]) -> Result<Values, AuditError> {
        let mut rows = BTreeSet::new();
        let mut columns: BTreeSet<usize> =
            self.time.iter().chain(&self.places).map(|info| info.index).collect();
        for check in checks.iter().filter(|check| !check.finding.examples.is_empty()) {
            rows.extend(check.finding.examples.iter().map(|spot| spot.row));
            columns.extend(check.finding.show.iter().map(|info| info.index));
        }
        let rows: Vec<u64> = rows.into_iter().collect();
        let columns: Vec<usize> = columns.into_iter().collect();
        let mut values = Values::new();
        if rows.is_empty() || columns.is_empty() {
            return Ok(values);
        }
        for (row, batch) in self.table.look_up(&rows, &columns).await? {
            for (index, array) in columns.iter().zip(batch.columns()) {
                let info = &self.table.columns[*index];
                values.insert((row, *index), Column::of(array, info)?.show(info, 0));
            }
        }
        Ok(values)
    }

    fn example(&self, spot: &Spot, show: &[ColumnInfo], rows: &Values, facts: &Facts) -> Example {
        let value = |info: &ColumnInfo| {
            if facts.personal.contains(&info.name) {
                return Some("masked".to_owned());
            }
            rows.get(&(spot.row, info.index)).cloned()
        };
        let together = |infos: &[ColumnInfo]| {
            let named = infos.len() > 1;
            let parts: Vec<String> = infos
                .iter()
                .filter_map(|info| {
                    let value = value(info)?;
                    Some(if named { format!("{} {value}", info.name) } else { value })
                })
                .collect();
            (!parts.is_empty()).then(|| parts.join(", "))
        };
        let (file, row) = self.table.place(spot.row);
        Example {
            file,
            row: row + 1,
            time: self.time.as_ref().and_then(value),
            entity: together(&self.places),
            value: spot.value.clone().or_else(|| together(show)),
        }
    }
}

fn result(check: JudgedCheck, shown: &Shown<'_>, rows: &Values, facts: &Facts) -> CheckResult {
    let JudgedCheck { name, item, columns, finding } = check;
    let verdict = match (&finding.judged, item.severity) {
        (Judged::Nothing, _) => Verdict::Skipped,
        (judged, _) if holds(judged, item.mostly) => Verdict::Passed,
        (Judged::Rows { .. } | Judged::Whole { .. }, Severity::Warn) => Verdict::Warned,
        (Judged::Rows { .. } | Judged::Whole { .. }, Severity::Fail) => Verdict::Failed,
    };
    let personal = columns.iter().any(|info| facts.personal.contains(&info.name));
    let hidden = personal && finding.reveals;
    let (judged, failing, seen) = match finding.judged {
        Judged::Rows { tested, failed, noun } => {
            let detail = if hidden { "" } else { finding.seen.as_str() };
            (Some(tested), Some(failed), rows_seen(tested, failed, noun, detail))
        }
        Judged::Whole { .. } if hidden => {
            (None, None, "not shown: the column is personal".to_owned())
        }
        Judged::Whole { .. } | Judged::Nothing => (None, None, finding.seen.clone()),
    };
    let examples = finding.examples.into_iter().map(|mut spot| {
        if personal && spot.value.is_some() {
            spot.value = Some("masked".to_owned());
        }
        shown.example(&spot, &finding.show, rows, facts)
    });
    CheckResult {
        examples: examples.collect(),
        name,
        check: item.check,
        columns: columns.into_iter().map(|info| info.name).collect(),
        severity: item.severity,
        verdict,
        mostly: item.mostly.filter(|mostly| *mostly < 1.0),
        filter: item.filter,
        judged,
        failing,
        allowed: finding.allowed,
        seen,
    }
}

fn rows_seen(tested: u64, failed: u64, noun: &str, detail: &str) -> String {
    let counted = match (tested, failed) {
        (0, _) => format!("no {noun} to judge"),
        (1, 0) => format!("the only one of the {noun} holds"),
        (tested, 0) => format!("all {} hold", words::counted(tested, noun)),
        (tested, failed) => format!(
            "{} of {} {} not hold ({})",
            words::count(failed),
            words::counted(tested, noun),
            if failed == 1 { "does" } else { "do" },
            words::percent(failed, tested),
        ),
    };
    if detail.is_empty() { counted } else { format!("{counted}; {detail}") }
}
