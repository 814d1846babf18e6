//! YAML as a tree that knows its places; the only user of the YAML parser.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::budget::{Budget, BudgetBreach};
use serde_saphyr::{DuplicateKeyPolicy, Error, Options, Spanned};

use crate::problem::{Problem, SourceText};

/// The largest file that is read.
pub const LARGEST_FILE: usize = 1024 * 1024;
/// The deepest nesting that is read.
pub const DEEPEST_NESTING: usize = 64;

/// What aliases may unfold to: they are for a few shared blocks.
const MOST_UNFOLDED: usize = 100_000;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands, in bytes.
    pub span: Range<usize>,
    /// What it is.
    pub content: Content,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, with its duplicate keys.
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Where it stands, in bytes.
    pub span: Range<usize>,
    /// The key; numbers and truth values as they are printed.
    pub text: String,
}

/// Reads one YAML document. The parser stops at the first error of syntax.
pub fn parse(source: &Arc<SourceText>) -> Result<Node, Problem> {
    if source.text.len() > LARGEST_FILE {
        let what =
            format!("the file has {} bytes; at most {LARGEST_FILE} are read", source.text.len());
        return Err(
            Problem::of_file(source, what).hint("split it, or move data out of it".to_owned())
        );
    }
    if source.text.contains('\0') {
        return Err(Problem::of_file(source, "the file is not text: it holds NUL bytes"));
    }
    let node: Node = serde_saphyr::from_str_with_options(&source.text, options())
        .map_err(|error| problem(source, &error))?;
    match node.find_nul() {
        Some(span) => Err(Problem::at(source, span, "a text holds a NUL character")),
        None => Ok(node),
    }
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_depth = DEEPEST_NESTING;
    budget.max_documents = 1;
    budget.max_aliases = 1_000;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = MOST_UNFOLDED;
    // All duplicates are seen and reported with the other problems.
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    options.strict_booleans = true;
    options.with_snippet = false;
    options
}

fn problem(source: &Arc<SourceText>, error: &serde_saphyr::Error) -> Problem {
    let what = in_plain_words(error);
    match error.location() {
        Some(location) => {
            let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            let offset = source.offset(number(location.line()), number(location.column()));
            Problem::at(source, offset..offset + 1, what)
        }
        None => Problem::of_file(source, what),
    }
}

fn in_plain_words(error: &serde_saphyr::Error) -> String {
    match error.without_snippet() {
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            format!("the file nests deeper than {DEEPEST_NESTING} levels")
        }
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "the file holds more than one YAML document; only one is read".to_owned()
        }
        Error::Budget { .. } => {
            "the file holds more keys, values or aliases than are read".to_owned()
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "an alias refers to what it is part of".to_owned()
        }
        // The parser wraps this one in another error when it comes up inside a value.
        other if other.render().contains("alias replay limit") => {
            format!("the aliases of the file unfold to more than {MOST_UNFOLDED} values")
        }
        _ => {
            // The parser's own words, without the place, which the problem tells.
            let what = error.without_snippet().render();
            let what =
                what.split(" at line ").next().unwrap_or(&what).trim_start_matches("error: ");
            match what.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
                Some((_, rest)) => rest.to_owned(),
                None => what.to_owned(),
            }
        }
    }
}

impl Node {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Content::Text(text) = &self.content { Some(text) } else { None }
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Key, Self)] {
        if let Content::Map(entries) = &self.content { entries } else { &[] }
    }

    /// The members of a list; none for anything else.
    pub fn members(&self) -> &[Self] {
        if let Content::List(members) = &self.content { members } else { &[] }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// A key with its value; the last one of duplicates.
    pub fn entry(&self, key: &str) -> Option<&(Key, Self)> {
        self.entries().iter().rev().find(|(found, _)| found.text == key)
    }

    /// The node at a JSON pointer, or the nearest one above it.
    pub fn at_pointer(&self, pointer: &str) -> &Self {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let member = part.parse::<usize>().ok().and_then(|index| node.members().get(index));
            match node.get(&part).or(member) {
                Some(found) => node = found,
                None => break,
            }
        }
        node
    }

    /// Where a text or a key holds a NUL character, which no database keeps.
    fn find_nul(&self) -> Option<Range<usize>> {
        match &self.content {
            Content::Text(text) => text.contains('\0').then(|| self.span.clone()),
            Content::List(members) => members.iter().find_map(Self::find_nul),
            Content::Map(entries) => entries.iter().find_map(|(key, value)| {
                let in_key = key.text.contains('\0').then(|| key.span.clone());
                in_key.or_else(|| value.find_nul())
            }),
            Content::Null | Content::Bool(_) | Content::Number(_) => None,
        }
    }

    /// What it is called in a sentence.
    pub const fn noun(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "a truth value",
            Content::Number(_) => "a number",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }

    /// The same value as JSON.
    pub fn to_json(&self) -> Value {
        self.to_json_with(&|_| Turn::Keep)
    }

    /// The same value as JSON; `turn` decides for each node below.
    pub fn to_json_with(&self, turn: &impl Fn(&Self) -> Turn) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(members) => {
                members.iter().filter_map(|member| member.turned(turn)).collect()
            }
            Content::Map(entries) => {
                let turned = entries
                    .iter()
                    .filter_map(|(key, value)| Some((key.text.clone(), value.turned(turn)?)));
                Value::Object(turned.collect::<Map<_, _>>())
            }
        }
    }

    fn turned(&self, turn: &impl Fn(&Self) -> Turn) -> Option<Value> {
        match turn(self) {
            Turn::Keep => Some(self.to_json_with(turn)),
            Turn::LeaveOut => None,
            Turn::Replace(value) => Some(value),
        }
    }
}

