//! What checks ask of the scan: measures whose states absorb batches and merge.

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, RecordBatch};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::filter_record_batch;

use super::column::{Column, ColumnInfo};
use super::error::AuditError;
use super::predicate::Predicate;

/// Rows of one batch, in their order in the table; with a filter only those that it keeps.
pub(crate) struct Rows {
    /// The columns that were read, by their index in the table.
    columns: BTreeMap<usize, Column>,
    /// The same as they were read, for predicates; its fields are in the order of the table.
    pub(crate) batch: RecordBatch,
    first: u64,
    /// With a filter, the place in the batch of each row that is left.
    places: Option<Vec<u32>>,
}

impl Rows {
    pub(crate) fn new(
        batch: RecordBatch,
        infos: &[ColumnInfo],
        first: u64,
    ) -> Result<Self, AuditError> {
        let columns = infos
            .iter()
            .zip(batch.columns())
            .map(|(info, array)| Ok((info.index, Column::of(array, info)?)))
            .collect::<Result<_, AuditError>>()?;
        Ok(Self { columns, batch, first, places: None })
    }

    /// The rows that a predicate keeps: those for which it is true.
    pub(crate) fn keep(
        &self,
        predicate: &Predicate,
        infos: &[ColumnInfo],
    ) -> Result<Self, AuditError> {
        let verdicts = predicate.evaluate(&self.batch)?;
        let kept = match verdicts.nulls() {
            Some(nulls) => verdicts.values() & nulls.inner(),
            None => verdicts.values().clone(),
        };
        let places = kept.set_indices().map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect();
        let mask = BooleanArray::new(kept, None);
        let columns = infos
            .iter()
            .filter_map(|info| Some((info, self.columns.get(&info.index)?)))
            .map(|(info, column)| Ok((info.index, column.keep(&mask, info)?)))
            .collect::<Result<_, AuditError>>()?;
        let batch = filter_record_batch(&self.batch, &mask)
            .map_err(|source| AuditError::Decode { column: None, source })?;
        Ok(Self { columns, batch, first: self.first, places: Some(places) })
    }

    pub(crate) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub(crate) fn column(&self, info: &ColumnInfo) -> &Column {
        self.columns.get(&info.index).expect("a measure reads only columns that it named")
    }

    /// The number of a row in the table, from 0.
    pub(crate) fn number(&self, row: usize) -> u64 {
        let place = self.places.as_ref().map_or(row, |places| places[row] as usize);
        self.first + place as u64
    }
}

/// Something that is measured over the rows of a table.
///
/// `absorb` sees the rows of one stretch of the table in order, cut into batches anywhere; `merge` puts the state of the next stretch behind
/// one. The answer must not depend on where batches are cut.
pub(crate) trait Measure: Send + Sync + 'static {
    type State: Send + 'static;
    type Answer: Send + Sync + 'static;

    /// Two measures with the same key (and filter) are one. None: never shared.
    fn key(&self) -> Option<String>;
    fn columns(&self) -> Vec<usize>;
    fn start(&self) -> Self::State;
    fn absorb(&self, state: &mut Self::State, rows: &Rows) -> Result<(), AuditError>;
    /// The stretch is over.
    fn seal(&self, _state: &mut Self::State) -> Result<(), AuditError> {
        Ok(())
    }
    fn merge(&self, state: &mut Self::State, later: Self::State);
    fn answer(&self, state: Self::State) -> Result<Self::Answer, AuditError>;
}

pub(crate) type AnyState = Box<dyn Any + Send>;
pub(crate) type AnyAnswer = Box<dyn Any + Send + Sync>;

/// A measure whose types are forgotten, so that all stand in one list.
pub(crate) trait AnyMeasure: Send + Sync {
    fn columns(&self) -> Vec<usize>;
    fn start(&self) -> AnyState;
    fn absorb(&self, state: &mut AnyState, rows: &Rows) -> Result<(), AuditError>;
    fn seal(&self, state: &mut AnyState) -> Result<(), AuditError>;
    fn merge(&self, state: &mut AnyState, later: AnyState);
    fn answer(&self, state: AnyState) -> Result<AnyAnswer, AuditError>;
}

const OWN: &str = "a state goes back to the measure that started it";

impl<M: Measure> AnyMeasure for M {
    fn columns(&self) -> Vec<usize> {
        Measure::columns(self)
    }

    fn start(&self) -> AnyState {
        Box::new(Measure::start(self))
    }

    fn absorb(&self, state: &mut AnyState, rows: &Rows) -> Result<(), AuditError> {
        Measure::absorb(self, state.downcast_mut().expect(OWN), rows)
    }

    fn seal(&self, state: &mut AnyState) -> Result<(), AuditError> {
        Measure::seal(self, state.downcast_mut().expect(OWN))
    }

    fn merge(&self, state: &mut AnyState, later: AnyState) {
        let later = *later.downcast().expect(OWN);
        Measure::merge(self, state.downcast_mut().expect(OWN), later);
    }

    fn answer(&self, state: AnyState) -> Result<AnyAnswer, AuditError> {
        let state = *state.downcast().expect(OWN);
        Ok(Box::new(Measure::answer(self, state)?))
    }
}

/// One measure that the scan takes.
pub(crate) struct Ask {
    key: Option<String>,
    /// The filter, as an index into [`Asks::filters`].
    pub(crate) filter: Option<usize>,
    pub(crate) measure: Box<dyn AnyMeasure>,
}

/// All that the checks of a file want to know.
#[derive(Default)]
pub(crate) struct Asks {
    pub(crate) list: Vec<Ask>,
    pub(crate) filters: Vec<Arc<Predicate>>,
}

impl Asks {
    pub(crate) fn ask<M: Measure>(
        &mut self,
        measure: M,
        filter: Option<usize>,
    ) -> Asked<M::Answer> {
        let key = measure.key();
        let same = |ask: &Ask| key.is_some() && ask.key == key && ask.filter == filter;
        let index = self.list.iter().position(same).unwrap_or_else(|| {
            self.list.push(Ask { key: key.clone(), filter, measure: Box::new(measure) });
            self.list.len() - 1
        });
        Asked { index, answer: PhantomData }
    }

    /// The number of a filter; the same text is one filter.
    pub(crate) fn filter(&mut self, predicate: Predicate) -> usize {
        let same = |filter: &Arc<Predicate>| filter.sql == predicate.sql;
        self.filters.iter().position(same).unwrap_or_else(|| {
            self.filters.push(Arc::new(predicate));
            self.filters.len() - 1
        })
    }

    /// The columns that one of them reads, its filter's too.
    pub(crate) fn columns(&self, index: usize) -> Vec<usize> {
        let ask = &self.list[index];
        let mut columns = ask.measure.columns();
        columns.extend(ask.filter.iter().flat_map(|filter| &self.filters[*filter].columns));
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

/// A claim on an answer of the scan.
pub(crate) struct Asked<T> {
    index: usize,
    answer: PhantomData<fn() -> T>,
}

impl<T> Clone for Asked<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Asked<T> {}

/// What the scan found.
pub(crate) struct Answers {
    /// All rows of the table.
    pub(crate) rows: u64,
    pub(crate) list: Vec<AnyAnswer>,
}

impl Answers {
    pub(crate) fn get<T: 'static>(&self, asked: Asked<T>) -> &T {
        self.list[asked.index].downcast_ref().expect("an answer has the type of its measure")
    }
}

/// Rows of a batch that hold, by a function of the row.
pub(crate) fn holding(len: usize, holds: impl FnMut(usize) -> bool) -> BooleanBuffer {
    BooleanBuffer::collect_bool(len, holds)
}
