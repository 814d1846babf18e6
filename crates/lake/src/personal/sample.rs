//! Some values of each column, for detectors to look at.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;

use super::text::Texts;

/// Some values of one column, each with how often it was seen. Blank ones do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSample {
    column: String,
    name: String,
    values: BTreeMap<String, u64>,
    count: u64,
    held_bytes: usize,
}

impl ColumnSample {
    /// Takes these values of a column.
    pub fn new<'a>(column: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sample = Self::empty(column, column);
        values.into_iter().for_each(|value| sample.push(value));
        sample
    }

    /// The column of the table.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The name of what was sampled: the column's, or that of a part of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The different values in order, and how often each was seen.
    pub fn values(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values.iter().map(|(value, count)| (value.as_str(), *count))
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many different values there are.
    pub fn different(&self) -> usize {
        self.values.len()
    }

    fn empty(column: &str, name: &str) -> Self {
        let (column, name) = (column.to_owned(), name.to_owned());
        Self { column, name, values: BTreeMap::new(), count: 0, held_bytes: 0 }
    }

    fn push(&mut self, value: &str) {
        // A cell may hold a whole document; its beginning will do.
        const LONGEST: usize = 4096;
        // Beyond this a column of long texts has shown enough.
        const MOST_HELD: usize = 256 << 10;
        let value = value.trim();
        let value = &value[..value.floor_char_boundary(LONGEST)];
        if value.is_empty() {
            return;
        }
        if let Some(count) = self.values.get_mut(value) {
            *count += 1;
            self.count += 1;
        } else if self.held_bytes < MOST_HELD {
            self.held_bytes += value.len();
            self.count += 1;
            self.values.insert(value.to_owned(), 1);
        }
    }
}

/// Collects samples of all columns from the batches of a table.
///
/// The same batches give the same samples: rows are taken at even distances, not at random.
#[derive(Clone, Debug, Default)]
pub struct Sampler {
    samples: Vec<ColumnSample>,
}

impl Sampler {
    /// Takes at most `rows` rows of a batch: fewer, if there are so many columns that they would be more than 500,000 cells.
    pub fn observe(&mut self, batch: &RecordBatch, rows: usize) -> Result<(), ArrowError> {
        const MOST_CELLS: usize = 500_000;
        let total = batch.num_rows();
        let rows = rows.min(MOST_CELLS / batch.num_columns().max(1)).max(1).min(total);
        let chosen = (0..rows).map(|row| (row * total / rows) as u64);
        let chosen = take_record_batch(batch, &UInt64Array::from_iter_values(chosen))?;
        for (field, column) in chosen.schema_ref().fields().iter().zip(chosen.columns()) {
            self.descend(field.name(), field.name(), column);
        }
        Ok(())
    }

    /// The samples so far, in the order in which the columns were first seen.
    pub fn samples(&self) -> &[ColumnSample] {
        &self.samples
    }

    /// Goes down to the parts of a nested column that hold values.
    fn descend(&mut self, column: &str, name: &str, array: &ArrayRef) {
        match array.data_type() {
            DataType::Struct(fields) => {
                for (field, part) in fields.iter().zip(array.as_struct().columns()) {
                    self.descend(column, &format!("{name}.{}", field.name()), part);
                }
            }
            DataType::List(_) => self.descend(column, name, array.as_list::<i32>().values()),
            DataType::LargeList(_) => self.descend(column, name, array.as_list::<i64>().values()),
            DataType::FixedSizeList(..) => {
                self.descend(column, name, array.as_fixed_size_list().values());
            }
            DataType::Map(..) => {
                self.descend(column, name, array.as_map().keys());
                self.descend(column, name, array.as_map().values());
            }
            _ => self.collect(column, name, array),
        }
    }

    fn collect(&mut self, column: &str, name: &str, array: &ArrayRef) {
        let Some(texts) = Texts::of(array) else { return };
        let known = self.samples.iter().position(|one| one.column == column && one.name == name);
        let index = known.unwrap_or_else(|| {
            self.samples.push(ColumnSample::empty(column, name));
            self.samples.len() - 1
        });
        for row in 0..array.len() {
            if let Ok(Some(value)) = texts.get(row) {
                self.samples[index].push(&value);
            }
        }
    }
}
