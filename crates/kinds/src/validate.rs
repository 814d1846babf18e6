//! `validate`: judges a table by the checks of a file, in one scan.

mod account;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_dag::catalog::{Objections, Port, Ports};
use tidemill_dag::names::DatasetName;
use tidemill_dag::shape::Included;
use tidemill_dag::time::Timestamp;
use tidemill_lake::quality::{
    Audit, ChecksFile, Facts, Limits, Mistake, QualityReport, Totals, Verdict,
};
use tidemill_task::{Explain, Isolation, Policy, Step, TaskContext, TaskError, TaskKind};

use self::account::Account;
use crate::tables::{JSON, Table, read_published, say, tables_of};

/// How many earlier snapshots a table's number of rows is compared with at most.
const EARLIER: u32 = 100;

/// Judges a table by the checks of a file.
pub(crate) struct Validate;

/// Judges a table by the checks of a file, in one scan, and hands it on. A check of severity `fail` that does not hold fails the task.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The file with the checks, as seen from the DAG; pinned with it.
    checks: Included<ChecksFile>,
}

/// How the table came out.
#[derive(Serialize, Deserialize)]
pub(crate) struct Output {
    /// `passed`, or `warned` where a check of severity `warn` does not hold.
    verdict: Verdict,
    /// From 0 to 100.
    score: f64,
    /// The rows of the table.
    rows: u64,
    /// How many checks came out how.
    totals: Totals,
    /// The checks that do not hold.
    warnings: Vec<String>,
}

/// The report as it is written: what the checks found, and what became of the rows that are not in the table.
#[derive(Serialize)]
struct Report<'a> {
    /// The data set, where the table is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    dataset: Option<&'a DatasetName>,
    /// The file with the checks.
    checks_file: &'a str,
    /// What the checks found.
    quality: &'a QualityReport,
    /// What became of every line of the sources, where the table was landed.
    #[serde(skip_serializing_if = "Option::is_none")]
    landing: Option<&'a Account>,
}

impl TaskKind for Validate {
    const NAME: &'static str = "validate";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports {
        inputs: &[Port::many("table", "table")],
        outputs: &[Port::many("table", "table"), Port::one("quality", "quality")],
    };
    const ISOLATION: Isolation = Isolation::Process;
    type Params = Params;
    type Output = Output;

    fn sample() -> Value {
        let checks = json!([{ "check": "not_null", "column": "station" }]);
        json!({ "checks": { "path": "configs/checks/tides.yaml", "content": { "checks": checks } } })
    }

    /// It may look at other data sets, and at earlier versions of its own.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    fn check(params: &Params, objections: &mut Objections) {
        let Included { path, content } = &params.checks;
        let Ok(document) = serde_json::to_value(content) else { return };
        for mistake in ChecksFile::read(&document).err().into_iter().flatten() {
            let hint = mistake.hint.clone();
            let what = words::without_hint(&mistake);
            objections.add("/checks", format!("{path}: {what}"), hint);
        }
    }

    async fn run(context: &TaskContext, params: Params) -> Result<Step<Output>, TaskError> {
        let tables = tables_of(context, "table").await?;
        let [table] = tables.as_slice() else {
            let found = tables.len();
            return Err(TaskError::fatal(format!(
                "read the input `table`: {found} tables are wired to it, not one"
            )));
        };
        let work = judge(context, &params, table);
        let judged = tokio::select! {
            biased;
            judged = work => judged,
            () = context.cancelled() => Err(TaskError::Cancelled),
        };
        tokio::fs::remove_dir_all(context.scratch()).await.ok();
        let report = judged?;
        let account = Account::of(context, table).await?;
        write(context, &params, table, (&report, account.as_ref())).await?;
        say(context, words::report(&report, account.as_ref()));
        if report.verdict == Verdict::Failed {
            return Err(TaskError::fatal(words::failure(&report)));
        }
        hand_on(context, table)?;
        let warned = report.checks.iter().filter(|check| check.verdict == Verdict::Warned);
        let warnings = warned.map(|check| check.name.clone()).collect();
        let QualityReport { verdict, score, rows, totals, .. } = report;
        Ok(Step::Done(Output { verdict, score, rows, totals, warnings }))
    }
}

