//! `{{ … }}` in DAG files: minijinja over `dag`, `run`, `interval`, `params`, `env`, `outputs` and `item`, evaluated strictly.

mod filters;
mod names;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};

pub use filters::{FILTERS, TESTS};
pub use names::{
    BadTemplate, Use, UseKind, constant, names_in, uses_in_expression, uses_in_template,
};

use crate::ids::RunId;
use crate::names::{DagName, ParamName, TaskName};
use crate::schedule::Zone;
use crate::state::RunKind;
use crate::time::{DataInterval, Timestamp};

/// What is fixed for a run, and may be read by its templates.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The DAG's name, `dag.name`.
    pub dag: DagName,
    /// The content hash of the DAG's version, `dag.hash`.
    pub hash: String,
    /// The run, `run.id`.
    pub run: RunId,
    /// Why it exists, `run.kind`.
    pub kind: RunKind,
    /// What it is about, `interval.start` and `interval.end`, shown in [`Facts::zone`].
    pub interval: DataInterval,
    /// The zone of the DAG's schedule.
    pub zone: Zone,
    /// Its parameters, `params.NAME`.
    pub params: BTreeMap<ParamName, Value>,
}

/// What a template of one task may read.
#[derive(Clone, Debug)]
pub struct Scope {
    facts: Arc<Facts>,
    outputs: BTreeMap<TaskName, Arc<Value>>,
    env: BTreeMap<String, String>,
    item: Option<Value>,
}

/// A template that could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[error("evaluate `{text}`")]
pub struct TemplateError {
    /// The template or expression.
    pub text: String,
    /// What went wrong.
    #[source]
    pub source: minijinja::Error,
}

impl Scope {
    /// The scope of a run: its facts alone.
    pub const fn new(facts: Arc<Facts>) -> Self {
        Self { facts, outputs: BTreeMap::new(), env: BTreeMap::new(), item: None }
    }

    /// Adds the output of a task that is over, as `outputs.TASK`.
    #[must_use]
    pub fn with_output(mut self, task: TaskName, output: Arc<Value>) -> Self {
        self.outputs.insert(task, output);
        self
    }

    /// Adds the allowed environment variables, as `env.NAME`.
    #[must_use]
    pub fn with_env(mut self, env: BTreeMap<String, String>) -> Self {
        self.env = env;
        self
    }

    /// Adds the member of the list that a mapped task stands for, as `item`.
    #[must_use]
    pub fn with_item(mut self, item: Option<Value>) -> Self {
        self.item = item;
        self
    }

    /// Renders all templates inside `value`. A text that is one `{{ … }}` and nothing else keeps the type of its result.
    pub fn render(&self, value: &Value) -> Result<Value, TemplateError> {
        match value {
            Value::String(text) if has_template(text) => self.render_text(text),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
            Value::Array(list) => list.iter().map(|member| self.render(member)).collect(),
            Value::Object(map) => self.render_map(map).map(Value::Object),
        }
    }

    /// Renders all templates inside the values of `map`.
    pub fn render_map(
        &self,
        map: &Map<String, Value>,
    ) -> Result<Map<String, Value>, TemplateError> {
        map.iter().map(|(key, value)| Ok((key.clone(), self.render(value)?))).collect()
    }

    /// Evaluates an expression to a truth value.
    pub fn is_true(&self, expression: &str) -> Result<bool, TemplateError> {
        self.evaluate(expression).map(|value| value.is_true())
    }

