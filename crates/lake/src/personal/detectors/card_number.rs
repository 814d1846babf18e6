//! Numbers of payment cards (ISO/IEC 7812): an issuer's prefix with its lengths, and Luhn's check digit.

use crate::personal::checksum::{digits, luhn_holds, number};
use crate::personal::detect::{Detector, Weight};

pub(super) struct CardNumber;

/// An issuer's prefixes, from and to, and the lengths of its numbers.
struct Issuer {
    prefixes: &'static [(u64, u64)],
    lengths: &'static [usize],
}

/// The prefixes that the schemes publish for their acquirers.
const ISSUERS: &[Issuer] = &[
    // Visa.
    Issuer { prefixes: &[(4, 4)], lengths: &[13, 16, 19] },
    // Mastercard.
    Issuer { prefixes: &[(51, 55), (2221, 2720)], lengths: &[16] },
    // American Express.
    Issuer { prefixes: &[(34, 34), (37, 37)], lengths: &[15] },
    // Discover.
    Issuer { prefixes: &[(6011, 6011), (644, 649), (65, 65)], lengths: &[16, 19] },
    // Diners Club.
    Issuer { prefixes: &[(300, 305), (36, 36), (38, 39)], lengths: &[14, 16, 19] },
    // JCB.
    Issuer { prefixes: &[(3528, 3589)], lengths: &[16, 17, 18, 19] },
    // UnionPay.
    Issuer { prefixes: &[(62, 62)], lengths: &[16, 17, 18, 19] },
    // Maestro, with Dankort.
    Issuer {
        prefixes: &[(5018, 5020), (5038, 5038), (5893, 5893), (6304, 6304), (6759, 6763)],
        lengths: &[12, 13, 14, 15, 16, 17, 18, 19],
    },
    // Mir.
    Issuer { prefixes: &[(2200, 2204)], lengths: &[16, 17, 18, 19] },
];

impl Detector for CardNumber {
    fn name(&self) -> &'static str {
        "card_number"
    }

    fn finds(&self) -> &'static str {
        "numbers of payment cards"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "card",
            "card number",
            "credit card",
            "creditcard",
            "cc number",
            "pan",
            "kortnummer",
            "kortnr",
            "kreditkarte",
            "kartennummer",
            "carte",
            "tarjeta",
            "carta di credito",
            "cartao",
        ]
    }

    fn chance(&self) -> f64 {
        0.1
    }

    fn enough(&self) -> f64 {
        0.8
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        let digits = digits(&ungrouped(value)?)?;
        let has_prefix = |(from, to): &(u64, u64)| {
            let length = from.ilog10() as usize + 1;
            digits.len() > length && (*from..=*to).contains(&number(&digits[..length]))
        };
        let is_issued = ISSUERS.iter().any(|issuer| {
            issuer.lengths.contains(&digits.len()) && issuer.prefixes.iter().any(has_prefix)
        });
        (is_issued && luhn_holds(&digits)).then_some(Weight::SURE)
    }
}

/// Takes the blanks or hyphens out of the groups that cards are printed in.
fn ungrouped(value: &str) -> Option<String> {
    let groups: Vec<&str> = value.split([' ', '-']).collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let is_usual = match lengths.as_slice() {
        [_] | [4, 6, 4 | 5] => true,
        [first @ .., 1..=4] => first.len() >= 3 && first.iter().all(|length| *length == 4),
        _ => false,
    };
    is_usual.then(|| groups.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_numbers_of_the_schemes_are_found() {
        let numbers = [
            "4111111111111111",
            "4222222222222",
            "5555 5555 5555 4444",
            "2223003122003222",
            "3782 822463 10005",
            "6011-1111-1111-1117",
            "3056 930902 5904",
            "3530111333300000",
            "6240008631401148",
            "6759649826438453",
            "2200000000000004",
        ];
        for value in numbers {
            assert_eq!(CardNumber.weigh(value), Some(Weight::SURE), "{value}");
        }
    }

    #[test]
    fn wrong_check_digits_unknown_issuers_and_other_groups_are_refused() {
        // The third is an IMEI: it has a check digit of Luhn's, but no issuer of cards.
        for value in [
            "4111111111111112",
            "1234567812345670",
            "490154203237518",
            "41111 11111 111111",
            "",
            "4",
        ] {
            assert_eq!(CardNumber.weigh(value), None, "{value}");
        }
    }
}
