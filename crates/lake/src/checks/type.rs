//! Values are of a type, or text that reads as one.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::Class;
use crate::quality::measures::test::Rule;
use crate::quality::values::parse_time;

/// A type as checks name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TypeName {
    Integer,
    Float,
    /// An integer or a float.
    Number,
    Text,
    Boolean,
    /// A time, or a date.
    Time,
    Date,
}

impl TypeName {
    pub(crate) fn fits(self, class: Class) -> bool {
        match self {
            Self::Integer => class == Class::Integer,
            Self::Float => class == Class::Float,
            Self::Number => class.is_number(),
            Self::Text => class == Class::Text,
            Self::Boolean => class == Class::Boolean,
            Self::Time => matches!(class, Class::Time { .. }),
            Self::Date => matches!(class, Class::Time { date: true, .. }),
        }
    }

    /// With its article.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Integer => "an integer",
            Self::Float => "a float",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Boolean => "a boolean",
            Self::Time => "a time",
            Self::Date => "a date",
        }
    }

    /// Tells whether a text can be read as the type.
    fn reads(self, text: &str) -> bool {
        let text = text.trim();
        match self {
            Self::Integer => text.parse::<i64>().is_ok(),
            Self::Float | Self::Number => text.parse::<f64>().is_ok_and(|value| !value.is_nan()),
            Self::Text => true,
            Self::Boolean => matches!(text.to_ascii_lowercase().as_str(), "true" | "false"),
            Self::Time => parse_time(text).is_some(),
            Self::Date => text.len() == 10 && parse_time(text).is_some(),
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The type. A column of text is judged value by value: each must read as the type.
    is: TypeName,
}

pub(crate) struct Type;

impl Check for Type {
    const NAME: &'static str = "type";
    const ABOUT: &'static str = "the column is of a type, or text that reads as one";
    const TARGET: Target = Target::Column;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let column = on.column();
        let wanted = params.is;
        if wanted.fits(column.class) || column.class != Class::Text {
            return Ok(whole(wanted, column.class));
        }
        let reads = on.test(&column, Rule::Texts(Arc::new(move |text| wanted.reads(text))));
        Ok(Box::new(move |answers: &Answers| {
            Ok(Finding::tested(answers.get(reads), "values")
                .allowed(format!("text that reads as {}", wanted.label()))
                .showing(vec![column]))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "is": "integer" } }),
            json!({ "x": ["1", "-2", null] }),
            json!({ "x": ["1", "two"] }),
        )
    }
}

fn whole(wanted: TypeName, class: Class) -> Judge {
    Box::new(move |_: &Answers| {
        Ok(Finding::whole(wanted.fits(class), class.label()).allowed(wanted.label()))
    })
}
