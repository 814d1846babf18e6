//! Rows whose personal columns are hidden.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

use crate::personal::mask;

/// The same rows, with the values of these columns masked.
pub(super) fn masked(
    stream: SendableRecordBatchStream,
    columns: &BTreeSet<String>,
) -> SendableRecordBatchStream {
    let before = stream.schema();
    let hidden: Vec<bool> =
        before.fields().iter().map(|field| columns.contains(field.name())).collect();
    let fields = before.fields().iter().zip(&hidden).map(|(field, is_hidden)| {
        let as_text = || Arc::new(Field::new(field.name(), DataType::Utf8, true));
        if *is_hidden { as_text() } else { Arc::clone(field) }
    });
    let after: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let schema = Arc::clone(&after);
    let rows = stream.map(move |batch| hide(&batch?, &hidden, &schema));
    Box::pin(RecordBatchStreamAdapter::new(after, rows))
}

fn hide(
    batch: &RecordBatch,
    hidden: &[bool],
    after: &SchemaRef,
) -> Result<RecordBatch, DataFusionError> {
    let mut columns = Vec::with_capacity(hidden.len());
    for (column, is_hidden) in batch.columns().iter().zip(hidden) {
        columns.push(if *is_hidden { text_of(column)? } else { Arc::clone(column) });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(after), columns, &options)?)
}

/// Masked values as text; nulls stay nulls.
fn text_of(column: &ArrayRef) -> Result<ArrayRef, DataFusionError> {
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let mut hidden = StringBuilder::new();
    for row in 0..column.len() {
        if column.is_null(row) {
            hidden.append_null();
        } else {
            hidden.append_value(mask(&formatter.value(row).try_to_string()?));
        }
    }
    Ok(Arc::new(hidden.finish()))
}
