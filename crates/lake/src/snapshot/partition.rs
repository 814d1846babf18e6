//! How rows are dealt out to files.

use chrono::{DateTime, Datelike};
use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How rows are dealt out to files by the date of their event time (in UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Partition {
    /// The finest of day, month and year that leaves files of ten thousand rows or more, going by the first rows; then pinned.
    #[default]
    Auto,
    /// A file a day.
    Day,
    /// A file a month.
    Month,
    /// A file a year.
    Year,
    /// One file.
    None,
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Partition {
    /// The number of the partition of each row.
    pub(crate) fn numbers(self, event_time: Option<&ArrayRef>, rows: usize) -> Vec<i32> {
        let Some(times) = event_time.filter(|_| !matches!(self, Self::Auto | Self::None)) else {
            return vec![0; rows];
        };
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let mut last = (i64::MIN, 0);
        let mut numbers = Vec::with_capacity(rows);
        for micros in &times.values()[..times.len()] {
            let day = micros.div_euclid(MICROS_PER_DAY);
            if last.0 != day {
                last = (day, self.number(day));
            }
            numbers.push(last.1);
        }
        numbers
    }

    fn number(self, day: i64) -> i32 {
        let date = DateTime::from_timestamp_micros(day * MICROS_PER_DAY).unwrap_or_default();
        match self {
            Self::Day => i32::try_from(day).unwrap_or(i32::MAX),
            Self::Month => date.year() * 12 + i32::try_from(date.month0()).unwrap_or(0),
            Self::Year => date.year(),
            Self::Auto | Self::None => 0,
        }
    }

    /// The folder of a partition, in the manner of Hive.
    pub(super) fn folder(self, number: i32) -> String {
        match self {
            Self::Day => {
                let at = DateTime::from_timestamp_micros(i64::from(number) * MICROS_PER_DAY);
                format!("date={}", at.unwrap_or_default().format("%Y-%m-%d"))
            }
            Self::Month => {
                format!("month={:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1)
            }
            Self::Year => format!("year={number:04}"),
            Self::Auto | Self::None => "all".to_owned(),
        }
    }

    /// The finest partition that leaves large files, for rows as dense as these.
    pub(super) fn for_density(rows: usize, days: usize) -> Self {
        const LEAST_ROWS: usize = 10_000;
        let rows_a_day = rows / days.max(1);
        if rows_a_day >= LEAST_ROWS {
            Self::Day
        } else if rows_a_day * 30 >= LEAST_ROWS {
            Self::Month
        } else {
            Self::Year
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_dates_also_before_1970() {
        assert_eq!(Partition::Day.folder(Partition::Day.number(20_392)), "date=2025-10-31");
        assert_eq!(Partition::Month.folder(Partition::Month.number(20_392)), "month=2025-10");
        assert_eq!(Partition::Month.folder(Partition::Month.number(-1)), "month=1969-12");
        assert_eq!(Partition::Year.folder(Partition::Year.number(-1)), "year=1969");
    }

    #[test]
    fn sparse_rows_get_coarse_partitions() {
        assert_eq!(Partition::for_density(1_440_000, 1), Partition::Day);
        assert_eq!(Partition::for_density(1_440, 1), Partition::Month);
        assert_eq!(Partition::for_density(24, 1), Partition::Year);
    }
}
