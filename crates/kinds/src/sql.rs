//! `sql`: asks data sets and input tables, read-only.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_dag::catalog::{Objections, Port, Ports};
use tidemill_dag::names::DatasetName;
use tidemill_dag::shape::IncludedText;
use tidemill_lake::sql::{DataSet, Format, Limits, Session, SqlError};
use tidemill_task::{Explain, Isolation, Policy, Step, TaskContext, TaskError, TaskKind};
use tokio::io::AsyncReadExt;

use crate::tables::{
    FileInfo, JSON, PARQUET, TableInfo, counted, mentions, open_dataset, say, tables_of, unasked,
};

/// How much of an answer is uploaded at once.
const PIECE: usize = 8 << 20;

/// Asks data sets and input tables, read-only.
pub(crate) struct Sql;

/// Asks data sets by name, and the tables that are wired to it, in SQL; the answer is a table. It reads only.
///
/// The table of the input `table` is called `input`; several are `input_1`, `input_2` and so on. Add `ORDER BY` for the same bytes each time.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The statement.
    #[serde(default)]
    query: Option<String>,
    /// A file with the statement, as seen from the DAG; pinned with it. It is taken as it is: templates in it are not rendered.
    #[serde(default)]
    file: Option<IncludedText>,
    /// Data sets that are read as they were at a version; the others as they are.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, u32>")]
    versions: BTreeMap<DatasetName, u32>,
}

/// What was answered.
#[derive(Serialize, Deserialize)]
pub(crate) struct Output {
    /// How many rows.
    rows: u64,
    /// The columns.
    columns: Vec<String>,
    /// The data sets that were read, each with its version.
    read: BTreeMap<DatasetName, u32>,
}

impl TaskKind for Sql {
    const NAME: &'static str = "sql";
    const VERSION: u32 = 1;
    const PORTS: Ports =
        Ports { inputs: &[Port::many("table", "table")], outputs: &[Port::many("table", "table")] };
    const ISOLATION: Isolation = Isolation::Process;
    type Params = Params;
    type Output = Output;

    fn sample() -> Value {
        json!({ "query": "select 1 as one, 'two' as two" })
    }

