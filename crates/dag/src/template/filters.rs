//! Filters on instants: `interval.start | date`, `interval.end | minus("1d") | strftime("%Y/%m")`.

use chrono::{DateTime, FixedOffset};
use minijinja::{Environment, Error, ErrorKind};

use crate::time::Lapse;

/// The filters that a DAG file may use: ours first, then the pure ones of minijinja.
pub const FILTERS: [&str; 36] = [
    "date", "time", "strftime", "utc", "unix", "plus", "minus", "abs", "bool", "count", "default",
    "dictsort", "first", "float", "int", "items", "join", "last", "length", "list", "lower", "max",
    "min", "replace", "reverse", "round", "slice", "sort", "split", "string", "sum", "title",
    "tojson", "trim", "unique", "upper",
];

/// The tests that a DAG file may use.
pub const TESTS: [&str; 16] = [
    "defined",
    "undefined",
    "none",
    "true",
    "false",
    "odd",
    "even",
    "number",
    "integer",
    "float",
    "string",
    "sequence",
    "mapping",
    "in",
    "startingwith",
    "endingwith",
];

/// Adds our filters.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("date", |text: &str| shown(text, "%Y-%m-%d"));
    environment.add_filter("time", |text: &str| shown(text, "%H:%M:%S"));
    environment.add_filter("strftime", |text: &str, format: &str| shown(text, format));
    environment
        .add_filter("utc", |text: &str| Ok::<_, Error>(instant(text)?.to_utc().to_rfc3339()));
    environment.add_filter("unix", |text: &str| Ok::<_, Error>(instant(text)?.timestamp()));
    environment.add_filter("plus", |text: &str, by: &str| moved(text, by, 1));
    environment.add_filter("minus", |text: &str, by: &str| moved(text, by, -1));
}

fn instant(text: &str) -> Result<DateTime<FixedOffset>, Error> {
    DateTime::parse_from_rfc3339(text)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("`{text}` is not an instant")))
}

fn shown(text: &str, format: &str) -> Result<String, Error> {
    let items = chrono::format::StrftimeItems::new(format).parse();
    let items = items.map_err(|_| {
        Error::new(ErrorKind::InvalidOperation, format!("`{format}` is not a time format"))
    })?;
    Ok(instant(text)?.format_with_items(items.iter()).to_string())
}

fn moved(text: &str, by: &str, sign: i32) -> Result<String, Error> {
    let refused = |what: String| Error::new(ErrorKind::InvalidOperation, what);
    let lapse: Lapse =
        by.parse().map_err(|_| refused(format!("`{by}` is not a length of time")))?;
    let moved = instant(text)?.checked_add_signed(lapse.delta() * sign);
    moved
        .map(|moved| moved.to_rfc3339())
        .ok_or_else(|| refused(format!("`{text}` moved by `{by}` is out of range")))
}
