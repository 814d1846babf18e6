//! What is known of a table without reading its rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tidemill_dag::names::DatasetName;
use tidemill_dag::time::DataInterval;
use tidemill_lake::read::Tally;
use tidemill_lake::snapshot::Manifest;
use tidemill_task::ContentHash;

/// What is known of a table without reading its rows: the first artefact of it on a port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableInfo {
    /// The version of this form.
    pub version: u32,
    /// The data set that it was landed as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetName>,
    /// What it is about.
    pub interval: DataInterval,
    /// The SHA-256 of its rows, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentHash>,
    /// The column of event times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The columns that tell series apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entity: Vec<String>,
    /// The columns with personal data.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub personal: BTreeSet<String>,
    /// Its rows.
    pub rows: u64,
    /// Its files, in the order of their rows.
    pub files: Vec<FileInfo>,
    /// What became of every line of its sources, where it was landed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing: Option<LandingInfo>,
}

/// A Parquet file of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileInfo {
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub size_bytes: u64,
}

/// What became of every line of a table's sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LandingInfo {
    /// Each source.
    pub sources: Vec<SourceInfo>,
    /// Remarks about how they were read.
    pub notes: Vec<String>,
}

/// What became of the lines of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceInfo {
    /// Where it is.
    pub location: String,
    /// The account of its lines.
    pub tally: Tally,
}

impl TableInfo {
    /// The version that is written.
    pub const VERSION: u32 = 1;

    /// The table that a landing made of an interval of a data set.
    pub(crate) fn of_landing(
        dataset: &DatasetName,
        interval: DataInterval,
        content: ContentHash,
        manifest: &Manifest,
    ) -> Self {
        let files = manifest.files.iter();
        let sources = manifest.sources.iter().map(|source| SourceInfo {
            location: source.file.location.clone(),
            tally: source.tally.clone(),
        });
        Self {
            version: Self::VERSION,
            dataset: Some(dataset.clone()),
            interval,
            content: Some(content),
            time: manifest.event_time.as_ref().map(|time| time.column.clone()),
            entity: manifest.entity.clone(),
            personal: manifest.personal.personal_columns().map(str::to_owned).collect(),
            rows: manifest.rows,
            files: files
                .map(|file| FileInfo { rows: file.rows, size_bytes: file.size_bytes })
                .collect(),
            landing: Some(LandingInfo {
                sources: sources.collect(),
                notes: manifest.notes.clone(),
            }),
        }
    }
}

impl LandingInfo {
    /// The account of all sources together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.sources.iter().for_each(|source| total.add(&source.tally));
        total
    }

    /// What became of all lines, in words: one line a source.
    pub fn in_words(&self) -> Vec<String> {
        self.sources.iter().map(SourceInfo::in_words).collect()
    }
}

impl SourceInfo {
    /// What became of its lines, in words.
    pub(crate) fn in_words(&self) -> String {
        in_words(&self.location, &self.tally)
    }
}

/// What became of the lines of a source, in words.
fn in_words(location: &str, tally: &Tally) -> String {
    let parts = [
        (tally.preamble_lines, "preamble"),
        (tally.header_lines, "header"),
        (tally.repeated_headers, "repeated header"),
        (tally.blank_lines, "blank"),
        (tally.footer_lines, "footer"),
    ];
    let mut words = vec![format!("{} landed", counted(tally.rows, "row"))];
    if tally.rows_rejected() > 0 {
        let reasons: BTreeMap<&str, u64> =
            tally.rejected.iter().map(|(reason, count)| (reason.word(), *count)).collect();
        let reasons = reasons.iter().map(|(word, count)| format!("{count} {word}"));
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        words.push(format!("{} rejected ({reasons})", tally.rows_rejected()));
    }
    let others = parts.iter().filter(|(count, _)| *count > 0);
    words.extend(others.map(|(count, what)| format!("{count} {what}")));
    // Parquet has rows and no lines.
    let lines = match tally.lines {
        0 => String::new(),
        lines => format!(" {}:", counted(lines, "line")),
    };
    let mut text = format!("{location}:{lines} {}", words.join(", "));
    let footer = tally.footer.iter().filter(|line| !line.trim().is_empty());
    let footer: Vec<String> = footer.map(|line| format!("\"{}\"", line.trim())).collect();
    if !footer.is_empty() {
        text.push_str("; the footer is ");
        text.push_str(&footer.join(", "));
    }
    text
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("{count} {noun}") } else { format!("{count} {noun}s") }
}
