//! Mistakes of people: where, what, and what to do about it; all of them at once.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Serialize;
use serde::ser::SerializeStruct;

/// A text that problems point into.
#[derive(Debug)]
pub struct SourceText {
    /// Its path, as people know it.
    pub path: String,
    /// The text.
    pub text: String,
    /// Where its lines start, in bytes: found when the first problem is shown.
    lines: OnceLock<Vec<usize>>,
    /// What nobody may see when problems are shown, in bytes.
    concealed: Mutex<Vec<Range<usize>>>,
}

impl PartialEq for SourceText {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, &self.text) == (&other.path, &other.text)
    }
}

impl Eq for SourceText {}

impl SourceText {
    /// A text of a path.
    pub const fn new(path: String, text: String) -> Self {
        Self { path, text, lines: OnceLock::new(), concealed: Mutex::new(Vec::new()) }
    }

    /// Shows asterisks for a part of the text, whatever problem is told of its line.
    pub fn conceal(&self, span: Range<usize>) {
        self.concealed.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.lines().partition_point(|start| *start <= offset);
        (line, self.text[self.lines()[line - 1]..offset].chars().count() + 1)
    }

    /// The byte offset of a line and a column, both from 1; columns count characters.
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let start = line
            .checked_sub(1)
            .and_then(|line| self.lines().get(line))
            .copied()
            .unwrap_or(self.text.len());
        let before = self.text[start..].chars().take(column.saturating_sub(1));
        start + before.map(char::len_utf8).sum::<usize>()
    }

    fn lines(&self) -> &[usize] {
        let starts = || {
            [0].into_iter()
                .chain(self.text.match_indices('\n').map(|(newline, _)| newline + 1))
                .collect()
        };
        self.lines.get_or_init(starts)
    }

    /// A line as people may see it.
    fn line(&self, number: usize) -> String {
        let start = self.lines()[number - 1];
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        let concealed = self.concealed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_concealed = |at: usize| concealed.iter().any(|span| span.contains(&(start + at)));
        let shown = line.trim_end_matches('\r').char_indices();
        shown.map(|(at, character)| if is_concealed(at) { '*' } else { character }).collect()
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    source: Arc<SourceText>,
    /// Where, in bytes of the source; `None` speaks of the whole file.
    span: Option<Range<usize>>,
    /// What is wrong: a lower-case fragment.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A mistake at a place.
    pub fn at(source: &Arc<SourceText>, span: Range<usize>, what: impl Into<String>) -> Self {
        Self { source: Arc::clone(source), span: Some(span), what: what.into(), hint: None }
    }

    /// A mistake of the whole file.
    pub fn of_file(source: &Arc<SourceText>, what: impl Into<String>) -> Self {
        Self { source: Arc::clone(source), span: None, what: what.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same mistake, told of the whole source.
    #[must_use]
    pub fn without_place(self) -> Self {
        Self { span: None, ..self }
    }

    /// The path of the file.
    pub fn path(&self) -> &str {
        &self.source.path
    }

    /// Line and column, both from 1.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.span.as_ref().map(|span| self.source.line_and_column(span.start))
    }

    fn order(&self) -> (&str, Option<usize>, &str) {
        (&self.source.path, self.span.as_ref().map(|span| span.start), &self.what)
    }
}

/// Lines longer than this are not shown: an excerpt is for reading.
const LONGEST_EXCERPT: usize = 160;

/// `error:` with the place, an excerpt that marks it, and `hint:`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.source.path)?;
        if let (Some(span), Some((line, column))) = (&self.span, self.line_and_column()) {
            write!(f, ":{line}:{column}: {}", self.what)?;
            let excerpt = self.source.line(line);
            let is_legible = !excerpt.contains(|c: char| c.is_control() && c != '\t');
            if excerpt.len() <= LONGEST_EXCERPT && is_legible {
                let excerpt = excerpt.trim_end().replace('\t', " ");
                let room = excerpt.chars().count().saturating_sub(column - 1);
                let marked =
                    self.source.text.get(span.clone()).map_or(1, |text| text.chars().count());
                let marks = "^".repeat(marked.clamp(1, room.max(1)));
                let gutter = " ".repeat(line.to_string().len());
                write!(
                    f,
                    "\n {gutter} |\n {line} | {excerpt}\n {gutter} | {}{marks}",
                    " ".repeat(column - 1)
                )?;
            }
        } else {
            write!(f, ": {}", self.what)?;
        }
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let place = self.line_and_column();
        let mut problem = serializer.serialize_struct("Problem", 5)?;
        problem.serialize_field("file", self.path())?;
        problem.serialize_field("line", &place.map(|(line, _)| line))?;
        problem.serialize_field("column", &place.map(|(_, column)| column))?;
        problem.serialize_field("what", &self.what)?;
        problem.serialize_field("hint", &self.hint)?;
        problem.end()
    }
}

