//! A data set's files as a table.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use object_store::ObjectMeta;

use super::session::DataFile;

/// Files that are known beforehand: nothing is listed, and one that is missing is an error, not an empty table.
#[derive(Debug)]
pub(super) struct FilesTable {
    pub(super) store: ObjectStoreUrl,
    pub(super) schema: SchemaRef,
    pub(super) files: Vec<DataFile>,
}

#[async_trait]
impl TableProvider for FilesTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // Filters stay above the scan, and the optimiser has Parquet skip what they exclude.
        let files = self.files.iter().map(|file| self.partitioned(file)).collect();
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let source = Arc::new(ParquetSource::new(self.schema.clone()));
        let scan = FileScanConfigBuilder::new(self.store.clone(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_statistics(self.statistics_of(&self.files))
            .with_limit(limit)
            .build();
        ParquetFormat::default().create_physical_plan(state, scan).await
    }
}

impl FilesTable {
    fn partitioned(&self, file: &DataFile) -> PartitionedFile {
        let meta = ObjectMeta {
            location: file.path.clone(),
            // A file of a version never changes.
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: file.size_bytes,
            e_tag: None,
            version: None,
        };
        let statistics = self.statistics_of(std::slice::from_ref(file));
        PartitionedFile::new_from_meta(meta).with_statistics(Arc::new(statistics))
    }

    fn statistics_of(&self, files: &[DataFile]) -> Statistics {
        let rows = files.iter().map(|file| file.rows).sum::<u64>();
        let mut statistics = Statistics::new_unknown(&self.schema);
        if let Ok(rows) = usize::try_from(rows) {
            statistics.num_rows = Precision::Exact(rows);
        }
        statistics
    }
}
