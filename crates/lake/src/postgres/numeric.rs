//! Numbers of any precision, as the server sends them.

/// A `numeric` of the wire: digits to the base of 10,000, the first of them worth `10000 ^ weight`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Numeric<'a> {
    Finite { digits: &'a [u8], weight: i32, is_negative: bool },
    NotANumber,
    Infinite { is_negative: bool },
}

impl<'a> Numeric<'a> {
    /// Reads what `numeric_send` of the server writes: count, weight, sign, scale, digits, of two bytes each.
    pub(super) fn read(raw: &'a [u8]) -> Option<Self> {
        let (head, digits) = raw.split_at_checked(8)?;
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        if digits.len() != usize::from(word(0)) * 2 {
            return None;
        }
        let weight = i32::from(word(2).cast_signed());
        Some(match word(4) {
            0x0000 => Self::Finite { digits, weight, is_negative: false },
            0x4000 => Self::Finite { digits, weight, is_negative: true },
            0xC000 => Self::NotANumber,
            0xD000 => Self::Infinite { is_negative: false },
            0xF000 => Self::Infinite { is_negative: true },
            _ => return None,
        })
    }

    /// The nearest number of double precision.
    pub(super) fn float(self) -> f64 {
        use std::fmt::Write;
        let signed = |is_negative: bool, size: f64| if is_negative { -size } else { size };
        match self {
            Self::NotANumber => f64::NAN,
            Self::Infinite { is_negative } => signed(is_negative, f64::INFINITY),
            Self::Finite { digits, weight, is_negative } => {
                let mut text = String::with_capacity(digits.len() * 2 + 8);
                for digit in digits.chunks_exact(2) {
                    let digit = u16::from_be_bytes([digit[0], digit[1]]);
                    write!(text, "{digit:04}").expect("a string takes all");
                }
                let last = i32::try_from(digits.len() / 2).unwrap_or(0) - 1;
                write!(text, "e{}", 4 * (weight - last)).expect("a string takes all");
                let size = if digits.is_empty() { 0.0 } else { text.parse().unwrap_or(f64::NAN) };
                signed(is_negative, size)
            }
        }
    }

    /// The number times ten to the power of `scale`, if that is whole and has at most 38 digits.
    pub(super) fn scaled(self, scale: u8) -> Option<i128> {
        let Self::Finite { digits, weight, is_negative } = self else { return None };
        let mut sum: i128 = 0;
        for (place, digit) in digits.chunks_exact(2).enumerate() {
            let digit = i128::from(u16::from_be_bytes([digit[0], digit[1]]));
            if digit == 0 {
                continue;
            }
            let power = 4 * (weight - i32::try_from(place).ok()?) + i32::from(scale);
            let ten = 10_i128.checked_pow(power.unsigned_abs())?;
            let value = if power >= 0 {
                digit.checked_mul(ten)?
            } else if digit % ten == 0 {
                digit / ten
            } else {
                return None;
            };
            sum = sum.checked_add(value)?;
        }
        (sum < 10_i128.pow(38)).then_some(if is_negative { -sum } else { sum })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes that the server sends for a number with so many digits after its point.
    fn sent(value: i128, scale: u16) -> Vec<u8> {
        let word = |value: u128| u16::try_from(value).unwrap();
        let size = value.unsigned_abs();
        let (ten, fraction_digits) = (10_u128.pow(scale.into()), scale.div_ceil(4));
        let (mut whole, fraction) = (size / ten, size % ten);
        let mut fraction = fraction * 10_u128.pow((fraction_digits * 4 - scale).into());
        let mut digits = Vec::new();
        for _ in 0..fraction_digits {
            digits.push(word(fraction % 10_000));
            fraction /= 10_000;
        }
        while whole > 0 {
            digits.push(word(whole % 10_000));
            whole /= 10_000;
        }
        digits.reverse();
        let count = u16::try_from(digits.len()).unwrap();
        let weight = count.wrapping_sub(fraction_digits).wrapping_sub(1);
        let sign: u16 = if value < 0 { 0x4000 } else { 0 };
        let head = [count, weight, sign, scale];
        head.into_iter().chain(digits).flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn numbers_of_the_wire_are_read() {
        // 12345.678: the digits 1, 2345 and 6780, as `SELECT numeric_send(12345.678)` shows.
        let raw = [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1A, 0x7C];
        let number = Numeric::read(&raw).unwrap();

        assert!((number.float() - 12345.678).abs() < f64::EPSILON);
        assert_eq!((number.scaled(3), number.scaled(5)), (Some(12_345_678), Some(1_234_567_800)));
        assert_eq!(number.scaled(2), None);
        assert_eq!(Numeric::read(&raw[..9]), None);
        assert_eq!(Numeric::read(&[0, 0, 0, 0, 0xC0, 0, 0, 0]), Some(Numeric::NotANumber));
        assert_eq!(Numeric::read(&[0, 0, 0, 0, 0, 0, 0, 0]).unwrap().float().to_bits(), 0);
    }

    proptest! {
        #[test]
        fn every_number_comes_back(value in -10_i128.pow(37)..10_i128.pow(37), scale in 0_u16..20) {
            let raw = sent(value, scale);
            let number = Numeric::read(&raw).unwrap();

            prop_assert_eq!(number.scaled(u8::try_from(scale).unwrap()), Some(value));
            let expected: f64 = format!("{value}e-{scale}").parse().unwrap();
            prop_assert_eq!(number.float().to_bits(), expected.to_bits());
        }
    }
}
