//! What a user says about a landing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Partition, Size};
use crate::dialect::{Hints, TimeLayout};
use crate::personal::PersonalData;
use crate::postgres::PostgresQuery;

/// What is to be landed, and how. What is left out is found out, or has the default that is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Landing {
    /// Paths and addresses of files, with `*`, `**`, `?` and `[…]`: below the folder of sources, or in `s3`, `gs`, `az`, `http`.
    pub sources: Vec<String>,
    /// Queries of Postgres databases, in place of files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub postgres: Vec<PostgresQuery>,
    /// What the files are; told from their first bytes unless declared.
    pub format: Option<Format>,
    /// What is known about how they are written.
    pub read: Hints,
    /// Which column says when something happened.
    pub event_time: Option<EventTime>,
    /// Which column says when it became known.
    pub known_time: Option<String>,
    /// Which columns say to what it happened: a machine, a meter, a customer.
    pub entity: Vec<String>,
    /// How rows are dealt out to files by event time.
    pub partition: Partition,
    /// Changes of the schema that are meant.
    pub evolution: Evolution,
    /// Which share of rows may be rejected before the landing fails: a hundredth unless declared.
    pub most_rejected: Option<f64>,
    /// What to do about files without a row.
    pub empty_files: EmptyFiles,
    /// What becomes of personal data.
    pub personal: PersonalData,
    /// How much memory may be used: 2 GiB unless declared.
    pub memory: Option<Size>,
}

/// What files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines of cells with a delimiter between them: CSV, TSV and their like.
    Delimited,
    /// One JSON object a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
}

/// Which column says when something happened, and how to read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventTime {
    /// The column.
    pub column: String,
    /// The zone of times that state no offset (an IANA name); UTC unless declared.
    #[serde(default)]
    pub zone: Option<String>,
    /// How times are written.
    #[serde(default)]
    pub layout: Option<TimeLayout>,
    /// What a time means that clocks showed twice.
    #[serde(default)]
    pub doubled_hour: DoubledHour,
    /// What becomes of a time that clocks never showed.
    #[serde(default)]
    pub skipped_hour: SkippedHour,
}

/// What a local time means that was shown twice, since clocks were set back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoubledHour {
    /// The order of an entity's rows tells the showings apart; where it does not, the first is taken. Other columns than the event time take
    /// the first.
    #[default]
    ByOrder,
    /// The first showing.
    First,
    /// The second showing.
    Second,
    /// Nothing: the row is rejected.
    Reject,
}

/// What becomes of a local time that was never shown, since clocks were set forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SkippedHour {
    /// The row is rejected: most likely the zone is wrong.
    #[default]
    Reject,
    /// It is moved on by as much as the clock was.
    MoveOn,
}

/// Changes of the schema against the snapshot before that are meant. New columns and wider numbers need no word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Evolution {
    /// Columns that the sources have no more.
    pub removed: Vec<String>,
    /// Columns whose values are of another kind now.
    pub retyped: Vec<String>,
}

/// What to do about files without a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmptyFiles {
    /// The landing fails and names the file.
    #[default]
    Refuse,
    /// They are counted.
    Allow,
}

impl Landing {
    /// The share of rows that may be rejected.
    pub fn most_rejected(&self) -> f64 {
        self.most_rejected.unwrap_or(0.01)
    }

    /// How much memory may be used.
    pub fn memory(&self) -> Size {
        self.memory.unwrap_or(Size::from_bytes(2 << 30))
    }

    /// The columns that must hold moments.
    pub(super) fn times(&self) -> Vec<&str> {
        let event_time = self.event_time.iter().map(|time| time.column.as_str());
        event_time.chain(self.known_time.as_deref()).collect()
    }

    /// All that is declared about how to read, the event time's zone and layout among it.
    pub(super) fn hints(&self) -> Hints {
        let mut hints = self.read.clone();
        if let Some(time) = &self.event_time {
            let column = hints.columns.entry(time.column.clone()).or_default();
            column.zone = time.zone.clone().or(column.zone.take());
            column.layout = time.layout.or(column.layout);
        }
        hints
    }
}