    /// What data sets hold changes.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    fn check(params: &Params, objections: &mut Objections) {
        match (&params.query, &params.file) {
            (Some(_), Some(_)) => {
                let hint = "keep one of them".to_owned();
                objections.add("/query", "`query` and `file` are both given", Some(hint));
            }
            (None, None) => {
                let hint = "write `query: select … from NAME`, or `file: ../configs/NAME.sql`";
                objections.add("", "there is no statement", Some(hint.to_owned()));
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
    }

    async fn run(context: &TaskContext, params: Params) -> Result<Step<Output>, TaskError> {
        let scratch = context.scratch();
        tokio::fs::create_dir_all(&scratch).await.or_transient("make a folder for the answer")?;
        let work = answer(context, &params, &scratch);
        let answered = tokio::select! {
            biased;
            answered = work => answered,
            () = context.cancelled() => Err(TaskError::Cancelled),
        };
        tokio::fs::remove_dir_all(&scratch).await.ok();
        Ok(Step::Done(answered?))
    }
}

async fn answer(
    context: &TaskContext,
    params: &Params,
    scratch: &Path,
) -> Result<Output, TaskError> {
    let statement =
        params.query.as_deref().or(params.file.as_ref().map(|file| file.content.as_str()));
    let statement =
        statement.ok_or_else(|| TaskError::fatal("run the statement: there is none"))?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let limits =
        Limits { memory_bytes: context.memory().0, ..Limits::new(scratch.join("spill"), threads) };
    let mut session = Session::new(limits).map_err(|error| explain(context, &error))?;
    let read = register(context, params, statement, &mut session).await?;
    context.progress(None, "running the statement");
    let answer = session.query(statement, &context.cancellation()).await;
    let answer = answer.map_err(|error| explain(context, &error))?;
    let columns: Vec<String> =
        answer.schema().fields().iter().map(|field| field.name().clone()).collect();
    let path = scratch.join("answer.parquet");
    let mut file = std::fs::File::create(&path).or_transient("write the answer")?;
    let written = answer.write(Format::Parquet, &mut file).await;
    let written = written.map_err(|error| explain(context, &error))?;
    drop(file);
    upload(context, &path, written.rows).await?;
    let said = [counted(written.rows, "row"), counted(columns.len() as u64, "column")];
    say(context, [said.join(", ")]);
    Ok(Output { rows: written.rows, columns, read })
}

/// Makes known what the statement may ask for.
async fn register(
    context: &TaskContext,
    params: &Params,
    statement: &str,
    session: &mut Session,
) -> Result<BTreeMap<DatasetName, u32>, TaskError> {
    let store = context.artifact_store();
    let mut read = BTreeMap::new();
    let tables = tables_of(context, "table").await?;
    for (index, table) in tables.iter().enumerate() {
        let name = match tables.len() {
            1 => "input".to_owned(),
            _ => format!("input_{}", index + 1),
        };
        add(context, session, table.dataset(&name, store).await?)?;
    }
    for name in context.dataset_names().await? {
        // What nobody asks for is not opened, and known by its name alone: for hints.
        if !mentions(statement, name.as_str()) {
            add(context, session, unasked(&name))?;
            continue;
        }
        let at = params.versions.get(&name).copied();
        let versions = context.dataset_at(&name, at).await?;
        if versions.is_empty() {
            let at = at.unwrap_or_default();
            return Err(TaskError::fatal(format!(
                "read `{name}` at version {at}: there is no such version (`tidemill dataset versions {name}` lists them)"
            )));
        }
        let newest = versions.iter().map(|version| version.version).max();
        let (dataset, _) = open_dataset(store, &name, &versions).await?;
        add(context, session, dataset)?;
        read.insert(name, newest.unwrap_or_default());
    }
    if let Some(unknown) = params.versions.keys().find(|name| !read.contains_key(*name)) {
        return Err(TaskError::fatal(format!(
            "read `{unknown}` at a version: the statement does not ask for it, or there is no such data set"
        )));
    }
    Ok(read)
}

fn add(context: &TaskContext, session: &mut Session, dataset: DataSet) -> Result<(), TaskError> {
    session.register(dataset).map_err(|error| explain(context, &error))
}

/// Makes the answer the table of this task.
async fn upload(context: &TaskContext, path: &Path, rows: u64) -> Result<(), TaskError> {
    let failed = "read the answer back";
    let mut file = tokio::fs::File::open(path).await.or_transient(failed)?;
    let size_bytes = file.metadata().await.or_transient(failed)?.len();
    let info = TableInfo {
        version: TableInfo::VERSION,
        dataset: None,
        interval: context.interval(),
        content: None,
        time: None,
        entity: Vec::new(),
        personal: std::collections::BTreeSet::new(),
        rows,
        files: vec![FileInfo { rows, size_bytes }],
        landing: None,
    };
    let text = serde_json::to_vec_pretty(&info).or_fatal("describe the table")?;
    context.artifacts().write("table", JSON, text).await?;
    let mut writer = context.artifacts().writer("table", PARQUET)?;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let length = (&mut file).take(PIECE as u64).read_to_end(&mut piece).await;
        if length.or_transient(failed)? == 0 {
            break;
        }
        writer.write(piece).await?;
    }
    writer.finish().await?;
    Ok(())
}

/// What is wrong with a statement, with what to do about it; its place is shown in the log.
fn explain(context: &TaskContext, error: &SqlError) -> TaskError {
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    if let Some(excerpt) = error.excerpt() {
        say(context, [excerpt]);
    }
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        message = format!("{message}: {source}");
        cause = source.source();
    }
    let message = format!("{message}{hint}");
    match error {
        SqlError::Cancelled => TaskError::Cancelled,
        // A disk may be full now, and a store away.
        SqlError::Run { .. } | SqlError::Write { .. } | SqlError::Prepare { .. } => {
            TaskError::transient(message)
        }
        SqlError::Rejected(_)
        | SqlError::Open { .. }
        | SqlError::Twice { .. }
        | SqlError::OutOfMemory { .. }
        | SqlError::Deadline { .. }
        | SqlError::Unwritable { .. } => TaskError::fatal(message),
    }
}
