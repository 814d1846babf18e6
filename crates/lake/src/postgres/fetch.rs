//! Fetches the rows of a query.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_postgres::{IsolationLevel, Row, Transaction};

use super::columns::{Answer, ReadAs, answers};
use super::error::Asked;
use super::pages::{Pages, follow, is_same, quoted};
use super::session::Session;
use super::spool::{Spool, Unkept};
use super::{PostgresQuery, QueryError};
use crate::blocking::blocking;
use crate::nearest::suggest;
use crate::snapshot::Environment;

/// The rows of a query, in a file that is removed with this.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The name of the source.
    pub(crate) location: String,
    /// The folder of the file.
    pub(crate) folder: TempDir,
    /// The hash of the file: the same rows in the same order have the same.
    pub(crate) sha256: String,
    /// Remarks for people.
    pub(crate) notes: Vec<String>,
}

impl Fetched {
    /// The name of the file in its folder.
    pub(crate) const FILE_NAME: &str = "rows.parquet";
}

/// Fetches all rows as they are at one moment.
pub(crate) async fn fetch(
    query: &PostgresQuery,
    place: usize,
    environment: &Environment,
    scratch: &Path,
) -> Result<Fetched, QueryError> {
    let location = query.location(place);
    query.check(&location)?;
    let limit = query.timeout().words();
    let statement = query.statement();
    let asked = Asked { location: &location, query: statement, limit: &limit, rows: 0 };
    let mut session = Session::open(query, &asked, environment).await?;
    let transaction = session
        .client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(|error| asked.failed(error))?;
    // What the query makes of times must not depend on the server's settings.
    let settings = format!(
        "SET LOCAL statement_timeout = {}; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'",
        query.timeout().milliseconds(),
    );
    transaction.batch_execute(&settings).await.map_err(|error| asked.failed(error))?;
    let prepared = transaction.prepare(statement).await.map_err(|error| asked.failed(error))?;
    if !prepared.params().is_empty() {
        return Err(QueryError::Request {
            what: "the query has parameters such as `$1`".into(),
            hint: "write their values into the query".into(),
            location,
        });
    }
    let answers = Arc::new(answers(prepared.columns(), &location)?);
    let key = key_columns(query, &answers, &location)?;
    let keep = |source: Box<dyn std::error::Error + Send + Sync>| QueryError::Keep {
        location: location.clone(),
        source,
    };
    let folder = TempDir::with_prefix_in("query-", scratch).map_err(|error| keep(error.into()))?;
    let file = folder.path().join(Fetched::FILE_NAME);
    let spool = Spool::begin(&file, Arc::clone(&answers)).map_err(|error| keep(error.into()))?;
    // Positions in what is asked from here on say nothing about the query.
    let keeper = Keeper::new(spool, Arc::clone(&answers), Asked { query: "", ..asked });
    let sha256 = read(&transaction, query, &key, keeper).await?;
    transaction.commit().await.map_err(|error| asked.failed(error))?;
    let notes = notes(query, &answers, &location);
    Ok(Fetched { location, folder, sha256, notes })
}

fn key_columns(
    query: &PostgresQuery,
    answers: &[Answer],
    location: &str,
) -> Result<Vec<usize>, QueryError> {
    let names = answers.iter().map(|answer| answer.name.as_str());
    let find = |name: &String| {
        names.clone().position(|known| known == name).ok_or_else(|| QueryError::Request {
            location: location.to_owned(),
            what: format!("the query gives no column `{name}` for the key"),
            hint: suggest(name, "columns", names.clone()),
        })
    };
    query.key.iter().map(find).collect()
}

fn notes(query: &PostgresQuery, answers: &[Answer], location: &str) -> Vec<String> {
    let rounded = answers.iter().filter(|answer| answer.read_as == ReadAs::Number);
    let mut notes: Vec<String> = rounded
        .map(|answer| {
            let name = &answer.name;
            format!("`{name}` of {location} is `numeric` without precision; it is kept as the nearest double")
        })
        .collect();
    if query.key.is_empty() {
        notes.push(format!(
            "{location} has no `key`; if the server gives its rows in another order, they may land anew"
        ));
    }
    notes
}

/// Reads all pages; the hash of what is kept.
async fn read(
    transaction: &Transaction<'_>,
    query: &PostgresQuery,
    columns: &[usize],
    mut keeper: Keeper<'_>,
) -> Result<String, QueryError> {
    // The server keeps the limit; this is for one that cannot be heard any more.
    let patience = Duration::from_millis(query.timeout().milliseconds().unsigned_abs())
        + Duration::from_secs(30);
    let prepared = tokio::time::timeout(patience, prepare(transaction, query, &keeper.asked)).await;
    let Ok(pages) = prepared else { return Err(keeper.asked.slow()) };
    let pages = pages?;
    let mut key: Vec<Vec<u8>> = Vec::new();
    loop {
        let page = page(transaction, (query, &pages), (columns, &mut key), &mut keeper);
        let Ok(count) = tokio::time::timeout(patience, page).await else {
            return Err(keeper.asked.slow());
        };
        if Pages::is_last(count?) {
            return keeper.finish().await;
        }
    }
}

