//! Public holidays by rule: those of the whole country, from the laws in force in 2025.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use Rule::{Easter, Fixed, Last, Nth, Substituted};

/// A country whose holidays are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Country {
    /// Germany: the holidays of all its states.
    De,
    /// France.
    Fr,
    /// England and Wales.
    Gb,
    /// Norway.
    No,
    /// Sweden.
    Se,
    /// The United States: federal holidays.
    Us,
}

/// When a holiday is.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// On a day of a month.
    Fixed(u32, u32),
    /// The same; on a weekend, a weekday stands in for it as well.
    Substituted(u32, u32),
    /// So many days after Easter Sunday.
    Easter(i64),
    /// The nth such weekday of a month.
    Nth(u32, Weekday, u8),
    /// The last such weekday of a month.
    Last(u32, Weekday),
}

impl Country {
    /// Its code (ISO 3166), in small letters, as in names of columns.
    pub const fn code(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::Fr => "fr",
            Self::Gb => "gb",
            Self::No => "no",
            Self::Se => "se",
            Self::Us => "us",
        }
    }

    const fn rules(self) -> &'static [Rule] {
        match self {
            Self::De => &[
                Fixed(1, 1),
                Easter(-2),
                Easter(1),
                Fixed(5, 1),
                Easter(39),
                Easter(50),
                Fixed(10, 3),
                Fixed(12, 25),
                Fixed(12, 26),
            ],
            Self::Fr => &[
                Fixed(1, 1),
                Easter(1),
                Fixed(5, 1),
                Fixed(5, 8),
                Easter(39),
                Easter(50),
                Fixed(7, 14),
                Fixed(8, 15),
                Fixed(11, 1),
                Fixed(11, 11),
                Fixed(12, 25),
            ],
            Self::Gb => &[
                Substituted(1, 1),
                Easter(-2),
                Easter(1),
                Nth(5, Weekday::Mon, 1),
                Last(5, Weekday::Mon),
                Last(8, Weekday::Mon),
                Substituted(12, 25),
                Substituted(12, 26),
            ],
            Self::No => &[
                Fixed(1, 1),
                Easter(-3),
                Easter(-2),
                Easter(0),
                Easter(1),
                Fixed(5, 1),
                Fixed(5, 17),
                Easter(39),
                Easter(49),
                Easter(50),
                Fixed(12, 25),
                Fixed(12, 26),
            ],
            Self::Se => &[
                Fixed(1, 1),
                Fixed(1, 6),
                Easter(-2),
                Easter(0),
                Easter(1),
                Fixed(5, 1),
                Easter(39),
                Easter(49),
                Fixed(6, 6),
                Fixed(12, 25),
                Fixed(12, 26),
            ],
            Self::Us => &[
                Substituted(1, 1),
                Nth(1, Weekday::Mon, 3),
                Nth(2, Weekday::Mon, 3),
                Last(5, Weekday::Mon),
                Substituted(6, 19),
                Substituted(7, 4),
                Nth(9, Weekday::Mon, 1),
                Nth(10, Weekday::Mon, 2),
                Substituted(11, 11),
                Nth(11, Weekday::Thu, 4),
                Substituted(12, 25),
            ],
        }
    }

    /// The holidays of a year, as days since 1970, in order.
    fn of_year(self, year: i32) -> Vec<i64> {
        let mut days: Vec<NaiveDate> = Vec::new();
        for rule in self.rules() {
            let found = match *rule {
                Fixed(month, day) | Substituted(month, day) => {
                    NaiveDate::from_ymd_opt(year, month, day)
                }
                Easter(after) => easter(year)
                    .and_then(|sunday| sunday.checked_add_signed(chrono::Duration::days(after))),
                Nth(month, weekday, nth) => {
                    NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth)
                }
                Last(month, weekday) => [5, 4].into_iter().find_map(|nth| {
                    NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth)
                }),
            };
            let Some(day) = found else { continue };
            days.push(day);
            if matches!(rule, Substituted(..)) {
                days.extend(self.substitute(day, &days));
            }
        }
        if self == Self::Se {
            // Midsummer and All Saints' Day: the Saturdays from 20 June and from 31 October.
            days.extend([(6, 20), (10, 31)].into_iter().filter_map(|(month, day)| {
                NaiveDate::from_ymd_opt(year, month, day)?
                    .iter_days()
                    .take(7)
                    .find(|day| day.weekday() == Weekday::Sat)
            }));
        }
        let mut days: Vec<i64> = days.iter().map(|day| days_since_1970(*day)).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// The weekday that stands in for a holiday on a weekend.
    fn substitute(self, day: NaiveDate, taken: &[NaiveDate]) -> Option<NaiveDate> {
        match (self, day.weekday()) {
            (Self::Us, Weekday::Sat) => day.pred_opt(),
            (Self::Us, Weekday::Sun) => day.succ_opt(),
            (Self::Gb, Weekday::Sat | Weekday::Sun) => day.iter_days().find(|other| {
                let is_weekend = matches!(other.weekday(), Weekday::Sat | Weekday::Sun);
                // Boxing Day's own place is taken even where Christmas Day is substituted first.
                let is_boxing_day = (other.month(), other.day()) == (12, 26) && day.day() == 25;
                !is_weekend && !taken.contains(other) && !is_boxing_day
            }),
            _ => None,
        }
    }
}

