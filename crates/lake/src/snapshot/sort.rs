//! Sorts more rows than fit in memory, through DataFusion.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::Size;

/// What bounds the memory of rows on their way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) memory: Size,
    /// How much a row takes, going by the first ones.
    pub(super) row_bytes: usize,
}

impl Bounds {
    /// Rows that are sorted and merged at once: each of the runs that are merged holds so many. It does not show in what is written.
    fn batch_rows(self) -> usize {
        let bytes = usize::try_from(self.memory.bytes() / 512).unwrap_or(usize::MAX);
        (bytes / self.row_bytes.max(1)).clamp(16, 8192)
    }

    /// Runs are sorted side by side where there is memory for the merges of all.
    fn lanes(self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.memory.bytes() < 256 << 20 { 1 } else { cores }
    }

    /// Rows of a row group: a quarter of a million, and fewer where they are wide. Memory is no part of it, so that it does not show.
    pub(super) fn group_rows(self) -> usize {
        ((64 << 20) / self.row_bytes.max(1)).clamp(64, 262_144)
    }
}

/// Where batches to be sorted go in; dropping it ends them.
pub(super) struct Intake {
    lanes: Vec<Sender<Result<RecordBatch>>>,
    next: usize,
}

impl Intake {
    /// Gives a batch to the next lane. Nothing if the sorter is gone, whose error says why.
    pub(super) async fn give(&mut self, batch: RecordBatch) -> Option<()> {
        let lane = self.next;
        self.next = (self.next + 1) % self.lanes.len();
        self.lanes[lane].send(Ok(batch)).await.ok()
    }

    /// Ends the rows with an error, so that nothing is taken for complete.
    pub(super) async fn fail(self) {
        for lane in self.lanes {
            let stopped = DataFusionError::Execution("the rows end early".into());
            // Nobody listens to a lane whose sorter is gone.
            lane.send(Err(stopped)).await.unwrap_or_default();
        }
    }
}

/// One lane of batches, which is read once.
struct Lane {
    schema: SchemaRef,
    batches: Mutex<Option<Receiver<Result<RecordBatch>>>>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Lane")
    }
}

impl PartitionStream for Lane {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let taken = self.batches.lock().ok().and_then(|mut batches| batches.take());
        let batches = futures::stream::unfold(taken, |batches| async {
            let mut batches = batches?;
            let batch = batches.recv().await?;
            Some((batch, Some(batches)))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// Makes a stream of all rows in the order of the columns that are named, or in the order in which they come if none is.
pub(super) fn sorter(
    schema: &SchemaRef,
    keys: &[&str],
    bounds: Bounds,
    scratch: &Path,
) -> Result<(Intake, SendableRecordBatchStream)> {
    let lanes = if keys.is_empty() { 1 } else { bounds.lanes() };
    let mut intake = Intake { lanes: Vec::new(), next: 0 };
    let mut inputs: Vec<Arc<dyn PartitionStream>> = Vec::new();
    for _ in 0..lanes {
        let (give, take) = channel(2);
        intake.lanes.push(give);
        inputs.push(Arc::new(Lane { schema: Arc::clone(schema), batches: Mutex::new(Some(take)) }));
    }
    let source = StreamingTableExec::try_new(Arc::clone(schema), inputs, None, None, false, None)?;
    let mut plan: Arc<dyn ExecutionPlan> = Arc::new(source);
    if !keys.is_empty() {
        let mut order = Vec::new();
        for key in keys {
            let options = SortOptions { descending: false, nulls_first: true };
            order.push(PhysicalSortExpr::new(col(key, schema)?, options));
        }
        let order = LexOrdering::new(order)
            .ok_or_else(|| DataFusionError::Internal("an order has keys".into()))?;
        let sorted = SortExec::new(order.clone(), plan).with_preserve_partitioning(true);
        plan = Arc::new(SortPreservingMergeExec::new(order, Arc::new(sorted)));
    }
    let stream = execute_stream(plan, context(bounds, scratch)?.task_ctx())?;
    Ok((intake, stream))
}

/// Half of the memory is the sorter's: pieces of text, growing arrays and encoded pages need the rest.
fn context(bounds: Bounds, scratch: &Path) -> Result<SessionContext> {
    let bytes = usize::try_from(bounds.memory.bytes() / 2).unwrap_or(usize::MAX);
    let consumers = NonZeroUsize::MIN;
    let pool = TrackConsumersPool::new(FairSpillPool::new(bytes), consumers);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_temp_file_path(scratch)
        .with_max_temp_directory_size(u64::MAX)
        .build_arc()?;
    let config = SessionConfig::new()
        .with_batch_size(bounds.batch_rows())
        .with_sort_spill_reservation_bytes((bytes / 32).max(1 << 20));
    Ok(SessionContext::new_with_config_rt(config, runtime))
}
