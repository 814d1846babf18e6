//! A snapshot where it lies.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::{Manifest, SchemaColumn};
use crate::quality::TableFile;
use crate::sql::{DataFile, DataSet};

/// A snapshot in the store that it lies in.
#[derive(Clone, Debug)]
pub struct PlacedSnapshot {
    store: Arc<dyn ObjectStore>,
    /// The folder that paths of the manifest begin in.
    root: Path,
    /// What it consists of.
    pub manifest: Manifest,
}

impl PlacedSnapshot {
    /// The snapshot whose manifest lies at a path of a store.
    pub fn new(store: Arc<dyn ObjectStore>, manifest_at: &Path, manifest: Manifest) -> Self {
        let own = manifest.folder.split('/').count() + 1;
        let parts = manifest_at.parts().count();
        let root = manifest_at.parts().take(parts.saturating_sub(own)).collect();
        Self { store, root, manifest }
    }

    /// The store that it lies in.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// Its files, in the order of their rows.
    pub fn files(&self) -> impl Iterator<Item = TableFile> {
        let file = |file: &super::DataFile| TableFile {
            path: self.path(&file.path),
            bytes: Some(file.size_bytes),
        };
        self.manifest.files.iter().map(file)
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.root.clone(), Path::join)
    }

    /// The type of a column that it has.
    fn type_of(&self, column: &SchemaColumn) -> DataType {
        let known = &self.manifest.dialect.columns;
        let known = known.iter().find(|known| known.name == column.name);
        // A column that was masked, hashed or tokenised is text, whatever it was.
        let as_read = known.filter(|known| known.kind.word() == column.kind);
        as_read.map_or(DataType::Utf8, |known| known.kind.arrow())
    }
}

impl DataSet {
    /// A data set that is known by its name alone: it has no columns and no rows.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            schema: Arc::new(Schema::empty()),
            store: Arc::new(InMemory::new()),
            files: Vec::new(),
        }
    }

    /// The data set that consists of these snapshots, which lie in one store, in this order; the last one has the last word on the order of columns.
    ///
    /// A column that a snapshot does not have is null in its rows. Whole numbers are read as numbers where another snapshot has fractions, and
    /// anything as text where the kinds do not fit.
    pub fn of(
        name: impl Into<String>,
        store: Arc<dyn ObjectStore>,
        snapshots: &[PlacedSnapshot],
    ) -> Self {
        let mut fields: Vec<Field> = Vec::new();
        for snapshot in snapshots.iter().rev() {
            for column in &snapshot.manifest.columns {
                let is = snapshot.type_of(column);
                let is_empty = column.kind == "empty";
                match fields.iter_mut().find(|field| *field.name() == column.name) {
                    None => fields.push(Field::new(&column.name, is, true)),
                    Some(field) if *field.data_type() == is || is_empty => {}
                    Some(field) => {
                        let both = [field.data_type(), &is];
                        let is_number =
                            |kind: &&DataType| matches!(kind, DataType::Int64 | DataType::Float64);
                        let wide = if both.iter().all(is_number) {
                            DataType::Float64
                        } else {
                            DataType::Utf8
                        };
                        field.set_data_type(wide);
                    }
                }
            }
        }
        let files = snapshots.iter().flat_map(|snapshot| {
            snapshot.manifest.files.iter().map(|file| DataFile {
                path: snapshot.path(&file.path),
                size_bytes: file.size_bytes,
                rows: file.rows,
            })
        });
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        Self { name: name.into(), schema, store, files: files.collect() }
    }
}
