//! Rows of JSON lines.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::columns::{Origin, Rows};
use super::{Parsed, Piece, Plan, Reason};
use crate::dialect::{
    Column, Decimal, Dialect, DialectError, Evidence, Hints, Layout, Role, Sample, Sniffed,
    kind_of, refuse_what_is_no_text, require,
};

/// The names and the raw values of one object, in their order.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    members.push((name.0, map.next_value()?));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A string that borrows where it can.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A member's value as a cell: strings without quotes, `null` as nothing, lists and objects as JSON.
fn cell(value: &RawValue) -> Option<(Cow<'_, str>, Origin)> {
    let text = value.get();
    if text == "null" {
        return None;
    }
    if text.starts_with('"') {
        let name: Name<'_> = serde_json::from_str(text).ok()?;
        return Some((name.0, Origin::String));
    }
    Some((Cow::Borrowed(text), Origin::Quoted))
}

/// Turns the text of a piece into rows.
pub(crate) fn parse(plan: &Plan, piece: &Piece) -> Parsed {
    let bytes = piece.bytes.as_slice();
    let mut rows = Rows::new(plan, piece.source, 1024);
    let mut cells: Vec<Option<usize>> = vec![None; plan.columns.len()];
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    for (first, text) in (piece.first_line..).zip(lines) {
        rows.tally.lines += 1;
        let is_crlf = text.ends_with(b"\r\n");
        let text = text.trim_ascii();
        if text.is_empty() {
            rows.tally.blank_lines += 1;
            continue;
        }
        rows.tally.row_lines += 1;
        rows.tally.crlf_rows += u64::from(is_crlf);
        rows.tally.lf_rows += u64::from(!is_crlf);
        let object: Object<'_> = match serde_json::from_slice(text) {
            Ok(object) => object,
            Err(error) => {
                let (reason, what) = fault_of(text, &error);
                rows.reject_whole(first, text, reason, what);
                continue;
            }
        };
        row(plan, &mut rows, &mut cells, (first, text, &object));
    }
    rows.finish()
}

fn row(
    plan: &Plan,
    rows: &mut Rows<'_>,
    cells: &mut [Option<usize>],
    (line, text, object): (u64, &[u8], &Object<'_>),
) {
    cells.fill(None);
    for (at, (name, value)) in object.0.iter().enumerate() {
        if let Some(column) = plan.columns.iter().position(|column| column.name == *name) {
            cells[column] = Some(at);
        } else {
            see(rows.added.entry(name.to_string()).or_default(), value);
        }
    }
    for (column, at) in cells.iter().enumerate() {
        let found = at.and_then(|at| cell(object.0[at].1));
        let pushed = match &found {
            Some((value, origin)) => rows.push(column, value.as_bytes(), *origin),
            None => rows.push(column, b"", Origin::Bare),
        };
        if let Err(misfit) = pushed {
            rows.reject(line, text, misfit);
            return;
        }
    }
    rows.keep(line);
}

fn fault_of(text: &[u8], error: &serde_json::Error) -> (Reason, String) {
    if std::str::from_utf8(text).is_err() {
        return (Reason::Encoding, "it is not UTF-8".into());
    }
    if memchr::memchr(0, text).is_some() {
        return (Reason::NulByte, "it holds a NUL byte".into());
    }
    (Reason::NoObject, format!("at column {}: {error}", error.column()))
}

fn see(evidence: &mut Evidence, value: &RawValue) {
    if let Some((value, origin)) = cell(value) {
        evidence.see(value.as_bytes(), &[], origin == Origin::String);
    }
}

/// Finds the columns of JSON lines from the first ones.
pub(crate) fn sniff(
    sample: &Sample<'_>,
    hints: &Hints,
    times: &[&str],
) -> Result<Sniffed, DialectError> {
    refuse_what_is_no_text(sample.head)?;
    let end = memchr::memrchr(b'\n', sample.head).map_or(sample.head.len(), |at| at + 1);
    let mut names: Vec<String> = Vec::new();
    let mut evidence: Vec<Evidence> = Vec::new();
    let tail_start = memchr::memchr(b'\n', sample.tail).map_or(sample.tail.len(), |at| at + 1);
    let head_lines = sample.head[..end].split(|byte| *byte == b'\n');
    let lines = head_lines.chain(sample.tail[tail_start..].split(|byte| *byte == b'\n'));
    let mut first_fault = None;
    for (line, text) in (1..).zip(lines) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let object: Object<'_> = match serde_json::from_slice(text.trim_ascii()) {
            Ok(object) => object,
            Err(error) => {
                first_fault.get_or_insert((line, error.to_string()));
                continue;
            }
        };
        for (name, value) in &object.0 {
            let at = names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name.to_string());
                evidence.push(Evidence::default());
                names.len() - 1
            });
            see(&mut evidence[at], value);
        }
    }
    if let (true, Some((line, what))) = (names.is_empty(), first_fault) {
        return Err(DialectError::NoObject { line, what });
    }
    for column in hints.columns.keys().map(String::as_str).chain(times.iter().copied()) {
        require(column, &names)?;
    }
    let mut notes = Vec::new();
    let mut columns = Vec::new();
    for (name, evidence) in names.into_iter().zip(&evidence) {
        let hint = hints.columns.get(&name).cloned().unwrap_or_default();
        let role = if times.contains(&name.as_str()) { Role::Time } else { Role::Value };
        let found = kind_of(&name, evidence, &hint, Decimal::Point, role)?;
        notes.extend(found.note);
        columns.push(Column { name, kind: found.kind });
    }
    Ok(Sniffed { dialect: Dialect { layout: Layout::JsonLines, columns }, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_no_numbers_and_nothing_is_no_value() {
        let head =
            b"{\"at\":\"2025-10-31T09:00:00Z\",\"code\":\"17\",\"power\":3,\"more\":{\"a\":[1]}}\n\
            {\"at\":\"2025-10-31T10:00:00Z\",\"code\":\"18\",\"power\":3.5,\"late\":null}\n";
        let sample = Sample { head, is_whole: true, tail: &[] };

        let sniffed = sniff(&sample, &Hints::default(), &["at"]).unwrap();

        let kinds: Vec<_> =
            sniffed.dialect.columns.iter().map(|c| (c.name.as_str(), c.kind.word())).collect();
        assert_eq!(
            kinds,
            [
                ("at", "time"),
                ("code", "text"),
                ("power", "float"),
                ("more", "text"),
                ("late", "empty")
            ]
        );
    }

    #[test]
    fn text_that_is_no_json_is_named_by_its_line() {
        let sample = Sample { head: b"\nhello\n", is_whole: true, tail: &[] };

        let refused = sniff(&sample, &Hints::default(), &[]).unwrap_err();

        assert!(refused.to_string().starts_with("line 2: not one JSON object"), "{refused}");
    }
}
