//! Numbers or times lie between bounds.

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
    /// The smallest value that is allowed.
    min: Option<Literal>,
    /// The largest value that is allowed.
    max: Option<Literal>,
    /// Values must be larger than this.
    above: Option<Literal>,
    /// Values must be smaller than this.
    below: Option<Literal>,
}

pub(crate) struct Range;

impl Check for Range {
    const NAME: &'static str = "range";
    const ABOUT: &'static str = "numbers or times lie between bounds";
    const TARGET: Target = Target::Column;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        let given = |one: &Option<Literal>, other: &Option<Literal>| {
            usize::from(one.is_some()) + usize::from(other.is_some())
        };
        let (lower, upper) = (given(&params.min, &params.above), given(&params.max, &params.below));
        if lower + upper == 0 {
            return Err(Fault::new("with", "allows any value")
                .hint("give `min`, `max`, `above` or `below`"));
        }
        if lower == 2 || upper == 2 {
            return Err(Fault::new("with", "has two bounds on one side").hint("keep one of them"));
        }
        Ok(())
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let column = on.column();
        let rule = match column.class {
            Class::Float => Rule::Values(Box::new(floats(&params, &column)?)),
            Class::Integer | Class::Time { .. } => {
                Rule::Values(Box::new(integers(&params, &column)?))
            }
            Class::Text | Class::Boolean | Class::Other => {
                let label = column.class.label();
                return Err(Fault::new(
                    "column",
                    format!("column `{}` is {label}, not a number or a time", column.name),
                )
                .hint("`set`, `regex` and `length` judge text"));
            }
        };
        let tested = on.test(&column, rule);
        let extent = on.extent(&column);
        let allowed = words(&params);
        Ok(Box::new(move |answers: &Answers| {
            let finding = Finding::tested(answers.get(tested), "values").allowed(allowed);
            let seen = answers.get(extent).map(|extent| {
                let (low, high) = extent.show(&column);
                format!("lowest {low}, highest {high}")
            });
            Ok(finding.seen(seen.unwrap_or_default()).revealing().showing(vec![column]))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "min": -1, "below": 2.5 } }),
            json!({ "x": [-1.0, 2.25, null] }),
            json!({ "x": [-1.0, 2.5] }),
        )
    }
}

fn floats(
    params: &Params,
    column: &ColumnInfo,
) -> Result<impl Fn(&Column) -> datafusion::arrow::buffer::BooleanBuffer + use<>, Fault> {
    let bound = |literal: &Option<Literal>, field: &str| {
        literal.as_ref().map(|literal| literal.float(column, field)).transpose()
    };
    let min = bound(&params.min, "with.min")?.unwrap_or(f64::NEG_INFINITY);
    let max = bound(&params.max, "with.max")?.unwrap_or(f64::INFINITY);
    let above = bound(&params.above, "with.above")?;
    let below = bound(&params.below, "with.below")?;
    in_order(above.unwrap_or(min) <= below.unwrap_or(max))?;
    Ok(move |column: &Column| match column {
        Column::Floats(array) => {
            let values = array.values();
            let within = holding(values.len(), |row| min <= values[row] && values[row] <= max);
            match (above, below) {
                (None, None) => within,
                (above, below) => {
                    let strict = holding(values.len(), |row| {
                        above.is_none_or(|above| values[row] > above)
                            && below.is_none_or(|below| values[row] < below)
                    });
                    &within & &strict
                }
            }
        }
        Column::Integers(_) | Column::Texts(_) | Column::Booleans(_) | Column::Other(_) => {
            unreachable!("the rule was made for floats")
        }
    })
}

fn integers(
    params: &Params,
    column: &ColumnInfo,
) -> Result<impl Fn(&Column) -> datafusion::arrow::buffer::BooleanBuffer + use<>, Fault> {
    let bound = |literal: &Option<Literal>, field: &str, toward: Toward| {
        literal.as_ref().map(|literal| whole_bound(literal, column, field, toward)).transpose()
    };
    let min = bound(&params.min, "with.min", Toward::Up)?;
    let max = bound(&params.max, "with.max", Toward::Down)?;
    // A bound that is not whole is passed by the next whole number already.
    let above = bound(&params.above, "with.above", Toward::Down)?;
    let below = bound(&params.below, "with.below", Toward::Up)?;
    let low = min.or(above.map(|above| above.saturating_add(1))).unwrap_or(i64::MIN);
    let high = max.or(below.map(|below| below.saturating_sub(1))).unwrap_or(i64::MAX);
    in_order(low <= high)?;
    Ok(move |column: &Column| match column {
        Column::Integers(array) => {
            let values = array.values();
            holding(values.len(), |row| low <= values[row] && values[row] <= high)
        }
        Column::Floats(_) | Column::Texts(_) | Column::Booleans(_) | Column::Other(_) => {
            unreachable!("the rule was made for integers and times")
        }
    })
}

#[derive(Clone, Copy)]
enum Toward {
    Up,
    Down,
}

/// A bound of whole numbers: `0.5` for integers is `1` upwards and `0` downwards.
fn whole_bound(
    literal: &Literal,
    column: &ColumnInfo,
    field: &str,
    toward: Toward,
) -> Result<i64, Fault> {
    if column.class != Class::Integer || !matches!(literal, Literal::Number(_)) {
        return literal.integer(column, field);
    }
    literal.integer(column, field).or_else(|_| {
        let value = literal.float(column, field)?;
        let whole = match toward {
            Toward::Up => value.ceil(),
            Toward::Down => value.floor(),
        };
        #[expect(clippy::cast_possible_truncation, reason = "what is larger stops at the ends")]
        Ok(whole as i64)
    })
}

fn in_order(holds: bool) -> Result<(), Fault> {
    if holds {
        return Ok(());
    }
    Err(Fault::new("with", "no value lies within these bounds").hint("swap the two bounds"))
}

fn words(params: &Params) -> String {
    if let (Some(min), Some(max)) = (&params.min, &params.max) {
        return format!("from {min} to {max}");
    }
    let parts = [
        params.min.as_ref().map(|value| format!("at least {value}")),
        params.above.as_ref().map(|value| format!("above {value}")),
        params.max.as_ref().map(|value| format!("at most {value}")),
        params.below.as_ref().map(|value| format!("below {value}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}
