//! Rows as they come, before they are put in order.

use std::collections::HashMap;
use std::sync::Arc;

/// A column of numbers, or of categories.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// A number for each row, NaN where it is missing; for categories the index of their name.
    pub values: Vec<f64>,
    /// The names of categories; none for numbers.
    pub labels: Option<Vec<Arc<str>>>,
}

impl Column {
    /// A column of numbers.
    pub fn numbers(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self { name: name.into(), values, labels: None }
    }

    /// A column of categories.
    pub fn categories<'a>(
        name: impl Into<String>,
        values: impl IntoIterator<Item = Option<&'a str>>,
    ) -> Self {
        let mut labels: Vec<Arc<str>> = Vec::new();
        let mut known: HashMap<Arc<str>, f64> = HashMap::new();
        let mut codes = Vec::new();
        for value in values {
            let Some(value) = value else {
                codes.push(f64::NAN);
                continue;
            };
            let code = known.get(value).copied().unwrap_or_else(|| {
                let (label, code) = (Arc::<str>::from(value), labels.len() as f64);
                labels.push(Arc::clone(&label));
                known.insert(label, code);
                code
            });
            codes.push(code);
        }
        Self { name: name.into(), values: codes, labels: Some(labels) }
    }

    /// The values of some rows.
    pub(crate) fn take(&self, rows: &[usize]) -> Self {
        let values = rows.iter().map(|row| self.values[*row]).collect();
        Self { name: self.name.clone(), values, labels: self.labels.clone() }
    }
}

/// Rows in any order, with duplicates and all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The names of the entities.
    pub names: Vec<Arc<str>>,
    /// The entity of each row: an index into the names.
    pub entity: Vec<u32>,
    /// When each row is, in microseconds since 1970.
    pub times: Vec<i64>,
    /// The columns, each with a value for each row.
    pub columns: Vec<Column>,
}

impl Table {
    /// A table of rows, each with its entity.
    pub fn of<'a>(
        entities: impl IntoIterator<Item = &'a str>,
        times: Vec<i64>,
        columns: Vec<Column>,
    ) -> Self {
        let entities = Column::categories("", entities.into_iter().map(Some));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "codes count from 0, and a table has fewer than 2^32 entities"
        )]
        let entity = entities.values.iter().map(|code| *code as u32).collect();
        Self { names: entities.labels.unwrap_or_default(), entity, times, columns }
    }
}
