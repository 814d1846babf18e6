//! Values are there in another data set.

use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measures::reference::Known;
use crate::quality::on::{Wanted, unknown_column};
use crate::quality::words;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The other data set.
    dataset: String,
    /// Its columns, in the order of `columns`; of the same names unless given.
    #[serde(default)]
    columns: Vec<String>,
}

pub(crate) struct References;

impl Check for References {
    const NAME: &'static str = "references";
    const ABOUT: &'static str =
        "the values of the columns, together, are those of a row of another data set";
    const TARGET: Target = Target::Columns;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let columns = on.columns.clone();
        let Some(other) = on.facts.references.get(&params.dataset) else {
            let known = on.facts.references.keys().map(String::as_str);
            let hint = crate::nearest::suggest(&params.dataset, "data sets", known);
            let message = format!("the data set `{}` is not at hand", params.dataset);
            return Err(Fault::new("with.dataset", message).hint(hint));
        };
        let own = columns.iter().map(|info| info.name.clone()).collect();
        let names: Vec<String> = if params.columns.is_empty() { own } else { params.columns };
        if names.len() != columns.len() {
            let (here, there) = (columns.len() as u64, names.len() as u64);
            let message = format!("{} are compared with {there}", words::counted(here, "columns"));
            return Err(Fault::new("with.columns", message).hint("name one for each of `columns`"));
        }
        let mut wanted = Vec::new();
        for (name, column) in names.iter().zip(&columns) {
            let there =
                other.column(name).ok_or_else(|| unknown_column(other, name, "with.columns"))?;
            if there.class != column.class {
                let (here, label) = (column.class.label(), there.class.label());
                let message =
                    format!("`{name}` is {label} there, but `{}` is {here} here", column.name);
                return Err(Fault::new("with.columns", message).hint("compare columns of one type"));
            }
            wanted.push(there.clone());
        }
        let keys = Arc::new(OnceLock::new());
        let table = params.dataset.clone();
        on.wanted.push(Wanted { table, columns: wanted, keys: Arc::clone(&keys) });
        let examples = on.limits.examples;
        let known = on.ask(Known { columns: columns.clone(), keys, examples });
        let allowed =
            format!("{} of `{}`", words::names(names.iter().map(String::as_str)), params.dataset);
        Ok(Box::new(move |answers: &Answers| {
            Ok(Finding::tested(answers.get(known), "rows").allowed(allowed).showing(columns))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            // The suite's data set `sensors` has the ids `a` and `b` on the sites 1 and 2.
            json!({ "columns": ["x", "site"], "with": { "dataset": "sensors", "columns": ["id", "site"] } }),
            json!({ "x": ["a", "b", null], "site": [1, 2, 7] }),
            json!({ "x": ["a", "b"], "site": [1, 1] }),
        )
    }
}
