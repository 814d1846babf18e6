//! Holds a YAML tree against a JSON Schema and tells every difference, each with its place and a hint.
//!
//! Validators from the registry know neither places in YAML, nor templates (a text with `{{ … }}` may become
//! anything), nor includes, nor what a person probably meant; this one knows the part of JSON Schema that our own
//! types produce, and a test refuses types that use more.

mod formats;
mod include;
mod union;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

pub use formats::Fault;
pub use include::{BadInclude, FileError, Files, Included, IncludedText, NoFiles};

use crate::problem::{Problem, Problems, SourceText, suggest};
use crate::secrets;
use crate::template::has_template;
use crate::yaml::{self, Content, Key, Node};

/// Whether texts may hold templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Templates {
    /// They are rendered later, so a text with one fits any type.
    Rendered,
    /// Nobody renders them, so one is a mistake.
    Literal,
}

/// What a comparison found beside problems.
#[derive(Debug, Default)]
pub struct Findings {
    /// All differences.
    pub problems: Problems,
    /// Where values begin that do not fit, in bytes: what follows can leave them out and go on.
    pub unfit: BTreeSet<usize>,
    /// The files that were included: where their name stands, and what they hold.
    pub includes: Vec<(usize, Included<Value>)>,
}

/// Compares trees of one file with schemas.
pub struct Shape<'a> {
    source: &'a Arc<SourceText>,
    files: &'a dyn Files,
    root: &'a Value,
    templates: Templates,
    findings: Findings,
}

impl<'a> Shape<'a> {
    /// Compares a file, in which nothing is rendered.
    pub fn compare_file(
        source: &Arc<SourceText>,
        files: &dyn Files,
        schema: &Value,
        node: &Node,
    ) -> Findings {
        let templates = Templates::Literal;
        let mut shape =
            Shape { source, files, root: schema, templates, findings: Findings::default() };
        shape.visit(schema, node, "the file");
        shape.findings
    }

    /// Compares the parameters of a task, whose templates are rendered later.
    pub fn compare_params(
        source: &Arc<SourceText>,
        files: &dyn Files,
        schema: &Value,
        with: &Node,
    ) -> Findings {
        let templates = Templates::Rendered;
        let mut shape =
            Shape { source, files, root: schema, templates, findings: Findings::default() };
        shape.visit(schema, with, "`with`");
        shape.findings
    }

    /// Compares an included tree with a part of this schema. It includes no further files, so there is no ring to follow.
    fn compare_included(&self, source: &Arc<SourceText>, schema: &Value, node: &Node) -> Problems {
        let templates = Templates::Literal;
        let mut shape = Shape {
            source,
            files: &NoFiles,
            root: self.root,
            templates,
            findings: Findings::default(),
        };
        shape.visit(schema, node, "the file");
        shape.findings.problems
    }