/// Mistakes, in the order of files and places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn add(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds those of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The mistakes, sorted by file and place, each once.
    pub fn into_sorted(mut self) -> Vec<Problem> {
        self.0.sort_by(|left, right| left.order().cmp(&right.order()));
        self.0.dedup();
        self.0
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        Self(problems.into_iter().collect())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// The member of `known` that was most likely meant by `given`.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = given.to_lowercase();
    // A third of the letters may be wrong, as in compilers.
    let furthest = given.chars().count().max(3) / 3;
    // The distance is at least the difference of the lengths, which is much quicker to see.
    let length = lowered.chars().count();
    let lowered_candidates =
        known.into_iter().map(|candidate| (candidate.to_lowercase(), candidate));
    let near = lowered_candidates
        .filter(|(candidate, _)| candidate.chars().count().abs_diff(length) <= furthest);
    let scored =
        near.map(|(near, candidate)| (strsim::damerau_levenshtein(&lowered, &near), candidate));
    let (distance, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= furthest).then_some(candidate)
}

/// "did you mean", where something is near; else the list of what there is, if it is short.
pub fn suggest<'a>(
    given: &str,
    noun: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    const MOST_LISTED: usize = 12;
    if let Some(near) = nearest(given, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let names: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    let listed = names.iter().take(MOST_LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => Some(format!("there are no {noun}")),
        count if count > MOST_LISTED => {
            Some(format!("known {noun} are {listed} and {} more", count - MOST_LISTED))
        }
        _ => Some(format!("known {noun} are {listed}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Arc<SourceText> {
        Arc::new(SourceText::new("dags/a.yaml".into(), "dag: ä\ntasks:\n  tun: {}\n".into()))
    }

    #[test]
    fn a_problem_shows_its_place_and_marks_it() {
        let problem = Problem::at(&source(), 17..20, "unknown task `tun`")
            .hint("did you mean `tune`?".to_owned());

        insta::assert_snapshot!(problem, @r"
        error: dags/a.yaml:3:3: unknown task `tun`
           |
         3 |   tun: {}
           |   ^^^
        hint: did you mean `tune`?
        ");
    }

    #[test]
    fn places_and_offsets_are_each_others_inverse() {
        let source = source();

        for offset in [0, 5, 7, 8, 14, 17, 24] {
            let (line, column) = source.line_and_column(offset);
            assert_eq!(source.offset(line, column), offset);
        }
    }

    #[test]
    fn problems_are_sorted_by_place_and_told_once() {
        let mut problems = Problems::default();
        problems.add(Problem::at(&source(), 17..20, "b"));
        problems.add(Problem::at(&source(), 0..3, "a"));
        problems.add(Problem::at(&source(), 17..20, "b"));

        let whats: Vec<String> =
            problems.into_sorted().into_iter().map(|problem| problem.what).collect();

        assert_eq!(whats, ["a", "b"]);
    }

    #[test]
    fn a_far_name_is_not_suggested() {
        assert_eq!(nearest("xgbost", ["ridge", "xgboost"]), Some("xgboost"));
        assert_eq!(nearest("cnn", ["ridge", "xgboost"]), None);
    }
}
