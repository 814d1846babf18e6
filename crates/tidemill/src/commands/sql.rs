//! `tidemill sql`: asks data sets, read-only.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, anyhow};
use comfy_table::Table;
use tidemill_kinds::tables::{mentions, open_dataset, unasked};
use tidemill_lake::sql::{Answer, DataSet, Format, Limits, Session, SqlError, Written};
use tokio_util::sync::CancellationToken;

use super::dataset::{self, Shelf};
use crate::App;
use crate::cli::{AnswerFormat, SqlArguments};
use crate::database::block_on;
use crate::exit::{Exit, Failure};
use crate::output::{counted, print};

/// As wide as a table gets where nobody's terminal bounds it.
const WIDEST: usize = 100_000;

/// Answers a statement.
pub(crate) fn run(app: &App<'_>, arguments: &SqlArguments) -> Result<(), Failure> {
    let statement = arguments.statement()?;
    let form = arguments.form(app);
    refuse_bytes_for_a_terminal(arguments, form)?;
    block_on(async {
        let shelf = Shelf::open(app).await?;
        let scratch = scratch(app)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let limits = Limits {
            memory_bytes: app.config.lake.memory.0,
            rows: arguments.limit(form),
            time: arguments.timeout.map(|lapse| lapse.0),
            ..Limits::new(scratch.path(), threads)
        };
        let mut session = Session::new(limits).map_err(|error| failed(&error))?;
        for dataset in datasets(&shelf, &statement).await? {
            session.register(dataset).map_err(|error| failed(&error))?;
        }
        let cancelled = CancellationToken::new();
        let answer = tokio::select! {
            answer = session.query(&statement, &cancelled) => answer.map_err(|error| failed(&error))?,
            _ = tokio::signal::ctrl_c() => return Err(failed(&SqlError::Cancelled)),
        };
        let work = deliver(app, arguments, form, answer);
        tokio::select! {
            delivered = work => delivered,
            _ = tokio::signal::ctrl_c() => Err(failed(&SqlError::Cancelled)),
        }
    })
}

/// All data sets; those that the statement asks for with their rows.
async fn datasets(shelf: &Shelf, statement: &str) -> Result<Vec<DataSet>, Failure> {
    let store = &shelf.database.store;
    let mut datasets = Vec::new();
    for name in store.dataset_names().await? {
        if !mentions(statement, name.as_str()) {
            datasets.push(unasked(&name));
            continue;
        }
        let versions = store.dataset_at(&name, None).await?;
        let opened = open_dataset(&shelf.artifacts, &name, &versions).await;
        datasets.push(opened.map_err(|error| dataset::failed(&error))?.0);
    }
    Ok(datasets)
}

async fn deliver(
    app: &App<'_>,
    arguments: &SqlArguments,
    form: AnswerFormat,
    answer: Answer,
) -> Result<(), Failure> {
    let format = match form {
        AnswerFormat::Table => return print_answer(app, answer).await.map(drop),
        AnswerFormat::Csv => Format::Csv,
        AnswerFormat::Json => Format::JsonLines,
        AnswerFormat::Parquet => Format::Parquet,
    };
    let written = match &arguments.output {
        Some(path) => into_file(path, answer, format).await?,
        None => into_stdout(answer, format).await?,
    };
    if let (Some(written), Some(path)) = (written, &arguments.output) {
        app.output.say(&format!("{} rows are in {}", written.rows, path.display()));
    }
    if let Some(Written { is_cut: true, rows }) = written {
        app.output.say(&format!("there are more than these {rows} rows: raise `--limit`"));
    }
    Ok(())
}

