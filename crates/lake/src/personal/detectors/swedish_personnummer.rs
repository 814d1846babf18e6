//! Swedish personal numbers: a date, three digits and Luhn's check digit.

use crate::personal::checksum::{digits, is_date, luhn_holds};
use crate::personal::detect::{Detector, Weight};

pub(super) struct SwedishPersonnummer;

impl Detector for SwedishPersonnummer {
    fn name(&self) -> &'static str {
        "swedish_personnummer"
    }

    fn finds(&self) -> &'static str {
        "personal numbers (Sweden)"
    }

    fn words(&self) -> &'static [&'static str] {
        &["personnummer", "personnr", "pnr", "samordningsnummer", "national id"]
    }

    fn chance(&self) -> f64 {
        // Times of day written as digits have dates, too: that leaves the check digit.
        0.1
    }

    fn enough(&self) -> f64 {
        0.8
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        let (date, rest) = match value.split_once(['-', '+']) {
            Some(parts) => parts,
            None => value.split_at_checked(value.len().checked_sub(4)?)?,
        };
        let digits = digits(date).zip(digits(rest)).map(|(date, rest)| [date, rest].concat())?;
        let (century, digits) = match (date.len(), rest.len(), digits.as_slice()) {
            (6, 4, all) => (None, all),
            (8, 4, [first, second, all @ ..]) => (Some(first * 10 + second), all),
            _ => return None,
        };
        let pair = |at: usize| digits[at] * 10 + digits[at + 1];
        // A co-ordination number has 60 added to the day.
        let day = if pair(4) > 60 { pair(4) - 60 } else { pair(4) };
        let is_century = century.is_none_or(|century| (18..=20).contains(&century));
        let year = century.map(|century| century * 100 + pair(0));
        let is_one = is_century && is_date(year, pair(2), day) && luhn_holds(digits);
        let is_grouped = value.len() > date.len() + rest.len();
        is_one.then_some(Weight { alone: if is_grouped { 1.0 } else { 0.9 }, named: 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_python_stdnum_takes_are_found_and_a_coordination_number() {
        for value in [
            "811228-9874",
            "880320-0016",
            "8803200016",
            "19121212-1212",
            "121212+1212",
            "6408233234",
            "701063-2391",
        ] {
            assert!(SwedishPersonnummer.weigh(value).is_some(), "{value}");
        }
    }

    #[test]
    fn wrong_check_digits_months_and_centuries_are_refused() {
        for value in [
            "811228-9873",
            "811328-9874",
            "30121212-1212",
            "1700000000",
            "811228 9874",
            "ä-1",
            "",
            "123",
        ] {
            assert_eq!(SwedishPersonnummer.weigh(value), None, "{value}");
        }
    }
}
