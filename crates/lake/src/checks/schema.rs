//! The table has the columns that it should have.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target, TypeName};
use crate::quality::words;

/// A column that is expected.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Its name.
    name: String,
    /// Its type; any unless given.
    is: Option<TypeName>,
}

/// What else the table may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Others {
    /// Any other columns.
    #[default]
    Allowed,
    /// None.
    Refused,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The columns that there must be.
    #[schemars(length(min = 1))]
    columns: Vec<Expected>,
    /// Whether other columns may be there too.
    #[serde(default)]
    others: Others,
    /// Whether the columns must come in this order.
    #[serde(default)]
    ordered: bool,
}

pub(crate) struct Schema;

impl Check for Schema {
    const NAME: &'static str = "schema";
    const ABOUT: &'static str = "the table has certain columns, of certain types and in order";
    const TARGET: Target = Target::Schema;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        if params.columns.is_empty() {
            return Err(Fault::new("with.columns", "the list is empty").hint("list the columns"));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (index, column) in params.columns.iter().enumerate() {
            if !seen.insert(&column.name) {
                let message = format!("`{}` is listed twice", column.name);
                return Err(Fault::new(format!("with.columns[{index}]"), message)
                    .hint("leave one of them out"));
            }
        }
        Ok(())
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let wrong = differences(&params, on);
        let count = words::counted(on.table.columns.len() as u64, "columns");
        Ok(Box::new(move |_: &Answers| {
            let seen = if wrong.is_empty() { count } else { wrong.join("; ") };
            let others = match params.others {
                Others::Allowed => "at least",
                Others::Refused => "exactly",
            };
            let order = if params.ordered { ", in this order" } else { "" };
            let names = words::names(params.columns.iter().map(|column| column.name.as_str()));
            Ok(Finding::whole(wrong.is_empty(), seen).allowed(format!("{others} {names}{order}")))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "with": {
                "columns": [{ "name": "x", "is": "integer" }, { "name": "y" }],
                "others": "refused", "ordered": true,
            } }),
            json!({ "x": [1], "y": ["a"] }),
            json!({ "x": ["1"], "y": ["a"] }),
        )
    }
}

fn differences(params: &Params, on: &On<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut places = Vec::new();
    for column in &params.columns {
        let Some(found) = on.table.column(&column.name) else {
            wrong.push(format!("`{}` is missing", column.name));
            continue;
        };
        places.push((found.index, &column.name));
        if let Some(expected) = column.is
            && !expected.fits(found.class)
        {
            let (label, expected) = (found.class.label(), expected.label());
            wrong.push(format!("`{}` is {label}, not {expected}", column.name));
        }
    }
    if params.ordered
        && let Some(pair) = places.windows(2).find(|pair| pair[0].0 > pair[1].0)
    {
        wrong.push(format!("`{}` comes before `{}`", pair[1].1, pair[0].1));
    }
    if params.others == Others::Refused {
        let known = |name: &str| params.columns.iter().any(|column| column.name == name);
        let extra = on.table.columns.iter().filter(|info| !known(&info.name));
        wrong.extend(extra.map(|info| format!("`{}` is not expected", info.name)));
    }
    wrong
}
