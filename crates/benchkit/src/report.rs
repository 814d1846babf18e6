//! Figures as people and programs read them.

use std::fs::{File, OpenOptions};
use std::io::Write;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::figure::{Figure, Number, Spread};
use crate::machine;
use crate::options::Options;

/// Prints figures as they come, and remembers whether all are right.
#[derive(Debug)]
pub struct Report {
    json: Option<std::path::PathBuf>,
    failed: usize,
}

impl Report {
    /// Prints what is measured on what.
    pub fn begin(options: &Options, versions: &[&str]) -> Self {
        println!("machine: {}", machine::describe());
        println!("versions: {}", versions.join(", "));
        println!("load before: {}\n", machine::load());
        Self { json: options.json.clone(), failed: 0 }
    }

    /// Prints one figure, or why there is none; gives the spread to whoever compares.
    pub fn add(&mut self, figure: &Figure, samples: Result<Vec<f64>>) -> Result<Option<Spread>> {
        let spread = samples
            .and_then(|samples| Spread::of(&samples).context("a sample is missing, or no number"));
        println!("{}", line(figure, &spread));
        if spread.is_err() {
            self.failed += 1;
        }
        if let Some(path) = &self.json {
            let row = row(figure, &spread)?;
            let file = OpenOptions::new().append(true).create(true).open(path);
            let written = file.and_then(|mut file: File| writeln!(file, "{row}"));
            written.with_context(|| format!("write `{}`", path.display()))?;
        }
        Ok(spread.ok())
    }

    /// Prints a sentence beside the figures.
    pub fn note(&self, text: &str) {
        println!("      {text}");
    }

    /// Fails unless all figures passed their gates.
    pub fn end(self) -> Result<()> {
        println!("\nload after: {}", machine::load());
        match self.failed {
            0 => Ok(()),
            1 => bail!("one figure did not pass its gate"),
            failed => bail!("{failed} figures did not pass their gates"),
        }
    }
}

fn line(figure: &Figure, spread: &Result<Spread>) -> String {
    let Figure { id, case, who, unit, goal } = figure;
    let begin = format!("{id:<5} {who:<16} {case}");
    let spread = match spread {
        Ok(spread) => spread,
        Err(why) => return format!("{begin}\n      WRONG, so no figure: {why:#}"),
    };
    let Spread { median, min, max, rounds } = *spread;
    let around = match rounds {
        1 => String::new(),
        _ => format!(" (median of {rounds}: {} to {})", Number(min), Number(max)),
    };
    let verdict = goal.map_or_else(String::new, |goal| {
        let verdict = if goal.is_met(median) { "met" } else { "MISSED" };
        format!("; goal: {goal} {unit}, {verdict}")
    });
    format!("{begin}\n      {} {unit}{around}{verdict}", Number(median))
}

/// A line of JSON: these names in this order.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    case: &'a str,
    who: &'a str,
    unit: &'a str,
    median: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    rounds: usize,
    gate: String,
}

fn row(figure: &Figure, spread: &Result<Spread>) -> Result<String> {
    let Figure { id, case, who, unit, goal: _ } = figure;
    let numbers = spread.as_ref().ok();
    let row = Row {
        id,
        case,
        who,
        unit,
        median: numbers.map(|spread| spread.median),
        min: numbers.map(|spread| spread.min),
        max: numbers.map(|spread| spread.max),
        rounds: numbers.map_or(0, |spread| spread.rounds),
        gate: match spread {
            Ok(_) => "passed".to_owned(),
            Err(why) => format!("failed: {why:#}"),
        },
    };
    serde_json::to_string(&row).context("write a row")
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;
    use crate::figure::Goal;

    fn figure() -> Figure {
        Figure::new("O1", "40 tasks", "ms").goal(Goal::AtMost(400.0))
    }

    #[test]
    fn a_figure_says_its_spread_and_what_became_of_its_goal() {
        let spread = |samples: &[f64]| Ok(Spread::of(samples).unwrap());

        assert_eq!(
            line(&figure(), &spread(&[300.0, 310.0, 350.0])),
            "O1    tidemill         40 tasks\n      310 ms (median of 3: 300 to 350); goal: at most 400 ms, met"
        );
        assert!(
            line(&figure(), &spread(&[500.0])).ends_with("500 ms; goal: at most 400 ms, MISSED")
        );
        let other = Figure::new("O1", "40 tasks", "ms").of("a peer");
        assert!(line(&other, &spread(&[500.0])).ends_with("500 ms"));
    }

    #[test]
    fn each_figure_is_one_row_and_a_wrong_one_has_no_number() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = Options { json: Some(file.path().into()), ..Options::default() };
        let mut report = Report::begin(&options, &[]);

        report.add(&figure(), Ok(vec![1.0, 2.0, 4.0])).unwrap();
        report.add(&figure().of("a peer"), Err(anyhow!("out of order"))).unwrap();

        let text = std::fs::read_to_string(file.path()).unwrap();
        let right = r#"{"id":"O1","case":"40 tasks","who":"tidemill","unit":"ms","median":2.0,"min":1.0,"max":4.0,"rounds":3,"gate":"passed"}"#;
        let wrong = r#"{"id":"O1","case":"40 tasks","who":"a peer","unit":"ms","median":null,"min":null,"max":null,"rounds":0,"gate":"failed: out of order"}"#;
        assert_eq!(text, format!("{right}\n{wrong}\n"));
        assert_eq!(report.end().unwrap_err().to_string(), "one figure did not pass its gate");
    }
}
