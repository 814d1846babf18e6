//! The rows of an answer, as they come.

use std::collections::BTreeSet;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::masked::masked;
use super::problem::{SqlError, of_run};
use super::session::Limits;

/// When a statement has to end.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    time: Option<(Instant, Duration)>,
    cancelled: CancellationToken,
}

impl Bounds {
    pub(super) fn starting_now(limit: Option<Duration>, cancelled: CancellationToken) -> Self {
        // A limit beyond all clocks is none.
        let end = |limit: Duration| Some((Instant::now().checked_add(limit)?, limit));
        Self { time: limit.and_then(end), cancelled }
    }

    /// Waits for something, but not beyond the end.
    pub(super) async fn hold<T>(&self, work: impl Future<Output = T>) -> Result<T, SqlError> {
        let in_time = async {
            match self.time {
                Some((end, limit)) => tokio::time::timeout_at(end, work)
                    .await
                    .map_err(|_| SqlError::Deadline { limit }),
                None => Ok(work.await),
            }
        };
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(SqlError::Cancelled),
            done = in_time => done,
        }
    }
}

/// The rows of a statement. What is still running ends when this is dropped.
pub struct Answer {
    schema: SchemaRef,
    stream: SendableRecordBatchStream,
    bounds: Bounds,
    memory_bytes: u64,
    rows_left: Option<u64>,
    is_cut: bool,
}

impl Answer {
    pub(super) fn new(
        schema: SchemaRef,
        stream: SendableRecordBatchStream,
        bounds: Bounds,
        limits: &Limits,
    ) -> Self {
        Self {
            schema,
            stream,
            bounds,
            memory_bytes: limits.memory_bytes,
            rows_left: limits.rows,
            is_cut: false,
        }
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The same rows with the values of these columns masked, as text. Columns are known by their name alone, so this is for statements that
    /// rename none.
    #[must_use]
    pub fn masked(self, columns: &BTreeSet<String>) -> Self {
        let stream = masked(self.stream, columns);
        Self { schema: stream.schema(), stream, ..self }
    }

    /// Tells whether rows were left out for the limit, once there are no more.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The next rows; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        while !self.is_cut {
            let Some(batch) = self.bounds.hold(self.stream.next()).await? else { break };
            let batch = batch.map_err(|error| of_run(self.memory_bytes, error))?;
            let batch = self.within_limit(batch);
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn within_limit(&mut self, batch: RecordBatch) -> RecordBatch {
        let Some(left) = &mut self.rows_left else { return batch };
        let rows = batch.num_rows();
        let taken = usize::try_from(*left).map_or(rows, |left| rows.min(left));
        *left -= taken as u64;
        self.is_cut = taken < rows;
        batch.slice(0, taken)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Answer").field("schema", &self.schema).finish_non_exhaustive()
    }
}
