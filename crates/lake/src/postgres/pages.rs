//! The rows of a query, page by page.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Portal, Row, RowStream, Statement, Transaction};

use super::PostgresQuery;
use super::decode::raw;

/// Rows of a page.
const PAGE_ROWS: usize = 20_000;

/// A value in the bytes in which the server sent it.
#[derive(Debug)]
struct Sent(Vec<u8>);

impl ToSql for Sent {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// How rows are asked for.
pub(super) enum Pages {
    /// Each page begins where the one before ended, which an index finds. It repeats that row, so that rows whose keys
    /// are equal for the server, though not in their bytes, cannot be lost between two pages.
    ByKey { first: Statement, next: Statement },
    /// One statement, whose rows the server hands out when asked.
    Cursor(Portal),
}

impl Pages {
    /// Decides how to ask. With a key that no index has, the server would sort everything for every page, so it does that once.
    pub(super) async fn prepare(
        transaction: &Transaction<'_>,
        query: &PostgresQuery,
    ) -> Result<Self, tokio_postgres::Error> {
        let statement = query.statement();
        if query.key.is_empty() {
            let prepared = transaction.prepare(statement).await?;
            return Ok(Self::Cursor(transaction.bind(&prepared, &[]).await?));
        }
        let key: Vec<String> = query.key.iter().map(|column| quoted(column)).collect();
        let key = key.join(", ");
        let all = format!("SELECT * FROM (\n{statement}\n) AS source");
        let first = format!("{all} ORDER BY {key} LIMIT {PAGE_ROWS}");
        let plan = transaction.query_one(&format!("EXPLAIN (FORMAT JSON) {first}"), &[]).await?;
        let plan = raw(&plan, 0).map(String::from_utf8_lossy).unwrap_or_default();
        if plan.contains("\"Sort\"") || plan.contains("\"Incremental Sort\"") {
            let prepared = transaction.prepare(&format!("{all} ORDER BY {key}")).await?;
            return Ok(Self::Cursor(transaction.bind(&prepared, &[]).await?));
        }
        let places: Vec<String> = (1..=query.key.len()).map(|place| format!("${place}")).collect();
        let next = format!(
            "{all} WHERE ROW({key}) >= ROW({}) ORDER BY {key} LIMIT {}",
            places.join(", "),
            PAGE_ROWS + 1
        );
        let (first, next) = (transaction.prepare(&first).await?, transaction.prepare(&next).await?);
        Ok(Self::ByKey { first, next })
    }

    /// Asks for the page after a row with this key; whether its first row is that row again comes with it.
    pub(super) async fn ask(
        &self,
        transaction: &Transaction<'_>,
        key: &[Vec<u8>],
    ) -> Result<(RowStream, bool), tokio_postgres::Error> {
        let none: [Sent; 0] = [];
        Ok(match self {
            Self::Cursor(portal) => {
                let rows = i32::try_from(PAGE_ROWS).unwrap_or(i32::MAX);
                (transaction.query_portal_raw(portal, rows).await?, false)
            }
            Self::ByKey { first, .. } if key.is_empty() => {
                (transaction.query_raw(first, none).await?, false)
            }
            Self::ByKey { next, .. } => {
                let sent = key.iter().map(|value| Sent(value.clone()));
                let sent: Vec<Sent> = sent.collect();
                (transaction.query_raw(next, sent).await?, true)
            }
        })
    }

    /// Whether a page of so many new rows is the last one.
    pub(super) fn is_last(rows: usize) -> bool {
        rows < PAGE_ROWS
    }
}

/// What is wrong with the key of a row after another one, if anything is. The key becomes the other's.
pub(super) fn follow(key: &mut Vec<Vec<u8>>, columns: &[usize], row: &Row) -> Option<&'static str> {
    let mut is_other = key.is_empty();
    key.resize(columns.len(), Vec::new());
    for (known, column) in key.iter_mut().zip(columns) {
        let Some(value) = raw(row, *column) else { return Some("is null") };
        if known != value {
            is_other = true;
            value.clone_into(known);
        }
    }
    (!is_other && !columns.is_empty()).then_some("is that of the row before")
}

/// Whether a row is the one with this key.
pub(super) fn is_same(key: &[Vec<u8>], columns: &[usize], row: &Row) -> bool {
    key.iter().zip(columns).all(|(known, column)| raw(row, *column) == Some(known))
}

/// A name as the server takes it literally.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
