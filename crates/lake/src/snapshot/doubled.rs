//! Tells the two showings of a doubled hour apart by the order of an entity's rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray, UInt64Array};
use datafusion::arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use datafusion::arrow::datatypes::{Int32Type, TimestampMicrosecondType, UInt64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::read::{ORDINAL, PARTITION, Tally};
use crate::snapshot::Partition;

/// Rows whose event time was shown twice, held back until all are known. They are an hour a year, so they fit memory.
#[derive(Default)]
pub(super) struct DoubledRows {
    held: Vec<RecordBatch>,
    gaps: Vec<i64>,
    forward: u64,
    backward: u64,
}

/// The rows of each entity in each night.
type Nights = BTreeMap<(Vec<String>, i64), Vec<Row>>;

/// One held row, as far as it bears on its showing.
struct Row {
    at: usize,
    ordinal: u64,
    micros: i64,
}

impl DoubledRows {
    /// Takes the rows in question out of a batch. Batches come in the order of the sources.
    pub(super) fn hold_back(
        &mut self,
        batch: RecordBatch,
        event_time: usize,
        doubled: &[(usize, i64)],
    ) -> Result<RecordBatch, ArrowError> {
        let times = batch.column(event_time).as_primitive::<TimestampMicrosecondType>().values();
        if let (Some(first), Some(last)) = (times.first(), times.last()) {
            self.forward += u64::from(first < last);
            self.backward += u64::from(first > last);
        }
        if doubled.is_empty() {
            return Ok(batch);
        }
        let rows: UInt64Array = doubled.iter().map(|(row, _)| *row as u64).collect();
        self.held.push(take_record_batch(&batch, &rows)?);
        self.gaps.extend(doubled.iter().map(|(_, gap)| *gap));
        let mut others = vec![true; batch.num_rows()];
        for (row, _) in doubled {
            others[*row] = false;
        }
        filter_record_batch(&batch, &others.into())
    }

    /// The held rows, each with the moment that its place among its entity's rows speaks for.
    pub(super) fn resolve(
        self,
        event_time: usize,
        entity: &[usize],
        partition: Partition,
        tally: &mut Tally,
    ) -> Result<Option<RecordBatch>, ArrowError> {
        let Some(first) = self.held.first() else { return Ok(None) };
        let all = concat_batches(&first.schema(), &self.held)?;
        let times = all.column(event_time).as_primitive::<TimestampMicrosecondType>();
        let mut micros = times.values().to_vec();
        let is_backward = self.backward > self.forward;
        for rows in by_entity_and_night(&all, &micros, entity)?.values() {
            let second = second_showings(rows, is_backward);
            if second.is_empty() {
                tally.doubled_taken_first += rows.len() as u64;
                continue;
            }
            tally.doubled_by_order += rows.len() as u64;
            for at in second {
                micros[at] += self.gaps[at];
            }
        }
        let resolved: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"));
        let numbers = partition.numbers(Some(&resolved), all.num_rows());
        let schema = all.schema();
        let mut columns = all.columns().to_vec();
        columns[event_time] = resolved;
        columns[schema.index_of(PARTITION)?] =
            Arc::new(datafusion::arrow::array::PrimitiveArray::<Int32Type>::from(numbers));
        RecordBatch::try_new(schema, columns).map(Some)
    }
}

fn by_entity_and_night(
    all: &RecordBatch,
    micros: &[i64],
    entity: &[usize],
) -> Result<Nights, ArrowError> {
    const MICROS_PER_DAY: i64 = 86_400_000_000;
    let options = FormatOptions::default();
    let mut names = Vec::new();
    for column in entity {
        names.push(ArrayFormatter::try_new(all.column(*column), &options)?);
    }
    let ordinals = all.column(all.schema().index_of(ORDINAL)?).as_primitive::<UInt64Type>();
    let mut groups = Nights::new();
    for (at, micros) in micros.iter().enumerate() {
        let entity = names.iter().map(|name| name.value(at).to_string()).collect();
        let row = Row { at, ordinal: ordinals.value(at), micros: *micros };
        groups.entry((entity, micros.div_euclid(MICROS_PER_DAY))).or_default().push(row);
    }
    for rows in groups.values_mut() {
        rows.sort_by_key(|row| row.ordinal);
    }
    Ok(groups)
}

/// Which rows of one entity in one night are of the second showing; none where the order does not tell.
///
/// The clock runs one way within a showing: where a row steps against it, the other showing begins. Where none does, two rows with the same
/// time are one of each showing, as an entity that reports once an hour leaves them.
fn second_showings(rows: &[Row], is_backward: bool) -> Vec<usize> {
    let mut in_time: Vec<&Row> = rows.iter().collect();
    if is_backward {
        in_time.reverse();
    }
    let step = in_time.windows(2).position(|pair| pair[1].micros < pair[0].micros);
    if let Some(step) = step {
        return in_time[step + 1..].iter().map(|row| row.at).collect();
    }
    let repeats = in_time.windows(2).filter(|pair| pair[0].micros == pair[1].micros);
    repeats.map(|pair| pair[1].at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(micros: &[i64]) -> Vec<Row> {
        let row = |(at, micros): (usize, &i64)| Row { at, ordinal: at as u64, micros: *micros };
        micros.iter().enumerate().map(row).collect()
    }

    #[test]
    fn a_step_back_begins_the_second_showing() {
        assert_eq!(second_showings(&rows(&[0, 20, 40, 0, 20, 40]), false), [3, 4, 5]);
    }

    #[test]
    fn newest_first_is_read_from_its_end() {
        let mut second = second_showings(&rows(&[40, 20, 0, 40, 20, 0]), true);
        second.sort_unstable();

        assert_eq!(second, [0, 1, 2]);
    }

    #[test]
    fn an_hourly_pair_is_one_of_each() {
        assert_eq!(second_showings(&rows(&[0, 0]), false), [1]);
        assert_eq!(second_showings(&rows(&[0, 0]), true), [0]);
    }

    #[test]
    fn a_lone_row_says_nothing() {
        assert_eq!(second_showings(&rows(&[0]), false), Vec::<usize>::new());
        assert_eq!(second_showings(&rows(&[0, 20, 40]), false), Vec::<usize>::new());
    }
}
