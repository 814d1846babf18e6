//! From what the cells of a column may be to what they are.

use super::evidence::Evidence;
use super::{ColumnHint, Decimal, DialectError, Kind, KindName, TimeLayout, float};

/// What a column is for, as far as it bears on its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It must hold moments.
    Time,
    /// Anything else.
    Value,
}

/// What a column was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    /// Something that a person should know about it.
    pub(crate) note: Option<String>,
}

/// Decides what a column is from its name, its cells and what is declared.
pub(crate) fn kind_of(
    name: &str,
    evidence: &Evidence,
    hint: &ColumnHint,
    decimal: Decimal,
    role: Role,
) -> Result<Found, DialectError> {
    let plain = |kind| Ok(Found { kind, note: None });
    match (hint.kind, role) {
        (Some(KindName::Text), _) => return plain(Kind::Text),
        (Some(KindName::Boolean), _) => return plain(Kind::Boolean),
        (Some(KindName::Integer), Role::Value) => return plain(Kind::Integer),
        (Some(KindName::Float), Role::Value) => return plain(Kind::Float),
        (Some(KindName::Date | KindName::Time | KindName::Integer | KindName::Float) | None, _) => {
        }
    }
    let must_be_time = role == Role::Time
        || hint.layout.is_some()
        || matches!(hint.kind, Some(KindName::Date | KindName::Time));
    if must_be_time {
        return plain(time_kind(name, evidence, hint, role)?);
    }
    plain(value_kind(name, evidence, hint, decimal)).map(|mut found: Found| {
        if found.kind == Kind::Text && is_ambiguous(evidence) {
            found.note = Some(format!(
                "column `{name}` stays text: `{}` may be day/month or month/day",
                evidence.example
            ));
        } else if found.kind == Kind::Text && evidence.is_comma_number() {
            found.note = Some(format!(
                "column `{name}` stays text: the comma in `{}` may be a decimal or separate thousands; declare `decimal`",
                evidence.example
            ));
        }
        found
    })
}

/// A column of days or moments; an error if its cells are not.
fn time_kind(
    name: &str,
    evidence: &Evidence,
    hint: &ColumnHint,
    role: Role,
) -> Result<Kind, DialectError> {
    let zone = hint.zone.clone().unwrap_or_else(|| "UTC".to_owned());
    super::LocalClock::of(&zone)?;
    let layout = match hint.layout {
        Some(layout) => layout,
        None if evidence.values == 0 => TimeLayout::Iso,
        None => match layout_of(name, evidence)? {
            Some(layout) => layout,
            None => {
                return Err(DialectError::NoTime {
                    column: name.into(),
                    found: value_kind(name, evidence, &ColumnHint::default(), Decimal::Point)
                        .word(),
                    example: evidence.example.clone(),
                });
            }
        },
    };
    let is_epoch = !matches!(
        layout,
        TimeLayout::Iso
            | TimeLayout::DayFirst
            | TimeLayout::MonthFirst
            | TimeLayout::MonthName
            | TimeLayout::Compact
    );
    let has_time = role == Role::Time || hint.kind == Some(KindName::Time) || evidence.has_time();
    if hint.kind != Some(KindName::Date) && (has_time || is_epoch) {
        return Ok(Kind::Time { layout, zone });
    }
    Ok(if role == Role::Time { Kind::Time { layout, zone } } else { Kind::Date { layout } })
}

fn layout_of(name: &str, evidence: &Evidence) -> Result<Option<TimeLayout>, DialectError> {
    if is_ambiguous(evidence) {
        return Err(DialectError::AmbiguousDate {
            column: name.into(),
            example: evidence.example.clone(),
        });
    }
    if let Some(layout) = evidence.layouts().first() {
        return Ok(Some(*layout));
    }
    if evidence.is_point_number() && !evidence.is_integer() {
        let seconds = float(evidence.example.as_bytes(), Decimal::Point);
        let is_recent = seconds.is_some_and(|value| (9.4e8..4.2e9).contains(&value));
        return Ok(is_recent.then_some(TimeLayout::EpochSeconds));
    }
    Ok(evidence.epoch())
}

