//! Telephone numbers: international (E.164), and as people write them at home.

use std::sync::LazyLock;

use regex::Regex;

use crate::personal::detect::{Detector, Weight};

pub(super) struct Phone;

/// Begins with a plus and a country's code, and has as many digits as numbers of that country.
const INTERNATIONAL: Weight = Weight { alone: 0.95, named: 1.0 };

/// The same without groups, as machines write it; but a sensor's readings with their sign look alike.
const SIGNED: Weight = Weight { alone: 0.85, named: 1.0 };

/// Grouped as only telephone numbers are.
const DISTINCT: Weight = Weight { alone: 0.85, named: 1.0 };

/// Grouped, but other numbers may be grouped so, too.
const GROUPED: Weight = Weight { alone: 0.5, named: 0.95 };

/// Digits and nothing else: a number of anything.
const BARE: Weight = Weight { alone: 0.1, named: 0.85 };

/// How many digits follow a country's code: ITU-T E.164 and the national plans, as possible lengths in libphonenumber 9.
const COUNTRIES: &str = "1:10 7:10 20:8-10 27:5-9 30:10 31:9-11 32:8-9 33:9 34:9 36:8-9 39:6-12 40:6-9 41:9 43:4-13 \
    44:9-10 45:8 46:7-9 47:8 48:7-9 49:5-15 51:8-9 52:10 53:6-10 54:10-11 55:10-11 56:9 57:8-10 58:10 60:8-10 61:9 \
    62:7-12 63:6-10 64:8-10 65:8 66:8-9 81:9-10 82:5-10 84:9-10 86:7-11 90:10 91:10 92:9-10 93:9 94:9 95:6-10 98:6-10 \
    211:9 212:9 213:8-9 216:8 218:9 220:7-9 221:9 222:8 223:8 224:8-9 225:10 226:8 227:8 228:8 229:10 230:7-8 231:7-9 \
    232:8 233:9 234:10 235:8 236:8 237:9 238:7 239:7 240:9 241:7-8 242:9 243:7-10 244:9 245:9 246:7 247:5 248:7 249:9 \
    250:8-9 251:9 252:6-9 253:8 254:7-9 255:9 256:9 257:8 258:8-9 260:9 261:9 262:9 263:9 264:8-9 265:7-9 266:8 267:7-8 \
    268:8 269:7 290:4-5 291:7 297:7 298:6 299:6 350:8 351:9 352:4-11 353:7-10 354:7-9 355:8-9 356:8 357:8 358:5-10 \
    359:6-9 370:8 371:8 372:7-8 373:8 374:8 375:9 376:6-9 377:8-9 378:8-10 380:9 381:7-12 382:8 383:8-12 385:8-9 386:8 \
    387:8-9 389:8 420:9 421:6-9 423:7-9 500:5 501:7 502:8 503:8 504:8 505:8 506:8 507:7-8 508:6-9 509:8 590:9 591:8 \
    592:7 593:8-9 594:9 595:7-9 596:9 597:6-7 598:8 599:7-8 670:7-8 672:6 673:7 674:7 675:7-8 676:5-7 677:5-7 678:5-7 \
    679:7 680:7 681:6 682:5 683:4-7 685:5-10 686:5-8 687:6 688:5-7 689:8 690:4-7 691:7 692:7 850:8-10 852:8 853:8 \
    855:8-9 856:8-10 880:6-10 886:8-9 960:7 961:7-8 962:8-9 963:8-9 964:8-10 965:8 966:9 967:7-9 968:8 970:8-9 971:8-9 \
    972:8-12 973:8 974:8 975:7-8 976:8-10 977:8-10 992:9 993:8 994:9 995:9 996:9 998:9";

/// The writings that people know, surest first, after numbers that begin with a country.
const WRITINGS: &[(&str, Weight)] = &[
    // North America: (212) 555-0123, 212-555-0123, 1-212-555-0123, 212.555.0123; no part begins with 0 or 1.
    (r"^(?:1[-. ])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])[2-9]\d{2}[-.]\d{4}$", DISTINCT),
    // France: 06 12 34 56 78, also with dots or hyphens.
    (r"^0[1-9](?: \d{2}){4}$|^0[1-9](?:\.\d{2}){4}$|^0[1-9](?:-\d{2}){4}$", DISTINCT),
    // Germany, Austria, the Netherlands: (030) 123456, 030/123456, 06-12345678; Brazil: (11) 96123-4567.
    (
        r"^\(0\d{1,4}\) ?[\d ]{4,10}$|^0\d{1,4}/[\d ]{4,10}$|^0\d{1,3}-\d{6,8}$|^\(\d{2}\) ?9?\d{4}-\d{4}$",
        DISTINCT,
    ),
    // The United Kingdom and others with a 0 for trunk calls: 020 7946 0958, 07400 123456, 070-123 45 67.
    (r"^0\d{1,4}[- ]\d{2,4}(?:[- ]\d{2,4}){1,3}$|^0\d{2,4} \d{5,7}$", GROUPED),
    // Norway, Denmark: 22 33 44 55, 912 34 567; Spain, Poland: 612 345 678; 212 555 0123.
    (
        r"^[2-9]\d(?: \d{2}){3}$|^[49]\d{2} \d{2} \d{3}$|^[5-9]\d{2} \d{3} \d{3}$|^[2-9]\d{2} [2-9]\d{2} \d{4}$",
        GROUPED,
    ),
    (r"^\d{8,12}$", BARE),
];

