//! Reads what was landed, by us or by a peer.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::{cast, sum};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// What must be there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) rows: u64,
    /// The sum of the column `power`.
    pub(crate) power: f64,
    /// Whether rows of a file are in the order of machines and times.
    pub(crate) is_sorted: bool,
}

/// Refuses what lacks a row or a value, or is out of order.
pub(crate) fn verify(folder: &Path, expected: &Expected) -> Result<()> {
    let (mut rows, mut power, mut columns) = (0, 0.0, 0);
    for path in files(folder)? {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path)?)?.build()?;
        let mut last: Option<(String, i64)> = None;
        for batch in reader {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            columns = batch.num_columns();
            let values = column(&batch, "power", &DataType::Float64)?;
            power += sum(values.as_primitive::<Float64Type>()).unwrap_or(0.0);
            if expected.is_sorted {
                last = in_order(&batch, last, &path)?;
            }
        }
    }
    ensure!(rows == expected.rows, "{rows} rows of {}", expected.rows);
    // Peers may add the day by which files are told apart.
    ensure!(columns == 12 || columns == 13, "{columns} columns of 12");
    let is_near = (power - expected.power).abs() <= 1e-9 * expected.power;
    ensure!(is_near, "`power` sums up to {power}, not to {}", expected.power);
    Ok(())
}

fn column(batch: &RecordBatch, name: &str, wanted: &DataType) -> Result<std::sync::Arc<dyn Array>> {
    let Some(values) = batch.column_by_name(name) else { anyhow::bail!("no column `{name}`") };
    Ok(cast(values, wanted)?)
}

/// The last machine and time of a batch, all of which follow those before.
fn in_order(
    batch: &RecordBatch,
    last: Option<(String, i64)>,
    path: &Path,
) -> Result<Option<(String, i64)>> {
    let machines = column(batch, "machine", &DataType::Utf8)?;
    let machines: &StringArray = machines.as_string();
    let times = batch.column_by_name("at").map(|at| cast(at, &DataType::Int64)).transpose()?;
    let Some(times) = times else { anyhow::bail!("no column `at`") };
    let times = times.as_primitive::<Int64Type>();
    let mut last = last;
    for row in 0..batch.num_rows() {
        let here = (machines.value(row), times.value(row));
        let follows = last.as_ref().is_none_or(|(machine, at)| (machine.as_str(), *at) <= here);
        ensure!(follows, "{} is out of order", path.display());
        // Machines change seldom, and a text is costly to keep.
        match &mut last {
            Some((machine, at)) if machine == here.0 => *at = here.1,
            last => *last = Some((here.0.to_owned(), here.1)),
        }
    }
    Ok(last)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