/// Writes a file whole, or leaves none.
async fn into_file(
    path: &Path,
    answer: Answer,
    format: Format,
) -> Result<Option<Written>, Failure> {
    let named = || format!("write `{}`", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Whoever may read other new files may read this one.
    let everybody = std::fs::Permissions::from_mode(0o666);
    let beside = tempfile::Builder::new()
        .permissions(everybody)
        .tempfile_in(folder.unwrap_or(Path::new(".")));
    let beside = beside.with_context(named)?;
    let mut file: File = beside.reopen().with_context(named)?;
    let written = answer.write(format, &mut file).await.map_err(|error| failed(&error))?;
    beside.persist(path).with_context(named)?;
    Ok(Some(written))
}

async fn into_stdout(answer: Answer, format: Format) -> Result<Option<Written>, Failure> {
    let mut out = BufWriter::new(std::io::stdout());
    let written = answer.write(format, &mut out).await;
    let flushed = out.flush();
    match (written, flushed) {
        // Whoever read has seen enough, as `head` does.
        (Err(SqlError::Write { source }), _) | (Ok(_), Err(source))
            if source.kind() == std::io::ErrorKind::BrokenPipe =>
        {
            Ok(None)
        }
        (Err(error), _) => Err(failed(&error)),
        (Ok(_), Err(error)) => Err(anyhow::Error::new(error).into()),
        (Ok(written), Ok(())) => Ok(Some(written)),
    }
}

/// Prints an answer as it is asked for everywhere: a table for people, or JSON lines.
pub(crate) async fn print_answer(app: &App<'_>, answer: Answer) -> Result<(), Failure> {
    if app.output.is_json() {
        return into_stdout(answer, Format::JsonLines).await.map(drop);
    }
    let width = if std::io::stdout().is_terminal() {
        Table::new().width().map_or(WIDEST, usize::from)
    } else {
        WIDEST
    };
    let table = answer.into_table(width).await.map_err(|error| failed(&error))?;
    print(&table.text)?;
    let rows = counted(usize::try_from(table.rows).unwrap_or(usize::MAX), "row");
    if !table.hidden_columns.is_empty() {
        let hidden = table.hidden_columns.join(", ");
        app.output.say(&format!("no room for the columns {hidden}"));
    }
    app.output.say(&if table.is_cut { format!("the first {rows}") } else { rows });
    Ok(())
}

/// A folder for what does not fit into memory, which is gone afterwards.
pub(crate) fn scratch(app: &App<'_>) -> Result<tempfile::TempDir, Failure> {
    let folder = app.config.state_folder("scratch");
    let made = std::fs::create_dir_all(&folder).and_then(|()| tempfile::tempdir_in(&folder));
    Ok(made.with_context(|| format!("make a folder in `{}`", folder.display()))?)
}

/// A statement without an answer: its own mistakes are those of the command line.
pub(crate) fn failed(error: &SqlError) -> Failure {
    let exit = if matches!(error, SqlError::Rejected(_)) { Exit::Usage } else { Exit::Failure };
    let mut text = error.to_string();
    if let Some(excerpt) = error.excerpt() {
        text = format!("{text}\n{excerpt}");
    }
    let mut chain = vec![text];
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        chain.push(source.to_string());
        cause = source.source();
    }
    let failure = Failure::new(exit, anyhow!("{}", chain.join("\n  because: ")));
    failure.hint(error.hint().map(str::to_owned))
}

fn refuse_bytes_for_a_terminal(
    arguments: &SqlArguments,
    form: AnswerFormat,
) -> Result<(), Failure> {
    let is_for_terminal = arguments.output.is_none() && std::io::stdout().is_terminal();
    if form == AnswerFormat::Parquet && is_for_terminal {
        let error = anyhow!("Parquet is not for a terminal");
        let hint = "write it to a file by `--output answer.parquet`".to_owned();
        return Err(Failure::new(Exit::Usage, error).hint(hint));
    }
    Ok(())
}

impl SqlArguments {
    /// The statement: given, from a file, or from standard input.
    fn statement(&self) -> Result<String, Failure> {
        match (&self.statement, &self.file) {
            (Some(statement), _) if statement == "-" => {
                let text = std::io::read_to_string(std::io::stdin());
                Ok(text.context("read the statement from standard input")?)
            }
            (Some(statement), _) => Ok(statement.clone()),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file);
                Ok(text.with_context(|| format!("read the statement in `{}`", file.display()))?)
            }
            (None, None) => Err(Failure::new(Exit::Usage, anyhow!("there is no statement"))
                .hint("write `tidemill sql \"select count(*) from NAME\"`".to_owned())),
        }
    }

    /// How the answer is written: as it is said, as the file is called, or as everywhere.
    fn form(&self, app: &App<'_>) -> AnswerFormat {
        let by_name = self.output.as_ref().and_then(|path| match path.extension()?.to_str()? {
            "csv" => Some(AnswerFormat::Csv),
            "json" | "jsonl" | "ndjson" => Some(AnswerFormat::Json),
            "parquet" => Some(AnswerFormat::Parquet),
            _ => None,
        });
        let usual = match (app.output.is_json(), self.output.is_some()) {
            (true, _) => AnswerFormat::Json,
            (false, true) => AnswerFormat::Csv,
            (false, false) => AnswerFormat::Table,
        };
        self.form.or(by_name).unwrap_or(usual)
    }

    /// A table is for people, who read no more than some rows.
    fn limit(&self, form: AnswerFormat) -> Option<u64> {
        let usual = (form == AnswerFormat::Table).then_some(1000);
        self.limit.or(usual)
    }
}
