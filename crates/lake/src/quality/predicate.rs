//! SQL predicates over the columns of one table.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ExprSchemable, Volatility};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::error::AuditError;
use super::mistake::Fault;
use crate::nearest::suggest;

/// A predicate in SQL, ready to be evaluated over batches.
#[derive(Debug)]
pub(crate) struct Predicate {
    pub(crate) sql: String,
    /// The columns that it reads, by their index in the table.
    pub(crate) columns: Vec<usize>,
    schema: SchemaRef,
    expression: Arc<dyn PhysicalExpr>,
}

impl Predicate {
    /// Compiles a predicate. `field` is the key of the checks file that holds it.
    pub(crate) fn compile(sql: &str, table: &Schema, field: &str) -> Result<Self, Fault> {
        let context = context();
        let unplanned = |error: &DataFusionError| fault(sql, field, table, error);
        let whole = DFSchema::try_from(table.clone()).map_err(|error| unplanned(&error))?;
        let expression = context.parse_sql_expr(sql, &whole).map_err(|error| unplanned(&error))?;
        refuse_what_is_no_predicate(sql, field, &expression)?;
        let result = expression.get_type(&whole).map_err(|error| unplanned(&error))?;
        if !matches!(result, DataType::Boolean | DataType::Null) {
            return Err(Fault::new(field, format!("`{sql}` is no predicate: it gives {result}"))
                .hint("compare something, as in `temperature < 90`"));
        }
        let mut columns = expression
            .column_refs()
            .iter()
            .map(|column| table.index_of(&column.name))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Fault::new(field, error.to_string()))?;
        columns.sort_unstable();
        let schema =
            table.project(&columns).map_err(|error| Fault::new(field, error.to_string()))?;
        let read = DFSchema::try_from(schema.clone()).map_err(|error| unplanned(&error))?;
        let expression =
            context.create_physical_expr(expression, &read).map_err(|error| unplanned(&error))?;
        Ok(Self { sql: sql.to_owned(), columns, schema: Arc::new(schema), expression })
    }

    /// Tells whether the text is an expression at all, without a table.
    pub(crate) fn parse(sql: &str, field: &str) -> Result<(), Fault> {
        match context().parse_sql_expr(sql, &DFSchema::empty()) {
            Ok(_) => Ok(()),
            Err(error) => match error.find_root() {
                DataFusionError::SQL(parser, _) => Err(unparsed(sql, field, &parser.to_string())),
                _ => Ok(()),
            },
        }
    }

    /// The verdict on each row of a batch: true, false or null.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, AuditError> {
        let wrong = |source| AuditError::Predicate { sql: self.sql.clone(), source };
        let columns = self
            .schema
            .fields()
            .iter()
            .map(|field| {
                let array = batch.column_by_name(field.name());
                Arc::clone(array.expect("a predicate reads only columns that it named"))
            })
            .collect();
        let options = datafusion::arrow::array::RecordBatchOptions::new()
            .with_row_count(Some(batch.num_rows()));
        let read = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| wrong(error.into()))?;
        let verdicts = self
            .expression
            .evaluate(&read)
            .and_then(|value| value.into_array(read.num_rows()))
            .map_err(wrong)?;
        if *verdicts.data_type() == DataType::Null {
            return Ok(BooleanArray::new_null(read.num_rows()));
        }
        Ok(verdicts.as_boolean().clone())
    }
}

/// Names mean what they say: capital letters are kept, as the columns of files have them.
fn context() -> SessionContext {
    let config =
        SessionConfig::new().set_bool("datafusion.sql_parser.enable_ident_normalization", false);
    SessionContext::new_with_config(config)
}

fn refuse_what_is_no_predicate(sql: &str, field: &str, expression: &Expr) -> Result<(), Fault> {
    let mut found = None;
    let walked = expression.apply(|part| {
        found = match part {
            Expr::AggregateFunction(_) | Expr::WindowFunction(_) => Some((
                "looks at more than one row",
                "a predicate sees one row; the other kinds of checks see all",
            )),
            Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::ScalarSubquery(_)
            | Expr::OuterReferenceColumn(..) => {
                Some(("holds a query", "use the check `references` for another table"))
            }
            Expr::ScalarFunction(call)
                if call.func.signature().volatility != Volatility::Immutable =>
            {
                Some((
                    "calls a function that may give something else each time",
                    "checks are repeatable; use the check `freshness` for the present time",
                ))
            }
            Expr::Placeholder(_) | Expr::ScalarVariable(..) => {
                Some(("holds a placeholder", "write the value itself"))
            }
            _ => None,
        };
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.map_err(|error| Fault::new(field, error.to_string()))?;
    match found {
        Some((what, hint)) => Err(Fault::new(field, format!("`{sql}` {what}")).hint(hint)),
        None => Ok(()),
    }
}

fn unparsed(sql: &str, field: &str, detail: &str) -> Fault {
    let detail = detail.strip_prefix("sql parser error: ").unwrap_or(detail);
    Fault::new(field, format!("`{sql}` is no SQL: {detail}"))
        .hint("write one condition over a row, as in `status = 'ok' AND power > 0`")
}

fn fault(sql: &str, field: &str, table: &Schema, error: &DataFusionError) -> Fault {
    match error.find_root() {
        DataFusionError::SQL(parser, _) => unparsed(sql, field, &parser.to_string()),
        DataFusionError::SchemaError(missing, _) => match missing.as_ref() {
            SchemaError::FieldNotFound { field: column, .. } => {
                let names = table.fields().iter().map(|field| field.name().as_str());
                Fault::new(field, format!("`{sql}` names an unknown column `{}`", column.name))
                    .hint(suggest(&column.name, "columns", names))
            }
            other => Fault::new(field, format!("`{sql}`: {other}")),
        },
        other => Fault::new(field, format!("`{sql}` cannot be evaluated: {}", first_line(other)))
            .hint("compare values of one type with functions of DataFusion; `CAST(x AS DOUBLE)` makes a number"),
    }
}

fn first_line(error: &DataFusionError) -> String {
    error.message().lines().next().unwrap_or_default().to_owned()
}
