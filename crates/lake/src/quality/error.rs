//! What can go wrong while a table is checked.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;

/// Why a table could not be checked. That a check does not hold is no error.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The footer of a file could not be read.
    #[error("open the table file `{file}`")]
    Open {
        /// The file.
        file: String,
        /// The cause.
        #[source]
        source: ParquetError,
    },

    /// Rows of a file could not be read.
    #[error("read rows of the table file `{file}`")]
    Read {
        /// The file.
        file: String,
        /// The cause.
        #[source]
        source: ParquetError,
    },

    /// A batch of rows could not be decoded or converted.
    #[error("decode rows of the table{}", .column.as_ref().map(|name| format!(", column `{name}`")).unwrap_or_default())]
    Decode {
        /// The column, where it is known.
        column: Option<String>,
        /// The cause.
        #[source]
        source: ArrowError,
    },

    /// Two files of a table do not have the same columns.
    #[error(
        "put the files of the table together: column `{column}` is {found} in `{file}`, but {expected} before"
    )]
    Differs {
        /// The file that differs from those before it.
        file: String,
        /// The column.
        column: String,
        /// Its type in this file.
        found: String,
        /// Its type in the files before.
        expected: String,
    },

    /// An SQL predicate failed on the rows.
    #[error("evaluate `{sql}`")]
    Predicate {
        /// The predicate.
        sql: String,
        /// The cause.
        #[source]
        source: DataFusionError,
    },

    /// Sorted keys could not be written to the scratch folder or read back.
    #[error("keep sorted keys in the scratch folder `{folder}`")]
    Scratch {
        /// The folder.
        folder: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },

    /// The threads ended without a result.
    #[error("scan the table: its threads ended early")]
    Ended,
}

impl AuditError {
    pub(crate) fn decode(column: &str, source: ArrowError) -> Self {
        Self::Decode { column: Some(column.to_owned()), source }
    }
}
