//! Social security numbers of the United States. They have no check digit, so the hyphens have to be there.

use crate::personal::checksum::{digits, number};
use crate::personal::detect::{Detector, Weight};

pub(super) struct UsSsn;

impl Detector for UsSsn {
    fn name(&self) -> &'static str {
        "us_ssn"
    }

    fn finds(&self) -> &'static str {
        "social security numbers (United States)"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "ssn",
            "social security",
            "social security number",
            "social security no",
            "socsec",
            "tin",
            "taxpayer id",
        ]
    }

    fn chance(&self) -> f64 {
        0.01
    }

    fn enough(&self) -> f64 {
        0.9
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        let parts: Vec<&str> = value.split(['-', ' ']).collect();
        let (area, group, serial, weight) = match parts.as_slice() {
            [area, group, serial] if area.len() == 3 && group.len() == 2 && serial.len() == 4 => {
                (*area, *group, *serial, Weight { alone: 0.85, named: 1.0 })
            }
            [all] if all.len() == 9 => {
                (all.get(..3)?, all.get(3..5)?, all.get(5..)?, Weight { alone: 0.1, named: 0.85 })
            }
            _ => return None,
        };
        let area = number(&digits(area)?);
        // Never given out (Social Security Administration, since 2011).
        let is_void = matches!(area, 0 | 666 | 900..)
            || number(&digits(group)?) == 0
            || number(&digits(serial)?) == 0;
        (!is_void).then_some(weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_hyphens_are_found_and_others_need_the_name_of_the_column() {
        assert!(UsSsn.weigh("536-90-4399").is_some_and(|weight| weight.alone > 0.8));
        assert!(
            UsSsn.weigh("536904399").is_some_and(|weight| weight.alone < 0.2 && weight.named > 0.8)
        );
    }

    #[test]
    fn numbers_that_are_never_given_out_are_refused() {
        for value in [
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "123-00-4567",
            "123-45-0000",
            "12-345-6789",
            "1234-5-6789",
        ] {
            assert_eq!(UsSsn.weigh(value), None, "{value}");
        }
    }
}