impl Detector for Phone {
    fn name(&self) -> &'static str {
        "phone"
    }

    fn finds(&self) -> &'static str {
        "telephone numbers"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "phone",
            "phone number",
            "telephone",
            "tel",
            "mobile",
            "mobile number",
            "cell phone",
            "msisdn",
            "fax",
            "telefon",
            "telefonnummer",
            "tlf",
            "mobil",
            "mobilnummer",
            "mobiltelefon",
            "handy",
            "handynummer",
            "gsm",
            "telefoon",
            "puhelin",
            "puhelinnumero",
            "telefono",
            "celular",
            "movil",
            "cellulare",
            "telefone",
            "telemovel",
            "komorka",
        ]
    }

    fn chance(&self) -> f64 {
        0.1
    }

    fn enough(&self) -> f64 {
        0.9
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        static PATTERNS: LazyLock<Vec<(Regex, Weight)>> = LazyLock::new(|| {
            let pattern = |text| Regex::new(text).expect("the pattern is well formed");
            WRITINGS.iter().map(|(text, weight)| (pattern(text), *weight)).collect()
        });
        let value = without_extension(value).replace('\u{a0}', " ");
        if let Some(international) = value.strip_prefix('+') {
            let weight = if is_bare(international) { SIGNED } else { INTERNATIONAL };
            return is_international(international).then_some(weight);
        }
        if let Some(international) = value.strip_prefix("00")
            && is_international(international)
        {
            return Some(if is_bare(international) { BARE } else { DISTINCT });
        }
        PATTERNS.iter().find(|(pattern, _)| pattern.is_match(&value)).map(|(_, weight)| *weight)
    }
}

fn is_bare(value: &str) -> bool {
    value.chars().all(|letter| letter.is_ascii_digit())
}

/// The number without "ext. 12" or "x12".
fn without_extension(value: &str) -> &str {
    let number = value.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end();
    for word in ["ext.", "ext", "x", "Durchwahl"] {
        if let Some(rest) = number.strip_suffix(word) {
            return rest.trim_end();
        }
    }
    value
}

/// Tells whether this is a country's code and as many digits as belong to it, whatever the groups.
fn is_international(value: &str) -> bool {
    const LONGEST: usize = 15;
    // People write the 0 of the trunk, which is not dialled from abroad: +44 (0)20 7946 0958.
    let value = value.replacen("(0)", "", 1);
    let is_allowed = |letter: char| {
        letter.is_ascii_digit() || matches!(letter, ' ' | '-' | '.' | '(' | ')' | '/')
    };
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    if !value.chars().all(is_allowed) || digits.len() > LONGEST {
        return false;
    }
    for entry in COUNTRIES.split(' ') {
        let Some((code, lengths)) = entry.split_once(':') else { continue };
        let Some(national) = digits.strip_prefix(code) else { continue };
        let (least, most) = lengths.split_once('-').unwrap_or((lengths, lengths));
        let bound = |text: &str| text.parse().unwrap_or(LONGEST);
        return (bound(least)..=bound(most)).contains(&national.len())
            && starts_well(code, national);
    }
    false
}

/// Italy alone keeps the 0; in North America neither area nor exchange begins with 0 or 1.
fn starts_well(code: &str, national: &str) -> bool {
    let is_low = |at: usize| national.as_bytes().get(at).is_some_and(|digit| *digit < b'2');
    match code {
        "1" => !is_low(0) && !is_low(3),
        "39" => true,
        _ => !national.starts_with('0'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn international_numbers_are_found_in_all_their_writings() {
        // Examples of libphonenumber, in its international and E.164 formats.
        let numbers = [
            "+44 (0)20 7946 0958",
            "+1 201-555-0123",
            "+47 21 23 45 67",
            "+49 30 123456",
            "+33 6 12 34 56 78",
            "+46 70 123 45 67",
            "+91 81234 56789",
            "+55 11 96123-4567",
            "+39 02 1234 5678",
            "+1 (201) 555-0123 ext. 12",
            "+352 27 12 34 56",
        ];
        for value in numbers {
            assert_eq!(Phone.weigh(value), Some(INTERNATIONAL), "{value}");
        }
        for value in ["+441212345678", "+12015550123"] {
            assert_eq!(Phone.weigh(value), Some(SIGNED), "{value}");
        }
        assert_eq!(Phone.weigh("0047 21 23 45 67"), Some(DISTINCT));
    }

    #[test]
    fn national_numbers_weigh_what_their_groups_tell() {
        // The same in its national formats.
        let distinct = [
            "(201) 555-0123",
            "201-555-0123",
            "01 23 45 67 89",
            "06.12.34.56.78",
            "(11) 96123-4567",
            "030/123456",
        ];
        for value in distinct {
            assert_eq!(Phone.weigh(value), Some(DISTINCT), "{value}");
        }
        for value in [
            "0121 234 5678",
            "07400 123456",
            "21 23 45 67",
            "070-123 45 67",
            "030 123456",
            "08-12 34 56",
        ] {
            assert_eq!(Phone.weigh(value), Some(GROUPED), "{value}");
        }
        for value in ["21234567", "004721234567"] {
            assert_eq!(Phone.weigh(value), Some(BARE), "{value}");
        }
    }

    #[test]
    fn numbers_of_other_things_are_refused() {
        let others = [
            "21.5",
            "-12345678",
            "+0.5",
            "+123",
            "2024-01-02",
            "01.02.2024",
            "12:30",
            "1,234,567",
            "1700000000000",
            "101-555-0123",
            "201-155-0123",
            "192.168.10.20",
            "+1234567890123456",
            "P-101",
            "",
            "+999 12345678",
            "+",
        ];
        for value in others {
            assert_eq!(Phone.weigh(value), None, "{value}");
        }
    }
}