async fn judge(
    context: &TaskContext,
    params: &Params,
    table: &Table,
) -> Result<QualityReport, TaskError> {
    let mut file = params.checks.content.clone();
    // What the landing was told need not be said again.
    file.time = file.time.or_else(|| table.info.time.clone());
    if file.entity.is_empty() {
        file.entity.clone_from(&table.info.entity);
    }
    let scratch = context.scratch();
    tokio::fs::create_dir_all(&scratch).await.or_transient("make a folder for what is sorted")?;
    let limits = Limits { memory_bytes: context.memory().0, ..Limits::new(scratch) };
    let rows = table.rows(context.artifact_store()).await?;
    let facts = facts(context, &file, table).await?;
    context.progress(None, format!("{} checks on {} rows", file.checks.len(), rows.rows()));
    let audit = Audit::plan(&file, &rows, facts, limits)
        .map_err(|mistakes| refused(&params.checks.path, &mistakes))?;
    audit.run().await.or_transient("check the table")
}

/// What the checks compare the table with.
async fn facts(
    context: &TaskContext,
    file: &ChecksFile,
    table: &Table,
) -> Result<Facts, TaskError> {
    let asks = |kind: &str| file.checks.iter().any(|item| item.check == kind);
    let earlier_rows = match &table.info.dataset {
        Some(dataset) if asks("row_count_change") => earlier_rows(context, dataset, table).await?,
        Some(_) | None => Vec::new(),
    };
    let references = file.checks.iter().filter(|item| item.check == "references");
    let names: BTreeSet<&str> =
        references.filter_map(|item| item.with.get("dataset")?.as_str()).collect();
    let mut references = BTreeMap::new();
    for name in names {
        if let Some(rows) = rows_of(context, name).await? {
            references.insert(name.to_owned(), rows);
        }
    }
    Ok(Facts {
        now: Some(context.interval().end),
        earlier_rows,
        references,
        personal: table.info.personal.clone(),
    })
}

/// How many rows earlier snapshots have, the latest first: of earlier intervals, or where each landing replaces all, of earlier landings.
async fn earlier_rows(
    context: &TaskContext,
    dataset: &DatasetName,
    table: &Table,
) -> Result<Vec<u64>, TaskError> {
    let (start, own) = (table.info.interval.start, table.info.content);
    if start == Timestamp::UNIX_EPOCH {
        let newest = context.newest_of(dataset, EARLIER).await?;
        let others = newest.iter().filter(|other| Some(other.snapshot.content) != own);
        return Ok(others.map(|other| other.snapshot.rows).collect());
    }
    let now = context.dataset_at(dataset, None).await?;
    let before = now.iter().rev().filter(|other| other.snapshot.interval.start < start);
    Ok(before.take(EARLIER as usize).map(|other| other.snapshot.rows).collect())
}

/// The rows of another data set; none where there is no such data set, which the check tells in its place.
async fn rows_of(
    context: &TaskContext,
    name: &str,
) -> Result<Option<tidemill_lake::quality::Table>, TaskError> {
    let Ok(dataset) = DatasetName::new(name) else { return Ok(None) };
    let versions = context.dataset_at(&dataset, None).await?;
    let (mut store, mut files) = (None, Vec::new());
    for version in &versions {
        let published = read_published(context.artifact_store(), version).await?;
        store = Some(published.snapshot.store());
        files.extend(published.snapshot.files());
    }
    let Some(store) = store else { return Ok(None) };
    let rows = tidemill_lake::quality::Table::open(store, files).await;
    Ok(Some(rows.or_transient(format!("open the files of `{name}`"))?))
}

fn refused(path: &str, mistakes: &[Mistake]) -> TaskError {
    let told = mistakes.iter().map(|mistake| {
        let hint = mistake.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}{hint}", words::without_hint(mistake))
    });
    let told: Vec<String> = told.collect();
    TaskError::fatal(format!("fit the checks of `{path}` to the table: {}", told.join("; ")))
}

async fn write(
    context: &TaskContext,
    params: &Params,
    table: &Table,
    (quality, landing): (&QualityReport, Option<&Account>),
) -> Result<(), TaskError> {
    let dataset = table.info.dataset.as_ref();
    let report = Report { dataset, checks_file: &params.checks.path, quality, landing };
    let mut text = serde_json::to_vec_pretty(&report).or_fatal("write the quality report")?;
    text.push(b'\n');
    context.artifacts().write("quality", JSON, text).await?;
    Ok(())
}

/// The table goes on as it came: the same files.
fn hand_on(context: &TaskContext, table: &Table) -> Result<(), TaskError> {
    let artifacts = context.artifacts();
    artifacts.pass_on("table", &table.description)?;
    for file in table.files.iter().chain(&table.quarantine) {
        artifacts.pass_on("table", file)?;
    }
    Ok(())
}
