//! French social security numbers (NIR): sex, year, month, place and order of birth, and a key modulo 97.

use crate::personal::checksum::{digits, number};
use crate::personal::detect::{Detector, Weight};

pub(super) struct FrenchNir;

impl Detector for FrenchNir {
    fn name(&self) -> &'static str {
        "french_nir"
    }

    fn finds(&self) -> &'static str {
        "social security numbers (France)"
    }

    fn words(&self) -> &'static [&'static str] {
        &["nir", "numero de securite sociale", "securite sociale", "num secu", "nss", "insee"]
    }

    fn chance(&self) -> f64 {
        1.0 / 97.0
    }

    fn enough(&self) -> f64 {
        0.8
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        let compact: String = value.chars().filter(|letter| *letter != ' ').collect();
        // The two departments of Corsica have a letter, and count as 19 and 18.
        let as_number = match compact.get(5..7)? {
            "2A" | "2a" => format!("{}19{}", &compact[..5], compact.get(7..)?),
            "2B" | "2b" => format!("{}18{}", &compact[..5], compact.get(7..)?),
            _ => compact,
        };
        let digits = digits(&as_number).filter(|digits| digits.len() == 15)?;
        let month = number(&digits[3..5]);
        // 20 to 42 and from 50 stand for births whose month is not known.
        let is_month = matches!(month, 1..=12 | 20..=42 | 50..=99);
        let is_sex = matches!(digits[0], 1..=4 | 7 | 8);
        let key = 97 - number(&digits[..13]) % 97;
        let is_one = is_sex && is_month && key == number(&digits[13..]);
        is_one.then_some(Weight::SURE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_python_stdnum_takes_are_found_with_those_of_corsica() {
        for value in ["2 95 10 99 126 111 93", "185057800608491", "253072B07300470"] {
            assert_eq!(FrenchNir.weigh(value), Some(Weight::SURE), "{value}");
        }
    }

    #[test]
    fn wrong_keys_months_and_lengths_are_refused() {
        for value in [
            "295109912611194",
            "185052A00608429",
            "185137800608491",
            "585057800608491",
            "18505780060849",
            "",
            "é85057800608491",
        ] {
            assert_eq!(FrenchNir.weigh(value), None, "{value}");
        }
    }
}