async fn prepare(
    transaction: &Transaction<'_>,
    query: &PostgresQuery,
    asked: &Asked<'_>,
) -> Result<Pages, QueryError> {
    let pages = Pages::prepare(transaction, query).await.map_err(|error| asked.failed(error))?;
    if let Pages::ByKey { .. } = pages {
        // Rows without a key are in no page but, perhaps, the first one.
        let is_null: Vec<String> =
            query.key.iter().map(|name| format!("{} IS NULL", quoted(name))).collect();
        let nulls = format!(
            "SELECT FROM (\n{}\n) AS source WHERE {} LIMIT 1",
            query.statement(),
            is_null.join(" OR ")
        );
        let found = transaction.query_opt(&nulls, &[]).await;
        if found.map_err(|error| asked.failed(error))?.is_some() {
            return Err(wrong_key(query, asked, "is null in some row"));
        }
    }
    Ok(pages)
}

fn wrong_key(query: &PostgresQuery, asked: &Asked<'_>, what: &'static str) -> QueryError {
    let (location, key) = (asked.location.to_owned(), query.key.join("`, `"));
    QueryError::Key { location, row: asked.rows + 1, key, what }
}

/// Reads one page; how many new rows it has.
async fn page(
    transaction: &Transaction<'_>,
    (query, pages): (&PostgresQuery, &Pages),
    (columns, key): (&[usize], &mut Vec<Vec<u8>>),
    keeper: &mut Keeper<'_>,
) -> Result<usize, QueryError> {
    let asked = pages.ask(transaction, key).await;
    let (rows, repeats) = asked.map_err(|error| keeper.asked.failed(error))?;
    let mut rows = std::pin::pin!(rows);
    if repeats {
        let again = rows.try_next().await.map_err(|error| keeper.asked.failed(error))?;
        if !again.is_some_and(|row| is_same(key, columns, &row)) {
            return Err(wrong_key(query, &keeper.asked, "does not tell it from other rows"));
        }
    }
    let mut count = 0;
    while let Some(row) = rows.try_next().await.map_err(|error| keeper.asked.failed(error))? {
        if !columns.is_empty()
            && let Some(what) = follow(key, columns, &row)
        {
            return Err(wrong_key(query, &keeper.asked, what));
        }
        keeper.give(row).await?;
        count += 1;
    }
    Ok(count)
}

/// Keeps rows, a batch being written while the next one comes.
struct Keeper<'a> {
    asked: Asked<'a>,
    answers: Arc<Vec<Answer>>,
    spool: Option<Spool>,
    writing: Option<JoinHandle<Result<Spool, Unkept>>>,
    /// Rows before those that are being written.
    written: u64,
    rows: Vec<Row>,
    bytes: usize,
}

const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;

impl<'a> Keeper<'a> {
    fn new(spool: Spool, answers: Arc<Vec<Answer>>, asked: Asked<'a>) -> Self {
        let (spool, rows) = (Some(spool), Vec::new());
        Self { asked, answers, spool, writing: None, written: 0, rows, bytes: 0 }
    }

    async fn give(&mut self, row: Row) -> Result<(), QueryError> {
        self.bytes += row.raw_size_bytes();
        self.rows.push(row);
        self.asked.rows += 1;
        if self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.write().await?;
        }
        Ok(())
    }

    /// Begins to write what is gathered, once the batch before is written.
    async fn write(&mut self) -> Result<(), QueryError> {
        self.wait().await?;
        if let Some(mut spool) = self.spool.take() {
            let rows = std::mem::take(&mut self.rows);
            self.written = self.asked.rows - rows.len() as u64;
            self.bytes = 0;
            self.writing = Some(blocking(move || spool.put(&rows).map(|()| spool)));
        }
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), QueryError> {
        if let Some(writing) = self.writing.take() {
            let written = writing.await.map_err(|panic| self.unkept(panic.into()))?;
            self.spool = Some(written.map_err(|unkept| self.failed(unkept))?);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<String, QueryError> {
        self.write().await?;
        self.wait().await?;
        let spool = self.spool.take().expect("what is written comes back");
        let finished = blocking(move || spool.finish()).await;
        let finished = finished.map_err(|panic| self.unkept(panic.into()))?;
        finished.map_err(|unkept| self.failed(unkept))
    }

    fn failed(&self, unkept: Unkept) -> QueryError {
        match unkept {
            Unkept::Value { column, misfit } => QueryError::Value {
                location: self.asked.location.to_owned(),
                row: self.written + misfit.row as u64 + 1,
                column: self.answers[column].name.clone(),
                what: misfit.what,
            },
            Unkept::Write(error) => self.unkept(error.into()),
        }
    }

    fn unkept(&self, source: Box<dyn std::error::Error + Send + Sync>) -> QueryError {
        QueryError::Keep { location: self.asked.location.to_owned(), source }
    }
}
