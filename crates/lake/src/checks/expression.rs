//! A condition in SQL holds for each row.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measures::expression::Holds;
use crate::quality::predicate;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The condition over the columns of one row. A row for which it is null is not judged.
    sql: String,
}

pub(crate) struct Expression;

impl Check for Expression {
    const NAME: &'static str = "expression";
    const ABOUT: &'static str = "a condition in SQL holds for each row";
    const TARGET: Target = Target::Table;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        predicate::Predicate::parse(&params.sql, "with.sql")
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let predicate = on.predicate(&params.sql, "with.sql")?;
        let columns: Vec<_> =
            predicate.columns.iter().map(|index| on.table.columns[*index].clone()).collect();
        on.columns.clone_from(&columns);
        let examples = on.limits.examples;
        let holds = on.ask(Holds { predicate: Arc::new(predicate), examples });
        let allowed = format!("`{}`", params.sql);
        Ok(Box::new(move |answers: &Answers| {
            Ok(Finding::tested(answers.get(holds), "rows").allowed(allowed).showing(columns))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "with": { "sql": "low <= high" } }),
            json!({ "low": [1.0, 2.0, null], "high": [1.5, 2.0, 1.0] }),
            json!({ "low": [1.0, 2.0], "high": [1.5, 1.0] }),
        )
    }
}
