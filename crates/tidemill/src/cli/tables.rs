//! Data sets, and questions about them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tidemill_dag::time::Lapse;

/// What can be done with data sets.
#[derive(Debug, Subcommand)]
pub(crate) enum DatasetCommand {
    /// List the data sets.
    List,
    /// Show a data set: its columns, and what became of every line of its newest landing.
    Show {
        /// The data set.
        name: String,
        /// As it was at this version [default: as it is].
        #[arg(long, value_name = "VERSION")]
        at: Option<u32>,
    },
    /// List the versions of a data set, the newest first.
    Versions {
        /// The data set.
        name: String,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// Tell how a data set changed between two versions: schema, rows, times, and each column.
    #[command(after_help = DIFF)]
    Diff {
        /// The data set.
        name: String,
        /// The earlier version [default: the one before the later].
        from: Option<u32>,
        /// The later version [default: the newest].
        to: Option<u32>,
    },
    /// Print the first rows of a data set, with personal data masked.
    Head {
        /// The data set.
        name: String,
        /// How many.
        #[arg(long, short = 'n', default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        rows: u16,
        /// As it was at this version [default: as it is].
        #[arg(long, value_name = "VERSION")]
        at: Option<u32>,
    },
    /// Print a checks file that the data set passes, with the reason for each check, to begin with.
    SuggestChecks {
        /// The data set.
        name: String,
        /// As it was at this version [default: as it is].
        #[arg(long, value_name = "VERSION")]
        at: Option<u32>,
    },
}

/// What a comparison takes.
const DIFF: &str = "A version of a data set is what it held when that version came: of each interval the rows that were landed last.

Examples:
  tidemill dataset diff plant            the last landing with what was there before
  tidemill dataset diff plant 3          version 3 with the newest
  tidemill dataset diff plant 3 5 --format json";

/// A statement, and what becomes of its answer.
#[derive(Debug, Args)]
#[command(after_help = SQL)]
pub(crate) struct SqlArguments {
    /// The statement; `-` reads it from standard input.
    pub statement: Option<String>,
    /// A file with the statement.
    #[arg(long, value_name = "FILE", conflicts_with = "statement")]
    pub file: Option<PathBuf>,
    /// How the answer is written [default: as the file's name says; a table without one].
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub form: Option<AnswerFormat>,
    /// Writes the answer to a file, whole or not at all.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// At most so many rows [default: 1000 for a table, all otherwise].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Gives up after this time.
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Lapse>,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerFormat {
    /// A table for people.
    Table,
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line; `--format json` is the same.
    Json,
    /// Apache Parquet.
    Parquet,
}

/// How to ask.
const SQL: &str = "Data sets are tables under their names; a name with `-` goes in double quotes. Personal data is shown as it was kept.

Examples:
  tidemill sql \"select count(*), max(at) from plant\"
  tidemill sql \"select * from plant where power > 400\" --as csv > high.csv
  tidemill sql --file monthly.sql --output monthly.parquet
  tidemill sql \"select table_name, column_name, data_type from information_schema.columns\"";
