//! Spanish identity numbers (DNI), and those of foreigners (NIE): digits and a letter that follows from them.

use crate::personal::checksum::{digits, number};
use crate::personal::detect::{Detector, Weight};

pub(super) struct SpanishDni;

/// The letters by remainder (Ministry of the Interior).
const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

impl Detector for SpanishDni {
    fn name(&self) -> &'static str {
        "spanish_dni"
    }

    fn finds(&self) -> &'static str {
        "identity numbers (Spain)"
    }

    fn words(&self) -> &'static [&'static str] {
        &["dni", "nie", "nif", "documento", "documento identidad", "documento de identidad"]
    }

    fn chance(&self) -> f64 {
        1.0 / 23.0
    }

    fn enough(&self) -> f64 {
        0.8
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        let compact: String = value.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
        let upper = compact.to_ascii_uppercase();
        let (start, letter) = upper.split_at_checked(8)?;
        // X, Y and Z at the start of a NIE count as 0, 1 and 2.
        let start = match start.split_at_checked(1)? {
            ("X", rest) => format!("0{rest}"),
            ("Y", rest) => format!("1{rest}"),
            ("Z", rest) => format!("2{rest}"),
            _ => start.to_owned(),
        };
        let remainder = usize::try_from(number(&digits(&start)?) % 23).ok()?;
        (letter.as_bytes() == [LETTERS[remainder]]).then_some(Weight::SURE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_python_stdnum_takes_are_found() {
        for value in ["54362315-K", "12345678Z", "x-2482300w", "Z1234567R"] {
            assert_eq!(SpanishDni.weigh(value), Some(Weight::SURE), "{value}");
        }
    }

    #[test]
    fn wrong_letters_and_lengths_are_refused() {
        for value in
            ["54362315Z", "1234567Z", "12345678", "12345678ZZ", "A1234567R", "", "ñ1234567Z"]
        {
            assert_eq!(SpanishDni.weigh(value), None, "{value}");
        }
    }
}