    /// Evaluates an expression to a list.
    pub fn list(&self, expression: &str) -> Result<Vec<Value>, TemplateError> {
        let value = self.evaluate(expression)?;
        let json = serde_json::to_value(&value).ok();
        json.and_then(|json| if let Value::Array(list) = json { Some(list) } else { None })
            .ok_or_else(|| {
                let what = format!("the result is {}, not a list", value.kind());
                TemplateError {
                    text: expression.to_owned(),
                    source: minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, what),
                }
            })
    }

    fn render_text(&self, text: &str) -> Result<Value, TemplateError> {
        if let Some(expression) = names::whole_expression(text) {
            let value = self.evaluate(expression)?;
            return serde_json::to_value(&value).map_err(|error| TemplateError {
                text: text.to_owned(),
                source: minijinja::Error::new(
                    minijinja::ErrorKind::BadSerialization,
                    error.to_string(),
                ),
            });
        }
        ENVIRONMENT
            .render_str(text, self.context())
            .map(Value::String)
            .map_err(|source| TemplateError { text: text.to_owned(), source })
    }

    fn evaluate(&self, expression: &str) -> Result<minijinja::Value, TemplateError> {
        let evaluated = ENVIRONMENT
            .compile_expression(expression)
            .and_then(|compiled| compiled.eval(self.context()));
        let defined = evaluated.and_then(|value| {
            if value.is_undefined() {
                Err(minijinja::ErrorKind::UndefinedError.into())
            } else {
                Ok(value)
            }
        });
        defined.map_err(|source| TemplateError { text: expression.to_owned(), source })
    }

    fn context(&self) -> minijinja::Value {
        let facts = &self.facts;
        let local = |instant: Timestamp| facts.zone.show(instant);
        let mut context = json!({
            "dag": { "name": facts.dag, "hash": facts.hash },
            "run": { "id": facts.run, "kind": facts.kind },
            "interval": { "start": local(facts.interval.start), "end": local(facts.interval.end) },
            "params": facts.params,
            "env": self.env,
            "outputs": self.outputs,
        });
        if let Some(item) = &self.item {
            context["item"] = item.clone();
        }
        minijinja::Value::from(minijinja::value::Serde(context))
    }
}

/// Tells whether `text` holds a template.
pub fn has_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The delimiters of templates. Comments have none that a file could hold: `{#` is at home in shell scripts.
pub(crate) static SYNTAX: LazyLock<SyntaxConfig> = LazyLock::new(|| {
    SyntaxConfig::builder()
        .comment_delimiters("{#\u{1}", "\u{1}#}")
        .keep_trailing_newline(true)
        .build()
        .expect("the delimiters differ from each other")
});

/// One environment for all: it holds no templates, only the filters and the strictness.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_syntax(SYNTAX.clone());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    filters::add_to(&mut environment);
    environment
});

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    fn scope() -> Scope {
        let facts = Facts {
            dag: "nightly".parse().unwrap(),
            hash: "abc".into(),
            run: RunId::generate(),
            kind: RunKind::Manual,
            interval: DataInterval {
                start: Utc.with_ymd_and_hms(2026, 11, 18, 23, 0, 0).unwrap(),
                end: Utc.with_ymd_and_hms(2026, 11, 19, 23, 0, 0).unwrap(),
            },
            zone: "Europe/Oslo".parse().unwrap(),
            params: [("days".parse().unwrap(), json!(3))].into(),
        };
        Scope::new(Arc::new(facts))
            .with_output("plan".parse().unwrap(), Arc::new(json!({ "sites": ["a", "b"] })))
    }

    #[test]
    fn a_date_is_the_local_date_of_the_schedules_zone() {
        let rendered = scope().render(&json!("raw/dt={{ interval.start | date }}/*.csv")).unwrap();

        assert_eq!(rendered, json!("raw/dt=2026-11-19/*.csv"));
    }

    #[test]
    fn a_lone_expression_keeps_its_type() {
        assert_eq!(
            scope().render(&json!({ "n": "{{ params.days }}" })).unwrap(),
            json!({ "n": 3 })
        );
        assert_eq!(scope().render(&json!("{{ outputs.plan.sites }}")).unwrap(), json!(["a", "b"]));
        assert_eq!(scope().render(&json!("{{ params.days }} days")).unwrap(), json!("3 days"));
    }

    #[test]
    fn shell_text_beside_a_template_stays_as_it_is() {
        let rendered = scope().render(&json!("echo ${#1} {{ params.days }} {#x#}\n")).unwrap();

        assert_eq!(rendered, json!("echo ${#1} 3 {#x#}\n"));
    }

    #[test]
    fn an_unknown_name_is_an_error_and_not_an_empty_text() {
        assert!(scope().render(&json!("{{ params.dayz }}")).is_err());
        assert!(scope().render(&json!("x{{ params.dayz }}")).is_err());
        assert!(scope().is_true("outputs.drift.score > 1").is_err());
    }

    #[test]
    fn conditions_and_lists_read_outputs() {
        assert!(scope().is_true("outputs.plan.sites | length == 2").unwrap());
        assert!(scope().is_true("outputs.drift is not defined").unwrap());
        assert_eq!(scope().list("outputs.plan.sites").unwrap(), [json!("a"), json!("b")]);
        assert!(scope().list("params.days").is_err());
    }
}
