//! International bank account numbers (ISO 13616): a country, its length, and a remainder of 1 by 97.

use crate::personal::checksum::remainder_97;
use crate::personal::detect::{Detector, Weight};

pub(super) struct Iban;

/// The length of an IBAN by country: the registry of SWIFT, release 99 (2024).
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 \
    EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 \
    JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 \
    NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 \
    TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

impl Detector for Iban {
    fn name(&self) -> &'static str {
        "iban"
    }

    fn finds(&self) -> &'static str {
        "bank account numbers (IBAN)"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "iban",
            "bank account",
            "account number",
            "bankkonto",
            "kontonummer",
            "kontonr",
            "conto corrente",
            "cuenta bancaria",
        ]
    }

    fn chance(&self) -> f64 {
        1.0 / 97.0
    }

    fn enough(&self) -> f64 {
        0.5
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        let compact: String = value.chars().filter(|letter| *letter != ' ').collect();
        let upper = compact.to_ascii_uppercase();
        let country = upper.get(..2)?;
        let length = LENGTHS.split(' ').find_map(|entry| entry.strip_prefix(country))?;
        let check = upper.get(2..4)?;
        let is_one = Ok(upper.len()) == length.parse()
            && check.chars().all(|digit| digit.is_ascii_digit())
            && remainder_97(&format!("{}{country}{check}", upper.get(4..)?)) == Some(1);
        is_one.then_some(Weight::SURE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_registry_are_found() {
        let examples = [
            "GB29 NWBK 6016 1331 9268 19",
            "DE89370400440532013000",
            "NO9386011117947",
            "FR1420041010050500013M02606",
            "se4550000000058398257466",
            "MT84MALT011000012345MTLCAST001S",
            "CH9300762011623852957",
            "ES9121000418450200051332",
        ];
        for value in examples {
            assert_eq!(Iban.weigh(value), Some(Weight::SURE), "{value}");
        }
    }

    #[test]
    fn a_wrong_digit_a_wrong_length_and_another_country_are_refused() {
        for value in [
            "GB29NWBK60161331926818",
            "NO93860111179470",
            "XX9386011117947",
            "NO",
            "",
            "ÅÅ9386011117947",
        ] {
            assert_eq!(Iban.weigh(value), None, "{value}");
        }
    }
}
