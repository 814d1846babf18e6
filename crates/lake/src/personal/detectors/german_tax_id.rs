//! German tax identification numbers: ten digits of which one is repeated, and a check digit.

use crate::personal::checksum::digits;
use crate::personal::detect::{Detector, Weight};

pub(super) struct GermanTaxId;

impl Detector for GermanTaxId {
    fn name(&self) -> &'static str {
        "german_tax_id"
    }

    fn finds(&self) -> &'static str {
        "tax identification numbers (Germany)"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "steuer id",
            "steueridentifikationsnummer",
            "steuernummer",
            "steuer nr",
            "idnr",
            "tax id",
            "tin",
        ]
    }

    fn chance(&self) -> f64 {
        0.1
    }

    fn enough(&self) -> f64 {
        0.8
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        let groups: Vec<&str> = value.split(' ').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        if !matches!(lengths.as_slice(), [11] | [2, 3, 3, 3]) {
            return None;
        }
        let digits = digits(&groups.concat())?;
        let (first, check) = digits.split_at(10);
        let is_one = first[0] != 0 && one_digit_is_repeated(first) && check == [check_digit(first)];
        is_one.then_some(Weight { alone: 0.95, named: 1.0 })
    }
}

/// One digit occurs twice or three times, but not three times in a row; the others once at most (§ 139b AO, since 2016).
fn one_digit_is_repeated(digits: &[u32]) -> bool {
    let mut repeated = (0..10).map(|digit| digits.iter().filter(|one| **one == digit).count());
    let counts: Vec<usize> = repeated.by_ref().filter(|count| *count > 1).collect();
    let is_in_a_row = digits.windows(3).any(|run| run[0] == run[1] && run[1] == run[2]);
    matches!(counts.as_slice(), [2 | 3]) && !is_in_a_row
}

/// ISO/IEC 7064, MOD 11,10.
fn check_digit(digits: &[u32]) -> u32 {
    let mut product = 10;
    for digit in digits {
        let sum = (digit + product) % 10;
        product = 2 * (if sum == 0 { 10 } else { sum }) % 11;
    }
    (11 - product) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_python_stdnum_takes_are_found() {
        for value in [
            "36574261809",
            "36 574 261 809",
            "86095742719",
            "47036892816",
            "65929970489",
            "57549285017",
        ] {
            assert!(GermanTaxId.weigh(value).is_some(), "{value}");
        }
    }

    #[test]
    fn a_leading_zero_too_many_repeats_and_a_wrong_check_digit_are_refused() {
        for value in [
            "02476291358",
            "36574261808",
            "11134567890",
            "11224567890",
            "3657 4261809",
            "",
            "é6574261809",
        ] {
            assert_eq!(GermanTaxId.weigh(value), None, "{value}");
        }
    }
}
