//! `tidemill dataset diff`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tidemill_dag::time::Timestamp;
use tidemill_kinds::tables::{Published, open_dataset, personal_columns};
use tidemill_lake::sql::{DataSet, Format, Limits, Session};
use tidemill_task::DatasetVersion;
use tokio_util::sync::CancellationToken;

use super::{Shelf, events, failed, newest, span};
use crate::App;
use crate::commands::sql::{self, scratch};
use crate::exit::{Exit, Failure};
use crate::output::table;

/// What is known of a data set at a version.
struct Side {
    version: u32,
    versions: Vec<DatasetVersion>,
    published: Vec<Published>,
    rows: DataSet,
}

/// What is known of a column at a version.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Column {
    kind: String,
    missing: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
}

/// How many intervals are how.
#[derive(Default, Serialize)]
struct Intervals {
    same: u64,
    added: u64,
    landed_again: u64,
}

/// Tells how a data set at one version differs from itself at another.
pub(super) async fn run(
    app: &App<'_>,
    name: &str,
    from: Option<u32>,
    to: Option<u32>,
) -> Result<(), Failure> {
    let shelf = Shelf::open(app).await?;
    let after = side(&shelf, name, to).await?;
    let Some(from) = from.or_else(|| after.version.checked_sub(1).filter(|from| *from > 0)) else {
        let error = anyhow::anyhow!("`{name}` has one version alone");
        return Err(Failure::new(Exit::NotFound, error)
            .hint("there is nothing to compare it with yet".to_owned()));
    };
    let before = side(&shelf, name, Some(from)).await?;
    let scratch = scratch(app)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let limits =
        Limits { memory_bytes: app.config.lake.memory.0, ..Limits::new(scratch.path(), threads) };
    let columns = (columns_of(&before, limits.clone()).await?, columns_of(&after, limits).await?);
    let intervals = intervals(&before, &after);
    let document = json!({
        "dataset": name,
        "from": before.version,
        "to": after.version,
        "is_same": intervals.added + intervals.landed_again == 0,
        "intervals": intervals,
        "rows": { "from": before.row_count(), "to": after.row_count() },
        "events": { "from": events(&before.versions), "to": events(&after.versions) },
        "columns": { "from": columns.0, "to": columns.1 },
    });
    app.output.data(&document, |_| describe(name, (&before, &after), &intervals, &columns))
}

async fn side(shelf: &Shelf, name: &str, version: Option<u32>) -> Result<Side, Failure> {
    let versions = shelf.at(name, version).await?;
    let dataset = versions[0].snapshot.dataset.clone();
    let opened = open_dataset(&shelf.artifacts, &dataset, &versions).await;
    let (rows, published) = opened.map_err(|error| failed(&error))?;
    Ok(Side { version: newest(&versions), versions, published, rows })
}

impl Side {
    fn row_count(&self) -> u64 {
        self.versions.iter().map(|version| version.snapshot.rows).sum()
    }

    /// The columns, each with its kind in the newest snapshot that has it, in the order of that.
    fn kinds(&self) -> Vec<(String, String)> {
        let mut published: Vec<&Published> = self.published.iter().collect();
        published.sort_by_key(|one| std::cmp::Reverse(one.version.version));
        let mut kinds: Vec<(String, String)> = Vec::new();
        for column in published.iter().flat_map(|one| &one.manifest().columns) {
            if !kinds.iter().any(|(name, _)| *name == column.name) {
                kinds.push((column.name.clone(), column.kind.clone()));
            }
        }
        kinds
    }
}

