//! What a pass finds out about columns.

use super::difference::column_changes;
use super::discover::{Known, discover};
use super::land::{Work, schema_column};
use super::{ColumnChange, LandError, SchemaColumn};
use crate::dialect::{Column, Decimal, Evidence, Kind, Layout, Role, kind_of};
use crate::read::Widening;

impl Work<'_> {
    /// Takes into account what a pass found out about columns. Each pass knows more than the one before, so this comes to an end.
    pub(super) fn widen(&mut self, widenings: Vec<(usize, Widening)>) -> Result<(), LandError> {
        for (source, widening) in widenings {
            let location = self.sources[source].listed.location.clone();
            match widening {
                Widening::Fraction { column } => self.dialect.columns[column].kind = Kind::Float,
                Widening::Found { column, evidence } => {
                    if self.dialect.columns[column].kind == Kind::Empty {
                        let name = self.dialect.columns[column].name.clone();
                        self.dialect.columns[column].kind =
                            self.found(&location, &name, &evidence)?;
                    }
                }
                Widening::Added { name, evidence } => {
                    if !self.dialect.columns.iter().any(|column| column.name == name) {
                        let kind = self.found(&location, &name, &evidence)?;
                        self.dialect.columns.push(Column { name, kind });
                    }
                }
                Widening::Described(described) => self.describe(location, described)?,
            }
        }
        Ok(())
    }

    fn found(
        &mut self,
        location: &str,
        name: &str,
        evidence: &Evidence,
    ) -> Result<Kind, LandError> {
        let hint = self.hints.columns.get(name).cloned().unwrap_or_default();
        let times = self.request.times();
        let role = if times.contains(&name) { Role::Time } else { Role::Value };
        let decimal = match &self.dialect.layout {
            Layout::Delimited(layout) => layout.decimal,
            Layout::JsonLines | Layout::Parquet => Decimal::Point,
        };
        let found = kind_of(name, evidence, &hint, decimal, role)
            .map_err(|problem| LandError::Dialect { location: location.into(), problem })?;
        self.notes.extend(found.note);
        // A column without values stays empty, and a later pass must not ask again.
        Ok(if found.kind == Kind::Empty && evidence.values > 0 { Kind::Text } else { found.kind })
    }

    fn describe(&mut self, location: String, described: Column) -> Result<(), LandError> {
        let Some(known) =
            self.dialect.columns.iter_mut().find(|column| column.name == described.name)
        else {
            self.dialect.columns.push(described);
            return Ok(());
        };
        let Some(kind) = known.kind.widened(&described.kind) else {
            let change = ColumnChange::Retyped {
                name: described.name,
                from: known.kind.word().into(),
                to: described.kind.word().into(),
            };
            return Err(LandError::Schema { location, changes: vec![change] });
        };
        known.kind = kind;
        Ok(())
    }

    /// Rows that do not fit a pinned schema are a change of the schema, if the source says so by itself.
    pub(super) async fn explain(&self, error: LandError) -> LandError {
        let (LandError::Rejects { location, .. }, Some(pinned)) = (&error, self.pinned) else {
            return error;
        };
        let Some(source) = self.sources.iter().find(|source| source.listed.location == *location)
        else {
            return error;
        };
        let known = Known {
            format: self.request.format,
            hints: self.hints.clone(),
            times: self.request.times().into_iter().map(str::to_owned).collect(),
        };
        let Ok(sniffed) = discover(source, &known).await else { return error };
        let after: Vec<SchemaColumn> = sniffed.dialect.columns.iter().map(schema_column).collect();
        let before: Vec<SchemaColumn> = pinned.dialect.columns.iter().map(schema_column).collect();
        let mut changes = column_changes(&before, &after);
        changes.retain(|change| {
            matches!(change, ColumnChange::Retyped { from, to, .. }
            if to != "empty" && !(from == "float" && to == "integer"))
        });
        if changes.is_empty() {
            return error;
        }
        LandError::Schema { location: location.clone(), changes }
    }
}
