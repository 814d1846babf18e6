//! Points in time as people and machines write them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How times are written. Each layout allows a date alone, and `T` or blanks before the time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeLayout {
    /// `2025-10-31 09:00:00.000+01:00`, also with `/` or `.` in the date.
    Iso,
    /// `31/10/2025 09:00`, `31.10.2025`, `31-10-25`.
    DayFirst,
    /// `10/31/2025 9:00 AM`.
    MonthFirst,
    /// `31-Oct-2025 09:00`, `Oct 31, 2025`.
    MonthName,
    /// `20251031`, `20251031T090000`.
    Compact,
    /// Seconds since 1970, also with a fraction.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Microseconds since 1970.
    EpochMicros,
    /// Nanoseconds since 1970.
    EpochNanos,
}

/// A point in time as it is written, before a zone is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Microseconds since 1970 by the clock that wrote it.
    pub local_micros: i64,
    /// How far that clock is ahead of UTC, where it says so.
    pub offset_seconds: Option<i32>,
    /// Whether a time of day is written.
    pub has_time: bool,
    /// Whether digits below a microsecond were cut off.
    pub is_cut: bool,
}

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(super) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

impl TimeLayout {
    /// Reads a cell; nothing if it is not written like this.
    pub fn parse(self, cell: &[u8]) -> Option<Stamp> {
        let mut cursor = Cursor { bytes: cell };
        let days = match self {
            Self::Iso => iso_date(&mut cursor)?,
            Self::DayFirst | Self::MonthFirst => numeric_date(&mut cursor, self)?,
            Self::MonthName => named_date(&mut cursor)?,
            Self::Compact => return compact(cell),
            Self::EpochSeconds => return epoch(cell, 6),
            Self::EpochMillis => return epoch(cell, 3),
            Self::EpochMicros => return epoch(cell, 0),
            Self::EpochNanos => return epoch(cell, -3),
        };
        time_of_day(&mut cursor, days)
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.first().copied()
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        let rest = self.bytes.strip_prefix(&[wanted])?;
        self.bytes = rest;
        Some(())
    }

    /// A number of `least` to `most` digits, with how many there were.
    fn number(&mut self, least: usize, most: usize) -> Option<(i64, usize)> {
        let (mut value, mut count) = (0i64, 0);
        while count < most {
            let Some(byte) = self.bytes.get(count).filter(|byte| byte.is_ascii_digit()) else {
                break;
            };
            value = value * 10 + i64::from(byte - b'0');
            count += 1;
        }
        if count < least {
            return None;
        }
        self.bytes = &self.bytes[count..];
        Some((value, count))
    }

    fn blanks(&mut self) -> usize {
        let before = self.bytes.len();
        self.bytes = self.bytes.trim_ascii_start();
        before - self.bytes.len()
    }
}

