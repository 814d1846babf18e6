//! Why personal data cannot be landed as it is said, or treated.

use std::fmt;

use datafusion::arrow::error::ArrowError;

use super::detect::Finding;

/// Personal data cannot be landed like this.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PersonalDataError {
    /// Personal data was found in columns about which nothing is said.
    #[error("land personal data about which nothing is decided: {}", listed(.columns, "; "))]
    Untreated {
        /// All of these columns.
        columns: Vec<UntreatedColumn>,
    },

    /// What is said about personal data cannot be done.
    #[error("treat personal data: {}", listed(.problems, "; "))]
    Settings {
        /// All that is wrong.
        problems: Vec<PolicyProblem>,
    },
}

impl PersonalDataError {
    /// What to do about it; for finds, the lines to add.
    pub fn hint(&self) -> String {
        match self {
            Self::Untreated { columns } => {
                let line =
                    |column: &UntreatedColumn| format!("\n    {}: mask", yaml_key(&column.column));
                let lines: String = columns.iter().map(line).collect();
                format!(
                    "say what is to become of it (keep, mask, hash, tokenise or drop):\n\
                     personal:\n  columns:{lines}"
                )
            }
            Self::Settings { problems } => {
                let hints: Vec<&str> =
                    problems.iter().map(|problem| problem.hint.as_str()).collect();
                hints.join("\n")
            }
        }
    }
}

/// A column with personal data about which nothing is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct UntreatedColumn {
    /// The column.
    pub column: String,
    /// What was found, the surest first.
    pub findings: Vec<Finding>,
}

impl fmt::Display for UntreatedColumn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` seems to hold ", self.column)?;
        for (index, finding) in self.findings.iter().enumerate() {
            let before = if index == 0 { "" } else { ", or " };
            write!(formatter, "{before}{} ({}, confidence ", finding.finds, finding.detector)?;
            write!(
                formatter,
                "{:.2}, such as `{}`)",
                finding.confidence,
                finding.examples.join("`, `")
            )?;
        }
        Ok(())
    }
}

/// Something that is wrong with what is said about personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The column, where it is about one.
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// A batch cannot be treated. Says nothing about values.
#[derive(Debug, thiserror::Error)]
pub enum TreatError {
    /// The batch is not of the table that the policies were made for.
    #[error("treat personal data in a batch whose columns are not those of the table")]
    OtherTable,

    /// A value has no text that could be masked or hashed.
    #[error("read a value of column `{column}` as text, in row {row} of a batch")]
    Unreadable {
        /// The column.
        column: String,
        /// The row within the batch, from 0.
        row: usize,
    },

    /// The treated columns make no batch.
    #[error("put treated columns together")]
    Assemble {
        /// What the columns lack.
        #[source]
        source: ArrowError,
    },
}

fn listed<T: fmt::Display>(items: &[T], between: &str) -> String {
    let texts: Vec<String> = items.iter().map(T::to_string).collect();
    texts.join(between)
}

/// A name as a key of YAML: in quotes, unless it is a plain word.
fn yaml_key(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let starts_well = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    // Words that YAML may read as something else than text.
    let is_word = matches!(
        name.to_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    if starts_well && name.chars().all(is_plain) && !is_word {
        return name.to_owned();
    }
    serde_json::Value::from(name).to_string()
}
