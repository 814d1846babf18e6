//! Data sets by name, and statements over them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;

use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;
use object_store::path::Path;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Bounds};
use super::files::FilesTable;
use super::problem::{SqlError, of_run};
use super::statement::planned;
use super::stores::Stores;
use crate::memory::SparingPool;

/// What a statement may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory in bytes for all statements of the session together.
    pub memory_bytes: u64,
    /// Where what does not fit in memory goes; created where it is missing, but not its parents. Nothing remains there.
    pub spill_folder: PathBuf,
    /// How much of it there may be, in bytes.
    pub spill_bytes: u64,
    /// How many threads work on a statement.
    pub threads: usize,
    /// How many rows an answer has at most.
    pub rows: Option<u64>,
    /// How long a statement may take, until its last row.
    pub time: Option<Duration>,
}

impl Limits {
    /// 2 GiB of memory, 100 GiB on disk, and neither rows nor time limited.
    pub fn new(spill_folder: impl Into<PathBuf>, threads: usize) -> Self {
        const GIB: u64 = 1 << 30;
        Self {
            memory_bytes: 2 * GIB,
            spill_folder: spill_folder.into(),
            spill_bytes: 100 * GIB,
            threads: threads.max(1),
            rows: None,
            time: None,
        }
    }
}

/// A data set as it is asked: its name, and the Parquet files of one version.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// The name in statements.
    pub name: String,
    /// What the columns are; a file that lacks one has nulls in it.
    pub schema: SchemaRef,
    /// Where the files are.
    pub store: Arc<dyn ObjectStore>,
    /// The files.
    pub files: Vec<DataFile>,
}

/// One of a data set's Parquet files, as its manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Where it is in the store.
    pub path: Path,
    /// How large it is.
    pub size_bytes: u64,
    /// How many rows it has.
    pub rows: u64,
}

/// Answers statements over the data sets that were registered.
pub struct Session {
    context: SessionContext,
    limits: Limits,
    names: Vec<String>,
}

impl Session {
    /// A session without data sets.
    pub fn new(limits: Limits) -> Result<Self, SqlError> {
        // Merges hold a batch of each of their inputs: in a small memory these have to be small, too.
        const SMALL: usize = 256 << 20;
        let memory = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(SparingPool::new(memory)))
            .with_temp_file_path(&limits.spill_folder)
            .with_max_temp_directory_size(limits.spill_bytes)
            .with_object_store_registry(Arc::new(Stores::default()))
            .build_arc();
        let memory_bytes = limits.memory_bytes;
        let refused = |source| SqlError::Prepare { memory_bytes, source: Box::new(source) };
        let mut config = SessionConfig::new()
            .with_information_schema(true)
            .with_target_partitions(limits.threads)
            .with_batch_size(if memory < SMALL { 1024 } else { 8192 })
            // A sort reserves this much for its merge; the default would be most of a small memory.
            .with_sort_spill_reservation_bytes((memory / 16 / limits.threads).min(10 << 20));
        config.options_mut().sql_parser.collect_spans = true;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime.map_err(refused)?)
            .with_default_features()
            .build();
        Ok(Self { context: SessionContext::new_with_state(state), limits, names: Vec::new() })
    }

    /// Makes a data set known by its name.
    pub fn register(&mut self, dataset: DataSet) -> Result<(), SqlError> {
        if self.names.contains(&dataset.name) {
            return Err(SqlError::Twice { dataset: dataset.name });
        }
        let name = dataset.name.clone();
        let refused = |source| SqlError::Open { dataset: name.clone(), source: Box::new(source) };
        self.add_table(dataset).map_err(refused)?;
        self.names.push(name);
        Ok(())
    }

    /// Begins to answer a statement. It goes on while rows are taken from the answer.
    pub async fn query(
        &self,
        statement: &str,
        cancelled: &CancellationToken,
    ) -> Result<Answer, SqlError> {
        let bounds = Bounds::starting_now(self.limits.time, cancelled.clone());
        bounds.hold(self.answer(statement, &bounds)).await?
    }

    async fn answer(&self, statement: &str, bounds: &Bounds) -> Result<Answer, SqlError> {
        let state = self.context.state();
        let plan = planned(&state, statement, &self.names).await?;
        let failed = |error: DataFusionError| of_run(self.limits.memory_bytes, error);
        let schema = Arc::new(plan.schema().as_arrow().clone());
        let can_be_limited = !matches!(
            plan,
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_)
        );
        let mut frame = DataFrame::new(state, plan);
        if let Some(rows) = self.limits.rows.filter(|_| can_be_limited) {
            // One more tells whether there would have been more.
            let rows = usize::try_from(rows).unwrap_or(usize::MAX).saturating_add(1);
            frame = frame.limit(0, Some(rows)).map_err(failed)?;
        }
        let stream = frame.execute_stream().await.map_err(failed)?;
        Ok(Answer::new(schema, stream, bounds.clone(), &self.limits))
    }

    fn add_table(&self, dataset: DataSet) -> Result<(), DataFusionError> {
        // The name of a data set need not be one of a host.
        let store = ObjectStoreUrl::parse(format!("dataset://{}", self.names.len()))?;
        self.context.register_object_store(store.as_ref(), dataset.store);
        // Neither split at points nor put into lower case.
        let name = TableReference::bare(dataset.name);
        let (schema, files) = (dataset.schema, dataset.files);
        let table: Arc<dyn TableProvider> = if files.is_empty() {
            Arc::new(EmptyTable::new(schema))
        } else {
            Arc::new(FilesTable { store, schema, files })
        };
        self.context.register_table(name, table)?;
        Ok(())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { context: _, limits, names } = self;
        let mut shown = formatter.debug_struct("Session");
        shown.field("limits", limits).field("names", names).finish_non_exhaustive()
    }
}
