//! Italian tax codes (codice fiscale): letters of the name, date and place of birth, and a check letter.

use std::sync::LazyLock;

use regex::Regex;

use crate::personal::detect::{Detector, Weight};

pub(super) struct ItalianCodiceFiscale;

/// What a letter or digit at an odd place counts (decree of 23 December 1976, table of the odd characters).
const ODD: [u32; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

impl Detector for ItalianCodiceFiscale {
    fn name(&self) -> &'static str {
        "italian_codice_fiscale"
    }

    fn finds(&self) -> &'static str {
        "tax codes (Italy)"
    }

    fn words(&self) -> &'static [&'static str] {
        &["codice fiscale", "cod fiscale", "cf"]
    }

    fn chance(&self) -> f64 {
        1.0 / 26.0
    }

    fn enough(&self) -> f64 {
        0.8
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        // Where two people would have the same code, digits are written as letters from L to V.
        static CODE: LazyLock<Regex> = LazyLock::new(|| {
            let digit = "[0-9L-NP-V]";
            let pattern =
                format!("^[A-Z]{{6}}{digit}{{2}}[A-EHLMPR-T]{digit}{{2}}[A-Z]{digit}{{3}}[A-Z]$");
            Regex::new(&pattern).expect("the pattern is well formed")
        });
        let upper = value.to_ascii_uppercase();
        let is_one = CODE.is_match(&upper) && upper.chars().last() == check_letter(&upper[..15]);
        is_one.then_some(Weight::SURE)
    }
}

fn check_letter(code: &str) -> Option<char> {
    let mut sum = 0;
    for (index, letter) in code.chars().enumerate() {
        let value = letter.to_digit(36)?;
        // A digit counts as the letter with its number.
        let place = if value > 9 { value - 10 } else { value };
        sum += if index % 2 == 0 { ODD[place as usize] } else { place };
    }
    char::from_digit(sum % 26 + 10, 36).map(|letter| letter.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_python_stdnum_takes_are_found() {
        for value in ["RCCMNL83S18D969H", "mrtmtt91d08f205j"] {
            assert_eq!(ItalianCodiceFiscale.weigh(value), Some(Weight::SURE), "{value}");
        }
    }

    #[test]
    fn wrong_check_letters_months_and_lengths_are_refused() {
        for value in [
            "RCCMNL83S18D969A",
            "RCCMNL83F18D969H",
            "RCCMNL83S18D969",
            "RCCMNL83S18D969HH",
            "",
            "ÀCCMNL83S18D969H",
        ] {
            assert_eq!(ItalianCodiceFiscale.weigh(value), None, "{value}");
        }
    }
}
