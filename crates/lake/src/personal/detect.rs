//! The question that every detector answers, and how sure the answers make us.

use super::column_name::{ColumnName, Hint};
use super::detectors::detectors;
use super::mask::mask;
use super::sample::ColumnSample;

/// From here on a find asks for a decision, unless the settings say otherwise.
pub const CONFIDENT: f64 = 0.8;

/// Below this a find is not worth a word.
pub const SUSPECTED: f64 = 0.4;

/// One column in so many holds personal data of a given sort, before anything is known about it.
const OTHER_COLUMNS: f64 = 99.0;

/// How sure a value that matches is of the sort, without doubt at 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// In a column whose name says nothing.
    pub alone: f64,
    /// In a column whose name says so.
    pub named: f64,
}

impl Weight {
    /// Sure by itself.
    pub const SURE: Self = Self { alone: 1.0, named: 1.0 };

    fn under(self, hint: Hint) -> f64 {
        match hint {
            Hint::None => self.alone,
            Hint::Vague => f64::midpoint(self.alone, self.named),
            Hint::Clear => self.named,
        }
    }
}

/// Knows one sort of personal data.
pub trait Detector: Sync {
    /// Its name in reports; never renamed.
    fn name(&self) -> &'static str;

    /// What it finds, in the plural.
    fn finds(&self) -> &'static str;

    /// Words in names of columns that say so, lower case and without accents.
    fn words(&self) -> &'static [&'static str];

    /// Whole names of columns that might say so.
    fn vague_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// Words in names of columns that say that it is something else.
    fn contrary_words(&self) -> &'static [&'static str] {
        &[]
    }

    /// How often a value of another sort, but of the same shape, matches by chance.
    fn chance(&self) -> f64;

    /// The share of values that has to match for the column to be of this sort.
    fn enough(&self) -> f64;

    /// How sure one value is of this sort: nothing, if it is not.
    fn weigh(&self, value: &str) -> Option<Weight>;
}

/// Personal data that a column seems to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The column.
    pub column: String,
    /// The detector's name.
    pub detector: &'static str,
    /// What it found, in the plural.
    pub finds: &'static str,
    /// Between 0 and 1. Every value that matches has a weight `w`, larger where the name of the column hints at it. For each weight
    /// that occurs, let `share` be the share of values with at least that weight (of all values, or of all different values, whichever
    /// is larger) and `m` the number of different ones. The confidence is the largest
    /// `w × min(1, share / enough) × 1 / (1 + odds × chance^m)`, where `enough` and `chance` belong to the detector, and `odds` are
    /// those of any other column against this one: 99 to 1, or 1 to 1 where the name hints at it (Bayes' rule).
    pub confidence: f64,
    /// How many of the sample's values matched.
    pub matching: u64,
    /// How many values the sample has.
    pub values: u64,
    /// Some that matched, masked.
    pub examples: Vec<String>,
}

/// What is personal in the columns of a sample: per column, the surest first; nothing below [`SUSPECTED`].
pub fn find(samples: &[ColumnSample]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for sample in samples {
        let of_column = detectors().iter().filter_map(|detector| ask(*detector, sample));
        let mut of_column: Vec<Finding> =
            of_column.filter(|finding| finding.confidence >= SUSPECTED).collect();
        of_column.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
        findings.extend(of_column);
    }
    findings
}

/// What matched with at least some weight.
#[derive(Clone, Copy, Default)]
struct Matches {
    values: u64,
    different: u32,
}

/// What one detector says of one column.
fn ask(detector: &dyn Detector, sample: &ColumnSample) -> Option<Finding> {
    const EXAMPLES: usize = 3;
    let hint = hint(detector, &ColumnName::new(sample.name()));
    let mut weighed = Vec::new();
    let mut examples = Vec::new();
    for (value, count) in sample.values() {
        let Some(weight) = detector.weigh(value) else { continue };
        weighed.push((weight.under(hint), count));
        if examples.len() < EXAMPLES {
            examples.push(mask(value));
        }
    }
    weighed.sort_by(|one, other| other.0.total_cmp(&one.0));
    let mut confidence: f64 = 0.0;
    let mut matches = Matches::default();
    for (weight, count) in weighed {
        matches.values += count;
        matches.different += 1;
        confidence = confidence.max(weight * credence(detector, sample, matches, hint));
    }
    examples.dedup();
    Some(Finding {
        column: sample.column().to_owned(),
        detector: detector.name(),
        finds: detector.finds(),
        confidence,
        matching: matches.values,
        values: sample.count(),
        examples,
    })
    .filter(|finding| finding.matching > 0)
}

/// Coverage times the odds against chance.
fn credence(detector: &dyn Detector, sample: &ColumnSample, matches: Matches, hint: Hint) -> f64 {
    let of_all = matches.values as f64 / sample.count() as f64;
    let of_different = f64::from(matches.different) / sample.different() as f64;
    let coverage = (of_all.max(of_different) / detector.enough()).min(1.0);
    let odds = if hint == Hint::None { OTHER_COLUMNS } else { 1.0 };
    coverage / (1.0 + odds * detector.chance().powf(f64::from(matches.different)))
}

fn hint(detector: &dyn Detector, name: &ColumnName) -> Hint {
    if name.has(detector.contrary_words()) {
        return Hint::None;
    }
    match (name.has(detector.words()), name.is(detector.vague_names()), name.is_about()) {
        (true, _, false) => Hint::Clear,
        (true, _, true) | (false, true, _) => Hint::Vague,
        (false, false, _) => Hint::None,
    }
}
