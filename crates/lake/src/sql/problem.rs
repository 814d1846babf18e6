//! Why a statement has no answer.

use std::time::Duration;

use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use super::excerpt::Place;
use crate::nearest::{nearest, suggest};

/// A statement has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The statement cannot be run as it is written.
    #[error("run the statement: {}", .0.message)]
    Rejected(Box<Rejected>),

    /// A data set cannot be asked.
    #[error("open data set `{dataset}`")]
    Open {
        /// The data set.
        dataset: String,
        /// What is in the way.
        #[source]
        source: Box<DataFusionError>,
    },

    /// Two data sets have one name.
    #[error("open data set `{dataset}`: there is another one of this name")]
    Twice {
        /// The name.
        dataset: String,
    },

    /// The session cannot be set up.
    #[error("prepare memory of {memory_bytes} bytes and a folder on disk for statements")]
    Prepare {
        /// The memory asked for.
        memory_bytes: u64,
        /// What is in the way.
        #[source]
        source: Box<DataFusionError>,
    },

    /// The statement needs more memory than there is.
    #[error("run the statement in {memory_bytes} bytes of memory")]
    OutOfMemory {
        /// What it had.
        memory_bytes: u64,
        /// Who asked for more.
        #[source]
        source: Box<DataFusionError>,
    },

    /// The statement took too long.
    #[error("run the statement within {limit:?}")]
    Deadline {
        /// What it had.
        limit: Duration,
    },

    /// Somebody wanted no answer any more.
    #[error("run the statement: it was cancelled")]
    Cancelled,

    /// Something failed under way.
    #[error("run the statement")]
    Run {
        /// What failed.
        #[source]
        source: Box<DataFusionError>,
    },

    /// The answer cannot be written in this format.
    #[error("write the answer as {format}: {message}")]
    Unwritable {
        /// The format.
        format: &'static str,
        /// What does not fit.
        message: String,
        /// What to do about it.
        hint: &'static str,
    },

    /// The answer cannot be written.
    #[error("write the answer")]
    Write {
        /// What failed.
        #[source]
        source: std::io::Error,
    },
}

impl SqlError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Rejected(rejected) => rejected.hint.as_deref(),
            Self::OutOfMemory { .. } => Some(
                "give it more memory, select fewer rows and columns, or aggregate before joining",
            ),
            Self::Deadline { .. } => {
                Some("give it more time, or ask for a shorter stretch of time")
            }
            Self::Unwritable { hint, .. } => Some(hint),
            Self::Open { .. }
            | Self::Twice { .. }
            | Self::Prepare { .. }
            | Self::Cancelled
            | Self::Run { .. }
            | Self::Write { .. } => None,
        }
    }

    /// The line of the statement, with the place marked.
    pub fn excerpt(&self) -> Option<&str> {
        let Self::Rejected(rejected) = self else { return None };
        rejected.excerpt.as_deref()
    }
}

/// What is wrong with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What is wrong.
    pub message: String,
    /// The line, with the place marked.
    pub excerpt: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A mistake in a statement, at its place if it has one.
pub(super) fn rejected(
    place: Option<Place>,
    statement: &str,
    message: String,
    hint: Option<String>,
) -> SqlError {
    let excerpt = place.map(|place| place.excerpt(statement));
    SqlError::Rejected(Box::new(Rejected { message, excerpt, hint }))
}

/// A statement that is no SQL.
pub(super) fn of_syntax(statement: &str, error: &DataFusionError) -> SqlError {
    let text = match error.find_root() {
        DataFusionError::SQL(error, _) => match error.as_ref() {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.clone(),
            ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
        },
        other => other.message().into_owned(),
    };
    let (text, place) = match text.rsplit_once(" at Line: ") {
        Some((text, place)) => (text, parsed(place)),
        None => (text.as_str(), None),
    };
    let message =
        match text.strip_prefix("Expected: ").and_then(|text| text.split_once(", found: ")) {
            Some((expected, "EOF")) => format!("expected {expected}, but that is the end"),
            Some((expected, found)) => format!("expected {expected}, found `{found}`"),
            None => lower_case(text),
        };
    let place = match place {
        Some((line, column)) => Place::of_word(statement, line, column),
        None => Place::end(statement),
    };
    rejected(Some(place), statement, message, None)
}

/// A statement that asks for what there is not, or for what cannot be done. `functions` are all that could be called.
pub(super) fn of_meaning(
    statement: &str,
    error: &DataFusionError,
    functions: &[String],
) -> SqlError {
    let diagnostic = error.diagnostic();
    let place = diagnostic.and_then(start_of);
    let place = place.map(|(line, column)| Place::of_word(statement, line, column));
    let (message, hint) = match error.find_root() {
        DataFusionError::SchemaError(cause, _) => of_schema(cause),
        DataFusionError::Plan(text) => match (unknown_function(text), diagnostic) {
            (Some(name), _) => of_function(name, functions),
            (None, Some(diagnostic)) => {
                let help = diagnostic.helps.first().map(|help| lower_case(&help.message));
                (lower_case(&diagnostic.message), help)
            }
            (None, None) => (lower_case(text), None),
        },
        other => (lower_case(&other.message()), None),
    };
    rejected(place, statement, message.trim_end_matches('.').to_owned(), hint)
}

fn of_schema(cause: &SchemaError) -> (String, Option<String>) {
    match cause {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names = valid_fields.iter().map(|field| field.name.as_str());
            let hint = suggest(&field.name, "columns", names);
            (format!("there is no column `{}`", field.flat_name()), Some(hint))
        }
        SchemaError::AmbiguousReference { field } => (
            format!("there are several columns `{}`", field.flat_name()),
            Some(format!("say of which data set: `name.{}`", field.name)),
        ),
        SchemaError::DuplicateQualifiedField { .. }
        | SchemaError::DuplicateUnqualifiedField { .. } => {
            let hint = "give one of them another name with `AS`".to_owned();
            (lower_case(&cause.to_string()), Some(hint))
        }
    }
}

fn of_function(name: &str, functions: &[String]) -> (String, Option<String>) {
    const ALL: &str = "`select distinct routine_name from information_schema.routines` lists them";
    let near = nearest(name, functions.iter().map(String::as_str));
    let hint = near.map_or_else(|| ALL.to_owned(), |near| format!("did you mean `{near}`?"));
    (format!("there is no function `{name}`"), Some(hint))
}

/// The name in the planner's message about a function that there is not.
fn unknown_function(text: &str) -> Option<&str> {
    text.strip_prefix("Invalid function '")?.split('\'').next()
}

/// An error of a statement that was running.
pub(super) fn of_run(memory_bytes: u64, error: DataFusionError) -> SqlError {
    let source = Box::new(error);
    match source.find_root() {
        DataFusionError::ResourcesExhausted(_) => SqlError::OutOfMemory { memory_bytes, source },
        _ => SqlError::Run { source },
    }
}

/// `1, Column: 15` as numbers.
fn parsed(place: &str) -> Option<(usize, usize)> {
    let (line, column) = place.split_once(", Column: ")?;
    line.parse().ok().zip(column.trim().parse().ok())
}

/// Messages begin with a small letter, but names and abbreviations stay.
fn lower_case(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Where a diagnosis points to: line and column.
fn start_of(diagnostic: &Diagnostic) -> Option<(usize, usize)> {
    let start = diagnostic.span?.start;
    Some((usize::try_from(start.line).ok()?, usize::try_from(start.column).ok()?))
}