/// What becomes of a node on the way to JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// It stays.
    Keep,
    /// It goes, with its key.
    LeaveOut,
    /// Another value takes its place.
    Replace(Value),
}

fn range(location: serde_saphyr::Location) -> Range<usize> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset().unwrap_or(0)).unwrap_or(0);
    start..start + usize::try_from(span.byte_len().unwrap_or(1)).unwrap_or(1).max(1)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { span: range(referenced), content: value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Node { span, content } = Node::deserialize(deserializer)?;
        let text = match content {
            Content::Text(text) => text,
            Content::Bool(value) => value.to_string(),
            Content::Number(number) => number.to_string(),
            Content::Null => "null".to_owned(),
            Content::List(_) | Content::Map(_) => {
                return Err(serde::de::Error::custom(
                    "a key must be a text, not a list or a mapping",
                ));
            }
        };
        Ok(Self { span, text })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Content, E> {
        Number::from_f64(value)
            .map(Content::Number)
            .ok_or_else(|| E::custom(format!("`{value}` is not a finite number")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Content, E> {
        Ok(Content::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_element()? {
            members.push(member);
        }
        Ok(Content::List(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Content::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Arc<SourceText> {
        Arc::new(SourceText::new("a.yaml".into(), text.into()))
    }

    fn parsed(text: &str) -> Node {
        parse(&source(text)).unwrap()
    }

    #[test]
    fn values_know_their_places() {
        let node = parsed("a: 1\nb: { c: 06:00, d: [x, 'y z'] }\n");
        let b = node.get("b").unwrap();

        assert_eq!(node.get("a").unwrap().span, 3..4);
        assert_eq!(b.get("c").unwrap().as_text(), Some("06:00"));
        assert_eq!(b.entry("d").unwrap().0.span, 20..21);
        assert_eq!(b.get("d").unwrap().members()[1].span, 27..32);
    }

    #[test]
    fn duplicate_keys_are_kept_for_the_report() {
        assert_eq!(parsed("a: 1\na: 2\n").entries().len(), 2);
    }

    #[test]
    fn only_true_and_false_are_truth_values() {
        let node = parsed("a: no\nb: off\nc: true\nd: 2026-11-20\ne: 1d\n");
        let kinds: Vec<&str> = node.entries().iter().map(|(_, value)| value.noun()).collect();

        assert_eq!(kinds, ["a text", "a text", "a truth value", "a text", "a text"]);
    }

    #[test]
    fn bad_files_are_refused_with_their_reason() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let laughs =
            (1..20).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
                let alias = format!("*a{}, ", level - 1).repeat(9);
                format!("{text}a{level}: &a{level} [{alias}]\n")
            });
        for text in [
            "a: [1, 2",
            "a: b: c",
            "\0",
            "a: 1\n---\nb: 2\n",
            &deep,
            &laughs,
            &"x".repeat(LARGEST_FILE + 1),
        ] {
            assert!(parse(&source(text)).is_err(), "{}", &text[..text.len().min(20)]);
        }
    }

    #[test]
    fn a_syntax_error_has_a_place_and_no_snippet_of_its_own() {
        let problem = parse(&source("a: 1\nb: [1, 2\n")).unwrap_err();

        insta::assert_snapshot!(problem, @r"
        error: a.yaml:2:4: unclosed bracket '['
           |
         2 | b: [1, 2
           |    ^
        ");
    }
}
