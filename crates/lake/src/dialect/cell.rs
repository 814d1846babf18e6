//! Single values: truth, whole numbers, numbers with a fraction.

use super::Decimal;

/// Powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// `true` or `false`, in any case.
pub(crate) fn truth(cell: &[u8]) -> Option<bool> {
    if cell.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if cell.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

/// A whole number of 64 bits. Leading zeros are refused: such a cell is a code, and would not come back as it was.
pub(crate) fn integer(cell: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(cell);
    if digits.is_empty() || digits.len() > 19 || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    let mut magnitude: u64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Whether there is a minus, and what follows the sign.
fn sign(cell: &[u8]) -> (bool, &[u8]) {
    match cell {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    }
}

/// A number of double precision, rounded correctly.
///
/// Most cells have so few digits that one division is exact (W. Clinger, "How to read floating point numbers accurately",
/// 1990); all others go through the standard library.
pub(crate) fn float(cell: &[u8], decimal: Decimal) -> Option<f64> {
    let point = decimal.byte();
    let (negative, digits) = sign(cell);
    if digits.len() > 18 {
        return float_slowly(cell, decimal);
    }
    let (mut mantissa, mut fraction, mut seen_point) = (0u64, 0usize, false);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + u64::from(digit);
            fraction += usize::from(seen_point);
        } else if *byte == point && !seen_point {
            seen_point = true;
        } else {
            return float_slowly(cell, decimal);
        }
    }
    if digits.len() == usize::from(seen_point) {
        return None;
    }
    if mantissa >= 1 << 53 {
        return float_slowly(cell, decimal);
    }
    let magnitude = mantissa as f64 / EXACT_POWERS[fraction];
    Some(if negative { -magnitude } else { magnitude })
}

#[cold]
fn float_slowly(cell: &[u8], decimal: Decimal) -> Option<f64> {
    let text = std::str::from_utf8(cell).ok()?;
    let infinite = text.trim_start_matches(['+', '-']);
    if infinite.eq_ignore_ascii_case("inf") || infinite.eq_ignore_ascii_case("infinity") {
        return text.parse().ok();
    }
    let point = char::from(decimal.byte());
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | 'e' | 'E') || c == point;
    if !text.chars().all(plain) {
        return None;
    }
    match decimal {
        Decimal::Point => text.parse().ok(),
        Decimal::Comma => text.replace(',', ".").parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_with_leading_zeros_is_a_code() {
        assert_eq!(integer(b"0"), Some(0));
        assert_eq!(integer(b"-17"), Some(-17));
        assert_eq!(integer(b"007"), None);
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer(b"9223372036854775808"), None);
        assert_eq!(integer(b""), None);
        assert_eq!(integer(b"-"), None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for cell in ["", "-", ".", "1.2.3", "1,5", "nan", "0x10", "1_000", "12a", "--1"] {
            assert_eq!(float(cell.as_bytes(), Decimal::Point), None, "{cell}");
        }
        assert_eq!(float(b"1,5", Decimal::Comma), Some(1.5));
        assert_eq!(float(b"1.5", Decimal::Comma), None);
        assert_eq!(float(b"-inf", Decimal::Point), Some(f64::NEG_INFINITY));
        assert_eq!(float(b"1e-3", Decimal::Point), Some(0.001));
    }

    proptest! {
        #[test]
        fn every_double_reads_back_to_the_bit(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let written = format!("{value:?}");

            prop_assert_eq!(float(written.as_bytes(), Decimal::Point).map(f64::to_bits), Some(bits));
            let comma = written.replace('.', ",");
            prop_assert_eq!(float(comma.as_bytes(), Decimal::Comma).map(f64::to_bits), Some(bits));
        }

        #[test]
        fn short_decimals_are_what_the_standard_library_says(text in "-?[0-9]{1,12}\\.[0-9]{0,8}") {
            prop_assert_eq!(
                float(text.as_bytes(), Decimal::Point).map(f64::to_bits),
                text.parse::<f64>().ok().map(f64::to_bits)
            );
        }

        #[test]
        fn every_integer_reads_back(value: i64) {
            prop_assert_eq!(integer(value.to_string().as_bytes()), Some(value));
        }
    }
}