fn iso_date(cursor: &mut Cursor<'_>) -> Option<i64> {
    let (year, _) = cursor.number(4, 4)?;
    let separator = cursor.peek().filter(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    cursor.take(separator)?;
    let (month, _) = cursor.number(1, 2)?;
    cursor.take(separator)?;
    let (day, _) = cursor.number(1, 2)?;
    days_of(year, month, day)
}

fn numeric_date(cursor: &mut Cursor<'_>, layout: TimeLayout) -> Option<i64> {
    let (first, _) = cursor.number(1, 2)?;
    let separator = cursor.peek().filter(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    cursor.take(separator)?;
    let (second, _) = cursor.number(1, 2)?;
    cursor.take(separator)?;
    let year = year(cursor)?;
    match layout {
        // Dots stand between numbers only where the day comes first.
        TimeLayout::MonthFirst if separator == b'.' => None,
        TimeLayout::MonthFirst => days_of(year, first, second),
        _ => days_of(year, second, first),
    }
}

/// A year of four digits, or of two: 69 to 99 lie in the last century, as POSIX has it (`strptime`, `%y`).
fn year(cursor: &mut Cursor<'_>) -> Option<i64> {
    match cursor.number(2, 4)? {
        (year, 4) => Some(year),
        (year, 2) => Some(if year >= 69 { 1900 + year } else { 2000 + year }),
        _ => None,
    }
}

fn named_date(cursor: &mut Cursor<'_>) -> Option<i64> {
    let begins_with_day = cursor.peek()?.is_ascii_digit();
    let mut day = 0;
    if begins_with_day {
        day = cursor.number(1, 2)?.0;
        part_separator(cursor)?;
    }
    let month = month_name(cursor)?;
    part_separator(cursor)?;
    if !begins_with_day {
        day = cursor.number(1, 2)?.0;
        part_separator(cursor)?;
    }
    let year = year(cursor)?;
    days_of(year, month, day)
}

fn part_separator(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.take(b'-').is_some() || cursor.take(b'/').is_some() {
        return Some(());
    }
    let comma = cursor.take(b',').is_some();
    (cursor.blanks() > 0 || comma).then_some(())
}

fn month_name(cursor: &mut Cursor<'_>) -> Option<i64> {
    let length = cursor.bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = cursor.bytes.split_at(length);
    let start = word.get(..3)?.to_ascii_lowercase();
    cursor.bytes = rest;
    (1..).zip(MONTHS).find(|(_, name)| *name == start.as_slice()).map(|(month, _)| month)
}

fn time_of_day(cursor: &mut Cursor<'_>, days: i64) -> Option<Stamp> {
    let mut stamp = Stamp {
        local_micros: days * MICROS_PER_DAY,
        offset_seconds: None,
        has_time: false,
        is_cut: false,
    };
    if cursor.bytes.is_empty() {
        return Some(stamp);
    }
    if cursor.take(b'T').is_none() && cursor.blanks() == 0 {
        return None;
    }
    let (mut hour, _) = cursor.number(1, 2)?;
    cursor.take(b':')?;
    let (minute, _) = cursor.number(2, 2)?;
    let mut second = 0;
    let mut micros = 0;
    if cursor.take(b':').is_some() {
        second = cursor.number(2, 2)?.0;
        if cursor.take(b'.').is_some() || cursor.take(b',').is_some() {
            (micros, stamp.is_cut) = fraction(cursor)?;
        }
    }
    cursor.blanks();
    if let Some(afternoon) = half_of_day(cursor) {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    stamp.local_micros += ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros;
    stamp.has_time = true;
    cursor.blanks();
    stamp.offset_seconds = offset(cursor)?;
    cursor.bytes.is_empty().then_some(stamp)
}

/// Microseconds, and whether finer digits other than zeros were cut off.
fn fraction(cursor: &mut Cursor<'_>) -> Option<(i64, bool)> {
    let (value, digits) = cursor.number(1, 6)?;
    let micros = value * 10i64.pow(u32::try_from(6 - digits).expect("six digits at most"));
    let mut is_cut = false;
    while let Some((digit, _)) = cursor.number(1, 1) {
        is_cut |= digit != 0;
    }
    Some((micros, is_cut))
}

fn half_of_day(cursor: &mut Cursor<'_>) -> Option<bool> {
    let word = cursor.bytes.get(..2)?;
    let afternoon = match word.to_ascii_lowercase().as_slice() {
        b"am" => false,
        b"pm" => true,
        _ => return None,
    };
    cursor.bytes = &cursor.bytes[2..];
    Some(afternoon)
}

/// The offset from UTC, if one is written: `Z`, `UTC`, `GMT`, `+01`, `+0100`, `+01:00`. Nothing if it is malformed.
#[expect(clippy::option_option, reason = "malformed and absent are two answers")]
fn offset(cursor: &mut Cursor<'_>) -> Option<Option<i32>> {
    let sign = match cursor.bytes {
        [] => return Some(None),
        b"Z" | b"z" | b"UTC" | b"GMT" => {
            cursor.bytes = &[];
            return Some(Some(0));
        }
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    cursor.bytes = &cursor.bytes[1..];
    let (hours, _) = cursor.number(2, 2)?;
    let minutes = if cursor.bytes.is_empty() {
        0
    } else {
        cursor.take(b':').unwrap_or(());
        cursor.number(2, 2)?.0
    };
    if hours > 15 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from((hours * 60 + minutes) * 60).expect("less than a day");
    Some(Some(sign * seconds))
}

fn compact(cell: &[u8]) -> Option<Stamp> {
    let mut cursor = Cursor { bytes: cell };
    let (year, _) = cursor.number(4, 4)?;
    let (month, _) = cursor.number(2, 2)?;
    let (day, _) = cursor.number(2, 2)?;
    let days = days_of(year, month, day)?;
    if cursor.take(b'T').is_none() {
        return cursor.bytes.is_empty().then_some(Stamp {
            local_micros: days * MICROS_PER_DAY,
            offset_seconds: None,
            has_time: false,
            is_cut: false,
        });
    }
    let (hour, _) = cursor.number(2, 2)?;
    let (minute, _) = cursor.number(2, 2)?;
    let (second, _) = cursor.number(2, 2).unwrap_or((0, 0));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(Stamp {
        local_micros: days * MICROS_PER_DAY + seconds * MICROS_PER_SECOND,
        offset_seconds: offset(&mut cursor)?,
        has_time: true,
        is_cut: false,
    })
}

/// A count since 1970 in units of `10^-6 · 10^power` seconds.
fn epoch(cell: &[u8], power: i32) -> Option<Stamp> {
    let split = cell.iter().position(|byte| *byte == b'.').unwrap_or(cell.len());
    let whole = super::integer(&cell[..split])?;
    let scale = 10i64.pow(power.unsigned_abs());
    let (mut micros, mut is_cut) = if power >= 0 {
        (whole.checked_mul(scale)?, false)
    } else {
        (whole.div_euclid(scale), whole.rem_euclid(scale) != 0)
    };
    if split < cell.len() {
        if power <= 0 || whole < 0 {
            return None;
        }
        let mut cursor = Cursor { bytes: &cell[split + 1..] };
        let (fraction, cut) = fraction(&mut cursor)?;
        if !cursor.bytes.is_empty() {
            return None;
        }
        // The fraction is in millionths of the unit.
        micros += fraction * scale / MICROS_PER_SECOND;
        is_cut = cut || fraction * scale % MICROS_PER_SECOND != 0;
    }
    Some(Stamp { local_micros: micros, offset_seconds: Some(0), has_time: true, is_cut })
}

/// Days since 1970 in the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`).
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    fn utc(layout: TimeLayout, cell: &str) -> Option<String> {
        let stamp = layout.parse(cell.as_bytes())?;
        let micros =
            stamp.local_micros - i64::from(stamp.offset_seconds.unwrap_or(0)) * MICROS_PER_SECOND;
        Some(DateTime::from_timestamp_micros(micros)?.to_rfc3339())
    }

    #[test]
    fn each_layout_reads_what_it_is_named_for() {
        let cases = [
            (TimeLayout::Iso, "2025-10-31 09:00:00.000", "2025-10-31T09:00:00+00:00"),
            (TimeLayout::Iso, "2025-10-31T09:00:00.5+01:00", "2025-10-31T08:00:00.500+00:00"),
            (TimeLayout::Iso, "2025/10/31", "2025-10-31T00:00:00+00:00"),
            (TimeLayout::Iso, "2025-10-31T09:00Z", "2025-10-31T09:00:00+00:00"),
            (TimeLayout::DayFirst, "31.10.2025 9:05", "2025-10-31T09:05:00+00:00"),
            (TimeLayout::DayFirst, "1/2/99", "1999-02-01T00:00:00+00:00"),
            (TimeLayout::MonthFirst, "10/31/2025 12:00 AM", "2025-10-31T00:00:00+00:00"),
            (TimeLayout::MonthFirst, "1/2/2025 1:02:03 PM", "2025-01-02T13:02:03+00:00"),
            (TimeLayout::MonthName, "31-Oct-2025 09:00", "2025-10-31T09:00:00+00:00"),
            (TimeLayout::MonthName, "October 31, 2025", "2025-10-31T00:00:00+00:00"),
            (TimeLayout::Compact, "20251031T090000Z", "2025-10-31T09:00:00+00:00"),
            (TimeLayout::EpochSeconds, "1761901200", "2025-10-31T09:00:00+00:00"),
            (TimeLayout::EpochSeconds, "1761901200.25", "2025-10-31T09:00:00.250+00:00"),
            (TimeLayout::EpochMillis, "1761901200001", "2025-10-31T09:00:00.001+00:00"),
            (TimeLayout::EpochNanos, "1761901200000001000", "2025-10-31T09:00:00.000001+00:00"),
        ];
        for (layout, cell, expected) in cases {
            assert_eq!(utc(layout, cell).as_deref(), Some(expected), "{layout:?} {cell}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let cases = [
            (TimeLayout::Iso, "2025-02-29"),
            (TimeLayout::Iso, "2025-10-31 24:00"),
            (TimeLayout::Iso, "2025-10/31"),
            (TimeLayout::Iso, "2025-10-31x"),
            (TimeLayout::Iso, "2025-10-31 09:00:00 later"),
            (TimeLayout::MonthFirst, "31/10/2025"),
            (TimeLayout::MonthFirst, "10.31.2025"),
            (TimeLayout::DayFirst, "10/31/2025"),
            (TimeLayout::DayFirst, "1/2/025"),
            (TimeLayout::Compact, "2025103"),
            (TimeLayout::EpochSeconds, "later"),
            (TimeLayout::EpochMillis, "99999999999999999999"),
        ];
        for (layout, cell) in cases {
            assert_eq!(layout.parse(cell.as_bytes()), None, "{layout:?} {cell}");
        }
    }

    #[test]
    fn digits_below_a_microsecond_are_cut_and_told() {
        let stamp = TimeLayout::Iso.parse(b"2025-10-31T10:35:47.0119102-04:00").unwrap();

        assert!(stamp.is_cut);
        assert_eq!(stamp.local_micros % MICROS_PER_SECOND, 11_910);
        assert!(!TimeLayout::Iso.parse(b"2025-10-31T10:35:47.0119100").unwrap().is_cut);
    }

    proptest! {
        #[test]
        fn days_are_those_of_an_independent_calendar(days in -700_000i32..2_900_000) {
            let date = NaiveDate::from_epoch_days(days).unwrap();
            prop_assume!((0..=9999).contains(&chrono::Datelike::year(&date)));
            let stamp = TimeLayout::Iso.parse(date.to_string().as_bytes());

            prop_assert_eq!(stamp.unwrap().local_micros, i64::from(days) * MICROS_PER_DAY);
        }
    }
}