    /// Compares one node; `name` is what it is called in sentences.
    fn visit(&mut self, schema: &'a Value, node: &Node, name: &str) {
        let schema = self.resolve(schema);
        if schema.get("format").and_then(Value::as_str) == Some("params")
            && node.noun() == "a mapping"
        {
            // The kind's own schema judges these.
            return;
        }
        if let Some(text) = node.as_text().filter(|text| has_template(text)) {
            return self.visit_template(schema, node, text, name);
        }
        if let Some(branches) = union::branches(schema) {
            return self.visit_union(branches, node, name);
        }
        if !union::takes_type(schema, node) {
            let what = format!("{name} must be {}, but is {}", union::nouns(schema), node.noun());
            return self.refuse(node, what, union::examples(schema));
        }
        match &node.content {
            Content::Map(entries) => self.visit_map(schema, node, entries, name),
            Content::List(members) => self.visit_list(schema, node, members, name),
            Content::Text(text) => self.visit_text(schema, node, text),
            Content::Number(number) => {
                self.visit_number(schema, node, number.as_f64().unwrap_or(f64::NAN), name);
            }
            Content::Null | Content::Bool(_) => {}
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            match self.root.pointer(reference.trim_start_matches('#')) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn refuse(&mut self, node: &Node, what: String, hint: Option<String>) {
        self.findings.unfit.insert(node.span.start);
        self.findings.problems.add(Problem::at(self.source, node.span.clone(), what).hint(hint));
    }

    fn visit_template(&mut self, schema: &Value, node: &Node, text: &str, name: &str) {
        let format = schema.get("format").and_then(Value::as_str);
        match (self.templates, format) {
            (_, Some("include")) => {
                let what = format!(
                    "{name} names a file whose content is pinned with the DAG, so it cannot be a template"
                );
                self.refuse(node, what, None);
            }
            (Templates::Literal, _) => {
                let hint = "templates are rendered inside `with`; `when` and `for_each` take bare expressions";
                self.refuse(node, format!("`{text}` is not rendered here"), Some(hint.to_owned()));
            }
            (Templates::Rendered, _) => {}
        }
    }

    fn visit_map(&mut self, schema: &'a Value, node: &Node, entries: &[(Key, Node)], name: &str) {
        let nothing = &*EMPTY;
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(nothing);
        // A map whose keys are names comes as one pattern for them.
        let named = schema
            .get("patternProperties")
            .and_then(Value::as_object)
            .and_then(|map| map.values().next());
        let others = named.or_else(|| schema.get("additionalProperties"));
        let mut seen = HashSet::new();
        for (key, value) in entries {
            if !seen.insert(key.text.as_str()) {
                let what = format!("the key `{}` stands here twice", key.text);
                self.findings.problems.add(Problem::at(self.source, key.span.clone(), what));
            }
            let called = format!("`{}`", key.text);
            match (properties.get(&key.text), others) {
                (Some(property), _) => self.visit(property, value, &called),
                (None, Some(Value::Bool(false))) => {
                    self.findings.unfit.insert(value.span.start);
                    let hint = suggest(&key.text, "keys", properties.keys().map(String::as_str));
                    let problem = Problem::at(
                        self.source,
                        key.span.clone(),
                        format!("unknown key `{}` in {name}", key.text),
                    );
                    self.findings.problems.add(problem.hint(hint));
                }
                (None, Some(other)) => {
                    if named.is_some() {
                        self.check_name(key, value);
                    }
                    self.visit(other, value, &called);
                }
                (None, None) => {}
            }
        }
        self.miss_required(schema, node, name);
        let fewest = schema.get("minProperties").and_then(Value::as_u64).unwrap_or(0);
        if (entries.len() as u64) < fewest {
            self.refuse(node, format!("{name} is empty"), None);
        }
    }

    /// A key that people choose, such as the name of a task.
    fn check_name(&mut self, key: &Key, value: &Node) {
        if let Err(fault) = formats::check("name", &key.text) {
            self.findings.unfit.insert(value.span.start);
            self.findings
                .problems
                .add(Problem::at(self.source, key.span.clone(), fault.what).hint(fault.hint));
        }
    }

    fn miss_required(&mut self, schema: &Value, node: &Node, name: &str) {
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            match node.get(key) {
                Some(value) if self.findings.unfit.contains(&value.span.start) => {
                    // Without this key the rest of the mapping cannot be read either.
                    self.findings.unfit.insert(node.span.start);
                }
                Some(_) => {}
                None => self.refuse(node, format!("{name} lacks the key `{key}`"), None),
            }
        }
    }

    fn visit_list(&mut self, schema: &'a Value, node: &Node, members: &[Node], name: &str) {
        let fewest = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        if (members.len() as u64) < fewest {
            self.refuse(node, format!("{name} is empty"), None);
        }
        let Some(items) = schema.get("items") else {
            return;
        };
        for (index, member) in members.iter().enumerate() {
            self.visit(items, member, &format!("member {} of {name}", index + 1));
        }
    }

    fn visit_text(&mut self, schema: &'a Value, node: &Node, text: &str) {
        match schema.get("format").and_then(Value::as_str) {
            Some("include") => self.visit_include(schema, node, text),
            Some(format) => {
                if let Err(fault) = formats::check(format, text) {
                    self.refuse(node, fault.what, fault.hint);
                }
            }
            None => {}
        }
        let choices: Vec<&str> = schema
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if !choices.is_empty() && !choices.contains(&text) {
            let hint = suggest(text, "values", choices.iter().copied());
            self.refuse(node, format!("unknown value `{text}`"), hint);
        }
    }

    fn visit_number(&mut self, schema: &Value, node: &Node, number: f64, name: &str) {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        if let Some(least) = bound("minimum").filter(|least| number < *least) {
            self.refuse(node, format!("{name} is {number}, but must be at least {least}"), None);
        }
        if let Some(most) = bound("maximum").filter(|most| number > *most) {
            self.refuse(node, format!("{name} is {number}, but must be at most {most}"), None);
        }
    }

    fn visit_include(&mut self, schema: &'a Value, node: &Node, path: &str) {
        let included = match include::read(self.source, self.files, path) {
            Ok(included) => included,
            Err(error) => return self.refuse(node, error.to_string(), error.hint()),
        };
        let mut problems = Problems::default();
        let content = match schema.get("contentSchema").map(|inner| (inner, yaml::parse(&included)))
        {
            None => {
                secrets::tell_in_text(&included, &mut problems);
                Value::String(included.text.clone())
            }
            Some((inner, Ok(tree))) => {
                problems.extend(self.compare_included(&included, inner, &tree));
                secrets::tell_in_tree(&included, &tree, &mut problems);
                tree.to_json()
            }
            Some((_, Err(problem))) => {
                problems.add(problem);
                Value::Null
            }
        };
        if problems.is_empty() {
            self.findings
                .includes
                .push((node.span.start, Included { path: included.path.clone(), content }));
        } else {
            self.findings.unfit.insert(node.span.start);
        }
        self.findings.problems.extend(problems);
    }
}

static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
