//! Values are members of a set.

use std::collections::HashSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measure::holding;
use crate::quality::measures::test::Rule;
use crate::quality::values::Literal;
use crate::quality::{Class, Column, ColumnInfo};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The values.
    #[schemars(length(min = 1))]
    pub(super) values: Vec<Literal>,
}

pub(crate) struct Set;

impl Check for Set {
    const NAME: &'static str = "set";
    const ABOUT: &'static str = "every value is one of a list";
    const TARGET: Target = Target::Column;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        not_empty(params)
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        judge(&params, Wanted::Members, on)
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "values": ["ok", "a state with a long name"] } }),
            json!({ "x": ["ok", null, "a state with a long name"] }),
            json!({ "x": ["ok", "OK"] }),
        )
    }
}

/// Which values are wanted.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Members,
    Others,
}

pub(super) fn not_empty(params: &Params) -> Result<(), Fault> {
    if params.values.is_empty() {
        return Err(Fault::new("with.values", "the list is empty").hint("list the values"));
    }
    Ok(())
}

pub(super) fn judge(params: &Params, wanted: Wanted, on: &mut On<'_>) -> Result<Judge, Fault> {
    let column = on.column();
    let tested = on.test(&column, rule(params, wanted, &column)?);
    let listed = listed(params);
    let allowed = match wanted {
        Wanted::Members => format!("one of {listed}"),
        Wanted::Others => format!("none of {listed}"),
    };
    Ok(Box::new(move |answers: &Answers| {
        Ok(Finding::tested(answers.get(tested), "values").allowed(allowed).showing(vec![column]))
    }))
}

fn rule(params: &Params, wanted: Wanted, column: &ColumnInfo) -> Result<Rule, Fault> {
    let members = matches!(wanted, Wanted::Members);
    let values = params.values.iter().enumerate();
    let mut values = values.map(|(index, literal)| (literal, format!("with.values[{index}]")));
    Ok(match column.class {
        Class::Text => {
            let texts: HashSet<String> = values
                .map(|(literal, field)| literal.text(column, &field))
                .collect::<Result<_, _>>()?;
            Rule::Texts(Arc::new(move |text| texts.contains(text) == members))
        }
        Class::Integer | Class::Time { .. } => {
            let known: HashSet<i64> = values
                .map(|(literal, field)| literal.integer(column, &field))
                .collect::<Result<_, _>>()?;
            Rule::Values(Box::new(move |column| match column {
                Column::Integers(array) => {
                    holding(array.len(), |row| known.contains(&array.value(row)) == members)
                }
                Column::Floats(_) | Column::Texts(_) | Column::Booleans(_) | Column::Other(_) => {
                    unreachable!("the rule was made for integers and times")
                }
            }))
        }
        Class::Float => {
            // Zero and minus zero are one value.
            let known: HashSet<u64> = values
                .map(|(literal, field)| Ok((literal.float(column, &field)? + 0.0).to_bits()))
                .collect::<Result<_, _>>()?;
            Rule::Values(Box::new(move |column| match column {
                Column::Floats(array) => holding(array.len(), |row| {
                    known.contains(&(array.value(row) + 0.0).to_bits()) == members
                }),
                Column::Integers(_) | Column::Texts(_) | Column::Booleans(_) | Column::Other(_) => {
                    unreachable!("the rule was made for floats")
                }
            }))
        }
        Class::Boolean => {
            let known: Vec<bool> = values
                .map(|(literal, field)| literal.boolean(column, &field))
                .collect::<Result<_, _>>()?;
            Rule::Values(Box::new(move |column| match column {
                Column::Booleans(array) => {
                    holding(array.len(), |row| known.contains(&array.value(row)) == members)
                }
                Column::Integers(_) | Column::Floats(_) | Column::Texts(_) | Column::Other(_) => {
                    unreachable!("the rule was made for booleans")
                }
            }))
        }
        Class::Other => {
            let (literal, field) = values.next().expect("the list is not empty");
            return Err(literal.text(column, &field).err().unwrap_or_else(|| {
                let message = format!("column `{}` is {}", column.name, column.class.label());
                Fault::new("column", message).hint("choose a column of single values")
            }));
        }
    })
}

fn listed(params: &Params) -> String {
    const MOST: usize = 8;
    let mut listed: Vec<String> = params.values.iter().take(MOST).map(Literal::to_string).collect();
    if params.values.len() > MOST {
        listed.push(format!("{} more", params.values.len() - MOST));
    }
    listed.join(", ")
}
