//! Norwegian birth numbers (fødselsnummer) and D-numbers: a date, a number that tells the century, two control digits.

use crate::personal::checksum::{digits, is_date, number, weighted_sum};
use crate::personal::detect::{Detector, Weight};

pub(super) struct NorwegianId;

impl Detector for NorwegianId {
    fn name(&self) -> &'static str {
        "norwegian_id"
    }

    fn finds(&self) -> &'static str {
        "birth numbers (Norway)"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "fodselsnummer",
            "fodselsnr",
            "foedselsnummer",
            "fnr",
            "personnummer",
            "personnr",
            "dnr",
            "d nummer",
            "national id",
        ]
    }

    fn chance(&self) -> f64 {
        // Both control digits agree; that the date is one is not counted on.
        1.0 / 100.0
    }

    fn enough(&self) -> f64 {
        0.8
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        let compact = match value.split_once(' ') {
            Some((date, rest)) if date.len() == 6 => format!("{date}{rest}"),
            _ => value.to_owned(),
        };
        let digits = digits(&compact).filter(|digits| digits.len() == 11)?;
        (is_birth_date(&digits) && controls_hold(&digits)).then_some(Weight::SURE)
    }
}

/// The control digits of the Tax Administration (Skatteetaten): weighted sums that 11 divides.
fn controls_hold(digits: &[u32]) -> bool {
    const FIRST: [u32; 10] = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1];
    const SECOND: [u32; 11] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1];
    weighted_sum(digits, &FIRST).is_multiple_of(11)
        && weighted_sum(digits, &SECOND).is_multiple_of(11)
}

fn is_birth_date(digits: &[u32]) -> bool {
    // A D-number has 40 added to the day; help numbers and synthetic ones have 40, 65 or 80 added to the month.
    let day =
        if digits[0] >= 4 { digits[0] * 10 + digits[1] - 40 } else { digits[0] * 10 + digits[1] };
    let month = match digits[2] * 10 + digits[3] {
        month @ 41..=52 => month - 40,
        month @ 66..=77 => month - 65,
        month @ 81..=92 => month - 80,
        month => month,
    };
    let year = digits[4] * 10 + digits[5];
    let century = match (number(&digits[6..9]), year) {
        (0..=499, _) | (900..=999, 40..) => 1900,
        (500..=749, 54..) => 1800,
        (500..=999, 0..=39) => 2000,
        _ => return false,
    };
    is_date(Some(century + year), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_python_stdnum_takes_are_found_and_synthetic_ones() {
        // Birth numbers, a D-number, a help number; the last is one of the Tax Administration's synthetic ones by its month.
        for value in [
            "15108695088",
            "151086 95088",
            "01018010018",
            "41018010001",
            "01418010181",
            "01818010083",
        ] {
            assert_eq!(NorwegianId.weigh(value), Some(Weight::SURE), "{value}");
        }
    }

    #[test]
    fn a_wrong_digit_a_day_that_is_not_and_other_lengths_are_refused() {
        for value in ["15108695089", "51108695088", "32019955131", "1510869508", "", "15108 695088"]
        {
            assert_eq!(NorwegianId.weigh(value), None, "{value}");
        }
    }
}
