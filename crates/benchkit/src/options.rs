//! What benchmarks take on their command line.

use std::path::PathBuf;

/// The options, as `--help` of whoever passes them on shows them.
pub const HELP: &str = "  --only ID,ID   measure only these figures
  --quick        measure less of what takes minutes; each figure says what it is of
  --rounds N     measure so many rounds where the number is free
  --json FILE    also write one line of JSON for each figure
";

/// What to measure, and where to write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The figures; none is all.
    pub only: Vec<String>,
    /// Whether long measurements are shortened.
    pub is_quick: bool,
    /// How many rounds, where the number is free.
    pub rounds: Option<usize>,
    /// Where lines of JSON are added.
    pub json: Option<PathBuf>,
    /// The folder with the private environments of the peers to measure too.
    pub peers: Option<PathBuf>,
}

/// What was wrong with the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct BadOption(String);

impl std::fmt::Display for BadOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadOption {}

impl Options {
    /// The options that this program was started with.
    pub fn from_arguments() -> Result<Self, BadOption> {
        Self::of(std::env::args().skip(1))
    }

    /// Reads options.
    pub fn of(arguments: impl IntoIterator<Item = String>) -> Result<Self, BadOption> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().ok_or_else(|| BadOption(format!("`{argument}` needs a value")));
            match argument.as_str() {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--quick" => options.is_quick = true,
                "--only" => {
                    options.only.extend(value()?.split(',').map(|id| id.trim().to_owned()));
                }
                "--rounds" => options.rounds = Some(rounds(&value()?)?),
                "--json" => options.json = Some(value()?.into()),
                "--peers" => options.peers = Some(value()?.into()),
                _ => return Err(BadOption(format!("unknown option `{argument}`"))),
            }
        }
        Ok(options)
    }

    /// Refuses figures to measure that are not among the known.
    pub fn expect_only(&self, known: &[&str]) -> Result<(), BadOption> {
        for id in &self.only {
            if !known.contains(&id.as_str()) {
                let known = known.join("`, `");
                return Err(BadOption(format!("unknown figure `{id}`; known are `{known}`")));
            }
        }
        Ok(())
    }

    /// Whether a figure is to be measured.
    pub fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == id)
    }
}

fn rounds(text: &str) -> Result<usize, BadOption> {
    let number = text.parse().ok().filter(|number| (1..=1000).contains(number));
    number.ok_or_else(|| BadOption(format!("`--rounds {text}`: not a number from 1 to 1000")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, BadOption> {
        Options::of(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn all_options_are_read_and_what_cargo_adds_is_ignored() {
        let options =
            read("--only O6,O7 --quick --rounds 3 --json out.json --peers venvs --bench").unwrap();

        let expected = Options {
            only: vec!["O6".into(), "O7".into()],
            is_quick: true,
            rounds: Some(3),
            json: Some("out.json".into()),
            peers: Some("venvs".into()),
        };
        assert_eq!(options, expected);
        assert!(options.wants("O6") && !options.wants("O1"));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let told = |line: &str| read(line).unwrap_err().to_string();

        assert_eq!(told("--fast"), "unknown option `--fast`");
        assert_eq!(told("--only"), "`--only` needs a value");
        assert_eq!(told("--rounds none"), "`--rounds none`: not a number from 1 to 1000");
        assert_eq!(told("--rounds 0"), "`--rounds 0`: not a number from 1 to 1000");
        let options = read("--only O9").unwrap();
        let refused = options.expect_only(&["O1", "O2"]).unwrap_err();
        assert_eq!(refused.to_string(), "unknown figure `O9`; known are `O1`, `O2`");
    }
}
