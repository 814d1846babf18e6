//! Mistakes of people: where, what, and what to do; all of them at once.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, as a path such as `with.folds`; empty for the whole.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// All that is wrong, in the order in which it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// Adds one.
    ///
    /// # Panics
    /// Never: the list holds what was just added.
    pub fn add(&mut self, place: impl Into<String>, message: impl Into<String>) -> &mut Mistake {
        self.0.push(Mistake { place: place.into(), message: message.into(), hint: None });
        self.0.last_mut().expect("it was just added")
    }

    /// Only one.
    pub fn one(place: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let mut mistakes = Self::default();
        mistakes.add(place, message).hint(hint);
        mistakes
    }

    /// Nothing, unless something is wrong.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The same mistakes, one level deeper.
    #[must_use]
    pub fn below(mut self, place: &str) -> Self {
        for mistake in &mut self.0 {
            mistake.place = match mistake.place.as_str() {
                "" => place.to_owned(),
                inner => format!("{place}.{inner}"),
            };
        }
        self
    }
}

impl Mistake {
    /// Says what to do about it.
    pub fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// "did you mean", where something is near; else the list of what there is.
pub fn suggest<'a>(given: &str, noun: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let lowered = given.to_lowercase();
    // A third of the letters may be wrong, as in compilers.
    let furthest = given.chars().count().max(3) / 3;
    let near = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&lowered, &name.to_lowercase()), *name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= furthest);
    match near {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if known.is_empty() => format!("there are no {noun}"),
        None => format!("known {noun} are `{}`", known.join("`, `")),
    }
}

/// Reads parameters and tells all keys that are unknown, missing or of the wrong type, and what `examine` finds in those that are right.
/// `sample` is a set of parameters that is right: each given value is tried in it by itself, so that one mistake does not hide the others.
///
/// # Errors
/// All that is wrong.
pub fn read<T: DeserializeOwned + JsonSchema>(
    given: &Map<String, Value>,
    sample: &Value,
    examine: impl Fn(&T, &mut Mistakes),
) -> Result<T, Mistakes> {
    let schema = schemars::schema_for!(T).to_value();
    let known: Vec<&str> = schema["properties"]
        .as_object()
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let mut mistakes = Mistakes::default();
    let mut right = given.clone();
    for (key, value) in given {
        if !known.contains(&key.as_str()) {
            let hint = suggest(key, "keys", known.iter().copied());
            mistakes.add(key, format!("unknown key `{key}`")).hint(hint);
            right.remove(key);
            continue;
        }
        let mut tried = sample.as_object().cloned().unwrap_or_default();
        tried.insert(key.clone(), value.clone());
        if let Err(error) = serde_path_to_error::deserialize::<_, T>(Value::Object(tried)) {
            let place = error.path().to_string();
            let place = if place == "." { key.clone() } else { place };
            mistakes.add(place, error.inner().to_string());
            right.remove(key);
        }
    }
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !given.contains_key(key) {
            let example = &sample[key];
            mistakes
                .add("", format!("`{key}` is missing"))
                .hint(format!("for example `{key}: {example}`"));
        }
    }
    // Fails where something that is needed is missing or wrong, which was told.
    let read = serde_path_to_error::deserialize::<_, T>(Value::Object(right));
    if let Ok(read) = &read {
        examine(read, &mut mistakes);
    }
    mistakes.check()?;
    read.map_err(|error| {
        let mut mistakes = Mistakes::default();
        mistakes.add(error.path().to_string(), error.inner().to_string());
        mistakes
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::time::Span;

    #[derive(Debug, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Params {
        folds: u32,
        test: Span,
        window: Option<Span>,
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let given = json!({ "fold": 3, "window": "5y", "folds": -1 });
        let sample = json!({ "folds": 5, "test": "7d" });

        let mistakes = read::<Params>(given.as_object().unwrap(), &sample, |_, _| {}).unwrap_err();

        insta::assert_snapshot!(mistakes, @"
        fold: unknown key `fold`
        hint: did you mean `folds`?
        folds: invalid value: integer `-1`, expected u32
        window: read `5y` as a length of time: it is written as 90s, 30m, 24h, 7d or 1h30m
        `test` is missing
        hint: for example `test: \"7d\"`
        ");
    }
}
