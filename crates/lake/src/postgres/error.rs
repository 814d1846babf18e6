//! Why rows of a query cannot be had.

use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

/// Why rows of a Postgres query cannot be had. Addresses and credentials are never part of it.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// What is asked for cannot be.
    #[error("read {location}: {what}")]
    Request {
        /// The query.
        location: String,
        /// What is wrong.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// The environment does not have the address.
    #[error("read {location}: the environment variable `{variable}` {what}")]
    Address {
        /// The query.
        location: String,
        /// The variable.
        variable: String,
        /// What is wrong with it. Its value may hold a password, so it is not shown.
        what: &'static str,
    },
    /// The server refuses the credentials, or the right to read.
    #[error("read {location}: the server refuses: {what}")]
    Denied {
        /// The query.
        location: String,
        /// What the server said.
        what: String,
    },
    /// The server cannot be reached.
    #[error("read {location}: the server cannot be reached")]
    Connect {
        /// The query.
        location: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server does not understand the query, or cannot carry it out.
    #[error("read {location}: {}{what}", place(*.at))]
    Statement {
        /// The query.
        location: String,
        /// Line and column in the query, from 1, where the server says so.
        at: Option<(usize, usize)>,
        /// What the server said.
        what: String,
        /// What the server would do about it.
        hint: Option<String>,
    },
    /// Columns have types that cannot be landed.
    #[error("read {location}: no type of ours fits {}", columns.join(", "))]
    Types {
        /// The query.
        location: String,
        /// All of these columns, each with its type.
        columns: Vec<String>,
        /// What to do about it.
        hint: String,
    },
    /// The key does not tell rows apart.
    #[error("read {location}: row {row}: the key `{key}` {what}")]
    Key {
        /// The query.
        location: String,
        /// The row, from 1.
        row: u64,
        /// The columns of the key.
        key: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A value has no place in its column.
    #[error("read {location}: row {row}: column `{column}`: {what}")]
    Value {
        /// The query.
        location: String,
        /// The row, from 1.
        row: u64,
        /// The column.
        column: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A statement took longer than it may.
    #[error("read {location}: row {row}: the statement took longer than {limit}")]
    Slow {
        /// The query.
        location: String,
        /// The row that did not come, from 1.
        row: u64,
        /// How long it may take.
        limit: String,
    },
    /// The connection was lost.
    #[error("read {location}: row {row}: the connection was lost")]
    Lost {
        /// The query.
        location: String,
        /// The row that did not come, from 1.
        row: u64,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Rows cannot be kept until all are there.
    #[error("read {location}: keep its rows in the scratch folder")]
    Keep {
        /// The query.
        location: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl QueryError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Request { hint, .. } | Self::Types { hint, .. } => hint.clone(),
            Self::Address { .. } => {
                "set it in the environment of the worker, such as `postgres://reader:…@host/plant`"
                    .into()
            }
            Self::Denied { .. } => {
                "see whether the credentials are right, and whether they may read this".into()
            }
            Self::Connect { .. } => {
                "see whether the server runs and can be reached; if its certificate is refused, name the \
                 file of its authority in SSL_CERT_FILE, or write `sslmode=disable` into the address"
                    .into()
            }
            Self::Statement { hint, .. } => hint.clone()?,
            Self::Key { .. } => "name columns that are a primary key of what is asked for".into(),
            Self::Value { .. } => "leave the row out or replace the value in the query".into(),
            Self::Slow { .. } => "have an index on the key, ask for less, or raise `timeout`".into(),
            Self::Lost { .. } => "nothing was landed; land again".into(),
            Self::Keep { .. } => "see whether there is room for temporary files".into(),
        })
    }
}

fn place(at: Option<(usize, usize)>) -> String {
    at.map_or_else(String::new, |(line, column)| format!("line {line}, column {column}: "))
}

/// What is being read, as far as it bears on what an error means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) location: &'a str,
    pub(super) query: &'a str,
    pub(super) limit: &'a str,
    /// Rows that came so far.
    pub(super) rows: u64,
}

impl Asked<'_> {
    /// The server took too long to say anything.
    pub(super) fn slow(&self) -> QueryError {
        let (location, limit) = (self.location.to_owned(), self.limit.to_owned());
        QueryError::Slow { location, row: self.rows + 1, limit }
    }

    /// What an error of the driver means before there is a connection.
    pub(super) fn unreachable(&self, error: tokio_postgres::Error) -> QueryError {
        match error.as_db_error() {
            Some(said) => self.said(said),
            None => QueryError::Connect { location: self.location.into(), source: error.into() },
        }
    }

    /// What an error of the driver means.
    pub(super) fn failed(&self, error: tokio_postgres::Error) -> QueryError {
        match error.as_db_error() {
            Some(said) => self.said(said),
            None => QueryError::Lost {
                location: self.location.into(),
                row: self.rows + 1,
                source: error.into(),
            },
        }
    }

    fn said(&self, said: &DbError) -> QueryError {
        let (location, what) = (self.location.to_owned(), said.message().to_owned());
        let code = said.code().code();
        match said.code() {
            &SqlState::QUERY_CANCELED => self.slow(),
            &SqlState::INSUFFICIENT_PRIVILEGE => QueryError::Denied { location, what },
            // The server is shut down, or ended this connection.
            code if code.code().starts_with("57P") => {
                QueryError::Lost { location, row: self.rows + 1, source: what.into() }
            }
            // Class 28: the credentials. Class 3D: the database.
            _ if code.starts_with("28") => QueryError::Denied { location, what },
            _ => {
                let at = match said.position() {
                    Some(ErrorPosition::Original(position)) => {
                        line_and_column(self.query, *position)
                    }
                    Some(ErrorPosition::Internal { .. }) | None => None,
                };
                let hint = said.hint().map(str::to_owned);
                QueryError::Statement { location, at, what, hint }
            }
        }
    }
}

/// Line and column of a character, all from 1.
fn line_and_column(text: &str, position: u32) -> Option<(usize, usize)> {
    let before = usize::try_from(position).ok()?.checked_sub(1)?;
    let mut place = (1, 1);
    for letter in text.chars().take(before) {
        place = if letter == '\n' { (place.0 + 1, 1) } else { (place.0, place.1 + 1) };
    }
    (before <= text.chars().count()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_lines_and_columns_of_characters() {
        assert_eq!(line_and_column("SELECT 'å',\n  x", 15), Some((2, 3)));
        assert_eq!(line_and_column("x", 1), Some((1, 1)));
        assert_eq!(line_and_column("x", 9), None);
        assert_eq!(line_and_column("x", 0), None);
    }
}
