//! Dates of birth. A date is one only where the name of the column says so.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};

use crate::personal::detect::{Detector, Weight};

pub(super) struct BirthDate;

impl Detector for BirthDate {
    fn name(&self) -> &'static str {
        "birth_date"
    }

    fn finds(&self) -> &'static str {
        "dates of birth"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "birth date",
            "date of birth",
            "birth day",
            "dob",
            "born",
            "born on",
            "fodselsdato",
            "foedselsdato",
            "fodt",
            "fodelsedatum",
            "fodd",
            "geburtsdatum",
            "geburtstag",
            "geboren",
            "geb datum",
            "geboortedatum",
            "date de naissance",
            "date naissance",
            "naissance",
            "ddn",
            "fecha de nacimiento",
            "fecha nacimiento",
            "nacimiento",
            "data di nascita",
            "data nascita",
            "data de nascimento",
            "nascimento",
            "data urodzenia",
            "syntymaaika",
        ]
    }

    fn vague_names(&self) -> &'static [&'static str] {
        &["birth", "birth year", "year of birth"]
    }

    fn chance(&self) -> f64 {
        0.1
    }

    fn enough(&self) -> f64 {
        0.6
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        const DATES: [&str; 9] = [
            "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d",
            "%d.%m.%y", "%m/%d/%y",
        ];
        const MIDNIGHTS: [&str; 2] = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"];
        let is_lifetime = |date: NaiveDate| (1900..2100).contains(&date.year());
        let is_day = |form| NaiveDate::parse_from_str(value, form).is_ok_and(is_lifetime);
        let is_midnight = |form| {
            NaiveDateTime::parse_from_str(value, form)
                .is_ok_and(|time| time.time() == NaiveTime::MIN && is_lifetime(time.date()))
        };
        let is_one = DATES.into_iter().any(is_day) || MIDNIGHTS.into_iter().any(is_midnight);
        is_one.then_some(Weight { alone: 0.0, named: 0.95 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_count_in_a_column_that_is_named_so_and_nowhere_else() {
        for value in
            ["1980-05-17", "17.05.1980", "5/17/1980", "19800517", "1980-05-17T00:00:00", "17.05.80"]
        {
            assert_eq!(BirthDate.weigh(value), Some(Weight { alone: 0.0, named: 0.95 }), "{value}");
        }
    }

    #[test]
    fn what_is_no_day_in_a_lifetime_is_refused() {
        for value in ["1980-13-01", "0020-05-17", "1980-05-17T12:30:00", "3400", "3.4", ""] {
            assert_eq!(BirthDate.weigh(value), None, "{value}");
        }
    }
}
