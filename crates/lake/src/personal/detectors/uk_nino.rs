//! National insurance numbers of the United Kingdom: two letters, six digits, a letter from A to D.

use std::sync::LazyLock;

use regex::Regex;

use crate::personal::detect::{Detector, Weight};

pub(super) struct UkNino;

impl Detector for UkNino {
    fn name(&self) -> &'static str {
        "uk_nino"
    }

    fn finds(&self) -> &'static str {
        "national insurance numbers (United Kingdom)"
    }

    fn words(&self) -> &'static [&'static str] {
        &["nino", "ni number", "ni no", "national insurance", "national insurance number"]
    }

    fn chance(&self) -> f64 {
        0.1
    }

    fn enough(&self) -> f64 {
        0.8
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        // HM Revenue & Customs, NIM39110: the letters and prefixes that are not used.
        static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
            let pattern =
                r"^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]$";
            Regex::new(pattern).expect("the pattern is well formed")
        });
        const UNUSED: [&str; 7] = ["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"];
        let is_one = NUMBER.is_match(value) && !UNUSED.contains(&&value[..2]);
        is_one.then_some(Weight { alone: 0.95, named: 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_with_and_without_blanks() {
        assert!(UkNino.weigh("AB 12 34 56 C").is_some());
        assert!(UkNino.weigh("JG103759A").is_some());
    }

    #[test]
    fn letters_and_prefixes_that_are_not_used_are_refused() {
        for value in [
            "QQ123456C",
            "GB123456A",
            "AO123456A",
            "AB123456E",
            "AB12345C",
            "ab123456c",
            "AB-12-34-56-C",
        ] {
            assert_eq!(UkNino.weigh(value), None, "{value}");
        }
    }
}
