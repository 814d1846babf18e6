//! What became of the lines of a table's sources.

use serde::Serialize;
use tidemill_lake::read::{Reject, Tally};
use tidemill_task::{Explain, TaskContext, TaskError};

use crate::tables::{SourceInfo, Table};

/// How many rejected rows a report has; the others are in the quarantine.
const MOST_ROWS: usize = 1000;

/// What became of every line of the sources.
#[derive(Serialize)]
pub(super) struct Account {
    /// All sources together.
    pub(super) total: Tally,
    /// Each source.
    pub(super) sources: Vec<SourceInfo>,
    /// Each row that did not land, with its line and the reason.
    pub(super) rejected: Vec<RejectedRow>,
    /// How many more there are in the quarantine.
    pub(super) rejected_left_out: u64,
    /// Remarks about how the sources were read.
    pub(super) notes: Vec<String>,
}

/// A row that did not land.
#[derive(Serialize)]
pub(super) struct RejectedRow {
    /// Its source.
    pub(super) source: String,
    /// What is wrong with it.
    pub(super) row: Reject,
}

impl Account {
    /// The account of a table that was landed.
    pub(super) async fn of(
        context: &TaskContext,
        table: &Table,
    ) -> Result<Option<Self>, TaskError> {
        let Some(landing) = &table.info.landing else { return Ok(None) };
        let mut rejected = Vec::new();
        if let Some(quarantine) = &table.quarantine {
            let text = context.artifacts().read(quarantine).await?;
            for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                if rejected.len() == MOST_ROWS {
                    break;
                }
                let row: Reject = serde_json::from_slice(line).or_fatal("read the quarantine")?;
                let source = landing.sources.get(row.source);
                let source = source.map(|source| source.location.clone()).unwrap_or_default();
                rejected.push(RejectedRow { source, row });
            }
        }
        let total = landing.total();
        let left_out = total.rows_rejected().saturating_sub(rejected.len() as u64);
        Ok(Some(Self {
            total,
            sources: landing.sources.clone(),
            rejected,
            rejected_left_out: left_out,
            notes: landing.notes.clone(),
        }))
    }
}
