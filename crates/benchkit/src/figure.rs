//! One measured number, its spread and its goal.

use std::fmt;

/// What is measured, of whom, and what it should be.
#[derive(Clone, Debug)]
pub struct Figure {
    pub(crate) id: &'static str,
    pub(crate) case: String,
    pub(crate) who: String,
    pub(crate) unit: &'static str,
    pub(crate) goal: Option<Goal>,
}

impl Figure {
    /// A figure of ours without a goal.
    pub fn new(id: &'static str, case: impl Into<String>, unit: &'static str) -> Self {
        Self { id, case: case.into(), who: "tidemill".to_owned(), unit, goal: None }
    }

    /// Sets what it should be.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Says that it is somebody else's.
    #[must_use]
    pub fn of(mut self, who: impl Into<String>) -> Self {
        self.who = who.into();
        self
    }
}

/// What the median should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

impl Goal {
    pub(crate) fn is_met(self, median: f64) -> bool {
        match self {
            Self::AtMost(most) => median <= most,
            Self::AtLeast(least) => median >= least,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {}", Number(*most)),
            Self::AtLeast(least) => write!(f, "at least {}", Number(*least)),
        }
    }
}

/// Where samples lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle one; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// How many there are.
    pub rounds: usize,
}

impl Spread {
    /// `None` without samples, or when one is no number.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        sorted.iter().all(|sample| sample.is_finite()).then_some(Self {
            median,
            min,
            max,
            rounds: sorted.len(),
        })
    }
}

/// A number with as many digits as say something.
pub(crate) struct Number(pub(crate) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        let digits = match size {
            _ if size.fract() == 0.0 || size >= 1000.0 => 0,
            _ if size >= 100.0 => 1,
            _ if size >= 1.0 => 2,
            _ => 3,
        };
        write!(f, "{:.digits$}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_a_number_that_is_none_spoils_all() {
        let spread = Spread::of(&[3.0, 1.0, 10.0, 2.0]).unwrap();

        assert_eq!(spread, Spread { median: 2.5, min: 1.0, max: 10.0, rounds: 4 });
        let one = Spread { median: 5.0, min: 5.0, max: 5.0, rounds: 1 };
        assert_eq!(Spread::of(&[5.0]), Some(one));
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn goals_hold_at_their_limit() {
        assert!(Goal::AtMost(2.0).is_met(2.0) && !Goal::AtMost(2.0).is_met(2.1));
        assert!(Goal::AtLeast(2.0).is_met(2.0) && !Goal::AtLeast(2.0).is_met(1.9));
    }

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let shown = [0.0123, 1.2345, 123.45, 12345.6, 8000.0].map(|n| Number(n).to_string());

        assert_eq!(shown, ["0.012", "1.23", "123.5", "12346", "8000"]);
    }
}