/// Easter Sunday of the Gregorian calendar, by the anonymous algorithm (Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i32) -> Option<NaiveDate> {
    let golden = year.rem_euclid(19);
    let (century, rest) = (year.div_euclid(100), year.rem_euclid(100));
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let moon = (19 * golden + century - century / 4 - correction + 15).rem_euclid(30);
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4).rem_euclid(7);
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let place = moon + weekday - 7 * late + 114;
    let (month, day) = (u32::try_from(place / 31).ok()?, u32::try_from(place % 31 + 1).ok()?);
    NaiveDate::from_ymd_opt(year, month, day)
}

fn days_since_1970(day: NaiveDate) -> i64 {
    i64::from(day.num_days_from_ce()) - 719_163
}

/// The holidays of a country, each year worked out once.
#[derive(Debug)]
pub struct HolidayTable {
    country: Country,
    years: BTreeMap<i32, Vec<i64>>,
}

impl HolidayTable {
    /// That of a country.
    pub const fn of(country: Country) -> Self {
        Self { country, years: BTreeMap::new() }
    }

    /// Tells whether a day, counted from 1970, is a holiday.
    pub fn holds(&mut self, day: i64) -> bool {
        let date = i32::try_from(day + 719_163).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
        let Some(date) = date else { return false };
        let country = self.country;
        let days = self.years.entry(date.year()).or_insert_with(|| {
            let mut days = country.of_year(date.year());
            // A New Year's Day on a Saturday is kept on the Friday before.
            let ends = NaiveDate::from_ymd_opt(date.year() + 1, 1, 1).map_or(0, days_since_1970);
            let next = country.of_year(date.year() + 1).into_iter();
            days.extend(next.filter(|day| *day < ends));
            days
        });
        days.binary_search(&day).is_ok()
    }

    /// The days since the last holiday and to the next one, both 0 on a holiday, and `furthest` where there is none so near.
    pub fn distances(&mut self, day: i64, furthest: i64) -> (i64, i64) {
        let mut nearest = |sign: i64| {
            (0..furthest).find(|distance| self.holds(day + sign * distance)).unwrap_or(furthest)
        };
        (nearest(-1), nearest(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(country: Country, year: i32) -> String {
        let days = country.of_year(year).into_iter().map(|day| {
            let day = i32::try_from(day + 719_163).unwrap();
            NaiveDate::from_num_days_from_ce_opt(day).unwrap().format("%m-%d").to_string()
        });
        days.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn easter_is_where_the_almanacs_have_it() {
        for (year, month, day) in
            [(2000, 4, 23), (2008, 3, 23), (2024, 3, 31), (2025, 4, 20), (2038, 4, 25)]
        {
            assert_eq!(easter(year), NaiveDate::from_ymd_opt(year, month, day));
        }
    }

    #[test]
    fn holidays_are_those_that_were_published() {
        // Published by the governments: Lovdata, gov.uk/bank-holidays, opm.gov.
        assert_eq!(
            days(Country::No, 2025),
            "01-01 04-17 04-18 04-20 04-21 05-01 05-17 05-29 06-08 06-09 12-25 12-26"
        );
        assert_eq!(
            days(Country::Gb, 2021),
            "01-01 04-02 04-05 05-03 05-31 08-30 12-25 12-26 12-27 12-28"
        );
        assert_eq!(
            days(Country::Us, 2026),
            "01-01 01-19 02-16 05-25 06-19 07-03 07-04 09-07 10-12 11-11 11-26 12-25"
        );
        assert_eq!(
            days(Country::De, 2025),
            "01-01 04-18 04-21 05-01 05-29 06-09 10-03 12-25 12-26"
        );
        assert!(days(Country::Se, 2025).contains("06-21"));
        assert!(days(Country::Fr, 2025).contains("07-14"));
    }

    #[test]
    fn distances_end_at_the_furthest() {
        let mut table = HolidayTable::of(Country::No);
        let day = |text: &str| days_since_1970(text.parse().unwrap());

        assert_eq!(table.distances(day("2025-05-17"), 30), (0, 0));
        assert_eq!(table.distances(day("2025-05-16"), 30), (15, 1));
        assert_eq!(table.distances(day("2025-08-15"), 30), (30, 30));
        assert!(HolidayTable::of(Country::Us).holds(day("2021-12-31")));
    }
}
