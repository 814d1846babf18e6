//! What is wrong with a pipeline file, where, and what to do about it.

use std::fmt;

/// One mistake. The place is a JSON pointer, which `dag::yaml` turns into line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, such as `/temporal_features/rolling/1/window`; empty for the whole.
    pub pointer: String,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake at a place.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same mistake, seen from further out.
    #[must_use]
    pub fn below(self, pointer: &str) -> Self {
        Self { pointer: format!("{pointer}{}", self.pointer), ..self }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        write!(f, "{}", self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

/// "did you mean", where something is near; else what there is, if that is short.
pub(crate) fn suggest<'a>(
    given: &str,
    noun: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    const MOST_LISTED: usize = 12;
    let known: Vec<&str> = known.into_iter().collect();
    let lowered = given.to_lowercase();
    // A third of the letters may be wrong, as in compilers.
    let furthest = given.chars().count().max(3) / 3;
    let distance = |name: &str| strsim::damerau_levenshtein(&lowered, &name.to_lowercase());
    let near = known.iter().map(|name| (distance(name), *name)).min();
    if let Some((distance, name)) = near
        && distance <= furthest
    {
        return format!("did you mean `{name}`?");
    }
    let listed: Vec<String> =
        known.iter().take(MOST_LISTED).map(|name| format!("`{name}`")).collect();
    match known.len() {
        0 => format!("there are no {noun}"),
        count if count > MOST_LISTED => {
            format!("known {noun} are {} and {} more", listed.join(", "), count - MOST_LISTED)
        }
        _ => format!("known {noun} are {}", listed.join(", ")),
    }
}