/// Measures every column in one scan. What is personal is not shown.
async fn columns_of(side: &Side, limits: Limits) -> Result<BTreeMap<String, Column>, Failure> {
    let kinds = side.kinds();
    let personal = personal_columns(&side.published);
    let mut wanted = vec!["count(*) as total".to_owned()];
    for (index, (name, kind)) in kinds.iter().enumerate() {
        let column = format!("\"{}\"", name.replace('"', "\"\""));
        wanted.push(format!("count({column}) as n{index}"));
        if !personal.contains(name) && kind != "binary" {
            wanted.push(format!("cast(min({column}) as varchar) as min{index}"));
            wanted.push(format!("cast(max({column}) as varchar) as max{index}"));
            if matches!(kind.as_str(), "integer" | "float" | "decimal") {
                wanted.push(format!("avg(cast({column} as double)) as mean{index}"));
            }
        }
    }
    let name = side.rows.name.clone();
    let mut session = Session::new(limits).map_err(|error| sql::failed(&error))?;
    session.register(side.rows.clone()).map_err(|error| sql::failed(&error))?;
    let statement = format!("select {} from \"{name}\"", wanted.join(", "));
    let answer = session.query(&statement, &CancellationToken::new()).await;
    let answer = answer.map_err(|error| sql::failed(&error))?;
    let mut text = Vec::new();
    answer.write(Format::JsonLines, &mut text).await.map_err(|error| sql::failed(&error))?;
    let seen: Map<String, Value> = serde_json::from_slice(&text).map_err(anyhow::Error::new)?;
    let total = seen["total"].as_u64().unwrap_or_default();
    let measured = kinds.into_iter().enumerate().map(|(index, (name, kind))| {
        let text = |key: String| seen.get(&key).and_then(Value::as_str).map(str::to_owned);
        let there = seen.get(&format!("n{index}")).and_then(Value::as_u64).unwrap_or_default();
        let column = Column {
            kind,
            missing: total.saturating_sub(there),
            min: text(format!("min{index}")),
            max: text(format!("max{index}")),
            mean: seen.get(&format!("mean{index}")).and_then(Value::as_f64).map(steady),
        };
        (name, column)
    });
    Ok(measured.collect())
}

fn intervals(before: &Side, after: &Side) -> Intervals {
    let known: BTreeMap<Timestamp, &DatasetVersion> =
        before.versions.iter().map(|version| (version.snapshot.interval.start, version)).collect();
    let mut intervals = Intervals::default();
    for version in &after.versions {
        match known.get(&version.snapshot.interval.start) {
            None => intervals.added += 1,
            Some(other) if other.snapshot.content == version.snapshot.content => {
                intervals.same += 1;
            }
            Some(_) => intervals.landed_again += 1,
        }
    }
    intervals
}

type Columns = BTreeMap<String, Column>;

fn describe(
    name: &str,
    (before, after): (&Side, &Side),
    intervals: &Intervals,
    (old, new): &(Columns, Columns),
) -> String {
    let Intervals { same, added, landed_again } = intervals;
    let mut lines = vec![
        format!("{name}, version {} to {}", before.version, after.version),
        format!("intervals  {added} added, {landed_again} landed again, {same} the same"),
        change("rows", &before.row_count().to_string(), &after.row_count().to_string()),
        change("events", &span(events(&before.versions)), &span(events(&after.versions))),
        String::new(),
    ];
    let gone = before.kinds().into_iter().filter(|(name, _)| !new.contains_key(name));
    let names = after.kinds().into_iter().chain(gone).map(|(name, _)| name);
    let rows = names.map(|name| {
        let (old, new) = (old.get(&name), new.get(&name));
        let both = |of: fn(&Column) -> String| arrow(old.map(of), new.map(of));
        [
            name,
            match (old, new) {
                (None, Some(new)) => format!("{} (new)", new.kind),
                (Some(old), None) => format!("{} (gone)", old.kind),
                (_, _) => both(|column| column.kind.clone()),
            },
            both(|column| column.missing.to_string()),
            both(|column| column.min.clone().unwrap_or_default()),
            both(|column| column.max.clone().unwrap_or_default()),
            both(|column| column.mean.map(number).unwrap_or_default()),
        ]
    });
    lines.push(table(["column", "kind", "missing", "min", "max", "mean"], rows));
    lines.join("\n")
}

fn change(what: &str, from: &str, to: &str) -> String {
    let change = arrow(Some(from.to_owned()), Some(to.to_owned()));
    format!("{what:<9}  {change}")
}

/// `a -> b`, or what is there where nothing changed or one is missing.
fn arrow(from: Option<String>, to: Option<String>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from == to => to,
        (Some(from), Some(to)) => format!("{from} -> {to}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    }
}

/// Twelve significant digits: the order in which threads add shows in the last ones.
fn steady(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// Six significant digits.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    rounded.to_string()
}
