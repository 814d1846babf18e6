//! What must be known to turn the cells of one source into rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::dialect::{Column, Delimited, Kind};
use crate::snapshot::{DoubledHour, Partition, SkippedHour};

/// A helper column: where a row stands in its sources. It makes every order total.
pub(crate) const ORDINAL: &str = "__tidemill_ordinal";
/// A helper column: the number of the partition that a row belongs to.
pub(crate) const PARTITION: &str = "__tidemill_partition";

/// What must be known to turn the cells of one source into rows.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The columns that come out.
    pub(crate) columns: Vec<Column>,
    /// For each column of the source, the column that it becomes.
    pub(crate) places: Vec<usize>,
    /// Columns that the source does not have.
    pub(crate) missing: Vec<usize>,
    /// How the text is laid out, if it is a delimited one.
    pub(crate) delimited: Option<Delimited>,
    /// The header as it is written.
    pub(crate) header: Vec<u8>,
    /// The column of the event time.
    pub(crate) event_time: Option<usize>,
    pub(crate) doubled: DoubledHour,
    pub(crate) skipped: SkippedHour,
    pub(crate) partition: Partition,
    /// Whether the text of a rejected row may be kept.
    pub(crate) keeps_text: bool,
}

impl Plan {
    /// The columns that come out, with the helpers at the end.
    pub(crate) fn schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> = self.columns.iter().map(Column::field).collect();
        fields.push(Field::new(PARTITION, DataType::Int32, false));
        fields.push(Field::new(ORDINAL, DataType::UInt64, false));
        Arc::new(Schema::new(fields))
    }

    /// A plan for a source that names its columns. A column that is not among those of the plan is the error.
    pub(crate) fn for_names(mut self, names: &[String]) -> Result<Self, Vec<String>> {
        let places: HashMap<&str, usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| (column.name.as_str(), at))
            .collect();
        let found: Vec<Option<usize>> =
            names.iter().map(|name| places.get(name.as_str()).copied()).collect();
        let unknown: Vec<String> = names
            .iter()
            .zip(&found)
            .filter(|(_, place)| place.is_none())
            .map(|(name, _)| name.clone())
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut is_missing = vec![true; self.columns.len()];
        for place in found.iter().flatten() {
            is_missing[*place] = false;
        }
        self.places = found.into_iter().flatten().collect();
        self.missing = (0..is_missing.len()).filter(|at| is_missing[*at]).collect();
        Ok(self)
    }

    /// How times of a column are written, if it holds them.
    pub(crate) fn kind(&self, column: usize) -> &Kind {
        &self.columns[column].kind
    }
}

/// The place of a row among all rows of all sources.
pub(crate) fn ordinal(source: usize, line: u64) -> u64 {
    ((source as u64) << 40) | line
}

/// The source and the line of a row, by its place among all rows.
pub(crate) fn source_and_line(ordinal: u64) -> (usize, u64) {
    (usize::try_from(ordinal >> 40).unwrap_or(usize::MAX), ordinal & ((1 << 40) - 1))
}
