//! Texts match a regular expression.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measures::test::Rule;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The expression, in the syntax of Rust's `regex`. It may match anywhere: anchor it with `^` and `$`.
    pub(super) pattern: String,
}

pub(crate) struct Regex;

impl Check for Regex {
    const NAME: &'static str = "regex";
    const ABOUT: &'static str = "every text matches a regular expression";
    const TARGET: Target = Target::Column;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        compiled(params).map(drop)
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        judge(&params, Wanted::Match, on)
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "pattern": "^[a-z]+-[0-9]{3,20}$" } }),
            json!({ "x": ["pump-001", null, "compressor-000000001"] }),
            json!({ "x": ["pump-001", "pump-1"] }),
        )
    }
}

/// Which texts are wanted.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Match,
    NoMatch,
}

pub(super) fn compiled(params: &Params) -> Result<::regex::Regex, Fault> {
    ::regex::Regex::new(&params.pattern).map_err(|error| {
        let detail = error.to_string();
        let last = detail.lines().last().unwrap_or_default();
        let last = last.strip_prefix("error: ").unwrap_or(last);
        Fault::new("with.pattern", format!("`{}` is no regular expression: {last}", params.pattern))
            .hint("in YAML write it between single quotes, where a backslash stands for itself")
    })
}

pub(super) fn judge(params: &Params, wanted: Wanted, on: &mut On<'_>) -> Result<Judge, Fault> {
    let column = on.texts()?;
    let pattern = compiled(params)?;
    let matches = matches!(wanted, Wanted::Match);
    let rule = Rule::Texts(Arc::new(move |text| pattern.is_match(text) == matches));
    let tested = on.test(&column, rule);
    let allowed = match wanted {
        Wanted::Match => format!("matches `{}`", params.pattern),
        Wanted::NoMatch => format!("does not match `{}`", params.pattern),
    };
    Ok(Box::new(move |answers: &Answers| {
        Ok(Finding::tested(answers.get(tested), "values").allowed(allowed).showing(vec![column]))
    }))
}
