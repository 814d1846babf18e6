//! Texts with a meaning: each `format` of a schema with the type that reads it.

use std::str::FromStr;

use crate::names::{BadName, DagName};
use crate::problem::suggest;
use crate::schedule::{BadTimeOfDay, CronExpression, Stretch, TimeOfDay, Zone};
use crate::size::{BadSize, ByteSize};
use crate::spec::{BackoffRange, BadBackoff, BadRecipient, BadWire, Recipient, Wire};
use crate::time::{BadLapse, Lapse, Timestamp};

/// What is wrong with a text, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, as a fragment.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

type Check = fn(&str) -> Result<(), Fault>;

/// Each format with its check; others are for editors only.
const FORMATS: [(&str, Check); 13] = [
    ("name", |text| read::<DagName>(text, |_| Some(BadName::HINT.to_owned()))),
    ("dag", |text| read::<DagName>(text, |_| Some(BadName::HINT.to_owned()))),
    ("kind", |text| read::<DagName>(text, |_| Some(BadName::HINT.to_owned()))),
    ("lapse", |text| read::<Lapse>(text, |_| Some(BadLapse::HINT.to_owned()))),
    ("size", |text| read::<ByteSize>(text, |_| Some(BadSize::HINT.to_owned()))),
    ("backoff", |text| read::<BackoffRange>(text, |_| Some(BadBackoff::HINT.to_owned()))),
    ("wire", |text| read::<Wire>(text, |_| Some(BadWire::HINT.to_owned()))),
    ("recipient", |text| read::<Recipient>(text, |_| Some(BadRecipient::HINT.to_owned()))),
    ("cron", |text| read::<CronExpression>(text, |error| Some(error.hint()))),
    ("timezone", |text| read::<Zone>(text, |error| Some(error.hint()))),
    ("interval", |text| read::<Stretch>(text, |error| Some(error.hint()))),
    ("time", |text| read::<TimeOfDay>(text, |_| Some(BadTimeOfDay::HINT.to_owned()))),
    ("date-time", |text| {
        read::<Timestamp>(text, |_| {
            Some("write an instant such as `2026-11-20T00:00:00Z`".to_owned())
        })
    }),
];

/// Checks `text` against a format; an unknown format takes all.
pub(super) fn check(format: &str, text: &str) -> Result<(), Fault> {
    match FORMATS.iter().find(|(name, _)| *name == format) {
        Some((_, check)) => check(text),
        None => Ok(()),
    }
}

fn read<T: FromStr<Err: std::fmt::Display>>(
    text: &str,
    hint: fn(&T::Err) -> Option<String>,
) -> Result<(), Fault> {
    T::from_str(text)
        .map(|_| ())
        .map_err(|error| Fault { what: error.to_string(), hint: hint(&error) })
}

/// What was probably meant by an unknown value.
pub(super) fn unknown(text: &str, choices: &[&str]) -> Fault {
    let hint = suggest(text, "values", choices.iter().copied());
    Fault { what: format!("unknown value `{text}`"), hint }
}