fn value_kind(name: &str, evidence: &Evidence, hint: &ColumnHint, decimal: Decimal) -> Kind {
    if evidence.values == 0 {
        return Kind::Empty;
    }
    if evidence.is_truth() {
        return Kind::Boolean;
    }
    let zone = || hint.zone.clone().unwrap_or_else(|| "UTC".to_owned());
    if evidence.is_integer() {
        if !is_named_for_time(name) {
            return Kind::Integer;
        }
        if let Some(layout) = evidence.epoch() {
            return Kind::Time { layout, zone: zone() };
        }
        let is_date = evidence.layouts() == [TimeLayout::Compact];
        return if is_date { Kind::Date { layout: TimeLayout::Compact } } else { Kind::Integer };
    }
    let is_number = match decimal {
        Decimal::Point => evidence.is_point_number(),
        Decimal::Comma => evidence.is_comma_number(),
    };
    if is_number {
        return Kind::Float;
    }
    match evidence.layouts().first() {
        Some(_) if is_ambiguous(evidence) => Kind::Text,
        Some(layout) if evidence.has_time() => Kind::Time { layout: *layout, zone: zone() },
        Some(layout) => Kind::Date { layout: *layout },
        None => Kind::Text,
    }
}

fn is_ambiguous(evidence: &Evidence) -> bool {
    let layouts = evidence.layouts();
    layouts.contains(&TimeLayout::DayFirst) && layouts.contains(&TimeLayout::MonthFirst)
}

/// Whether a column of whole numbers may be one of times, going by its name.
fn is_named_for_time(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphanumeric());
    words.any(|word| {
        ["ts", "epoch", "unix", "at", "day"].contains(&word)
            || ["time", "date", "stamp"].iter().any(|part| word.contains(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(cells: &[&str]) -> Evidence {
        let mut evidence = Evidence::default();
        for cell in cells {
            evidence.see(cell.as_bytes(), &["NULL".into()], false);
        }
        evidence
    }

    fn kind(name: &str, cells: &[&str]) -> Kind {
        let found =
            kind_of(name, &seen(cells), &ColumnHint::default(), Decimal::Point, Role::Value);
        found.unwrap().kind
    }

    #[test]
    fn kinds_follow_from_all_cells() {
        assert_eq!(kind("a", &["", "NULL"]), Kind::Empty);
        assert_eq!(kind("a", &["1", "NULL", "-20"]), Kind::Integer);
        assert_eq!(kind("a", &["1", "2.5", "-"]), Kind::Float);
        assert_eq!(kind("a", &["True", "false"]), Kind::Boolean);
        assert_eq!(kind("zip", &["00123", "10115"]), Kind::Text);
        assert_eq!(kind("id", &["12345678901234567890"]), Kind::Text);
        assert_eq!(kind("a", &["2025-10-31"]), Kind::Date { layout: TimeLayout::Iso });
        assert_eq!(kind("day", &["20251031"]), Kind::Date { layout: TimeLayout::Compact });
        assert_eq!(kind("power", &["20251031"]), Kind::Integer);
        assert_eq!(kind("power", &["1761901200"]), Kind::Integer);
        let epoch = Kind::Time { layout: TimeLayout::EpochSeconds, zone: "UTC".into() };
        assert_eq!(kind("created_at", &["1761901200"]), epoch);
    }

    #[test]
    fn one_day_after_the_twelfth_decides_the_order() {
        let cells = ["1/2/2025 10:00", "13/2/2025 10:00"];

        let layout = TimeLayout::DayFirst;
        assert_eq!(kind("a", &cells), Kind::Time { layout, zone: "UTC".into() });
    }

    #[test]
    fn an_ambiguous_event_time_is_refused_and_another_column_stays_text_with_a_note() {
        let evidence = seen(&["1/2/2025", "3/4/2025"]);
        let hint = ColumnHint::default();

        let refused = kind_of("at", &evidence, &hint, Decimal::Point, Role::Time).unwrap_err();
        let kept = kind_of("due", &evidence, &hint, Decimal::Point, Role::Value).unwrap();

        assert_eq!(
            refused.to_string(),
            "column `at`: `1/2/2025` may be day/month or month/day, and so may all others"
        );
        assert_eq!(kept.kind, Kind::Text);
        assert!(kept.note.is_some());
    }

    #[test]
    fn an_event_time_that_is_none_says_what_it_is() {
        let hint = ColumnHint::default();
        let refused =
            kind_of("at", &seen(&["red", "blue"]), &hint, Decimal::Point, Role::Time).unwrap_err();

        assert_eq!(
            refused.to_string(),
            "column `at` is declared to hold times, but holds text: `red`"
        );
    }
}
