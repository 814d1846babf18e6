//! Check digits, which tell a number that was given out from one that merely looks so.

/// The digits of a text that consists of nothing else.
pub(super) fn digits(text: &str) -> Option<Vec<u32>> {
    text.chars().map(|letter| letter.to_digit(10)).collect()
}

/// The digits as one number.
pub(super) fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(*digit))
}

/// Luhn's check (ISO/IEC 7812-1, annex B) over all digits, the check digit last.
pub(super) fn luhn_holds(digits: &[u32]) -> bool {
    let from_the_right = digits.iter().rev().enumerate();
    let sum: u32 = from_the_right
        .map(|(index, digit)| match (index % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The remainder by 97 of letters and digits, where letters count from 10 (ISO 7064, MOD 97-10).
pub(super) fn remainder_97(text: &str) -> Option<u32> {
    let mut remainder = 0;
    for letter in text.chars() {
        let value = letter.to_digit(36)?;
        remainder = (remainder * if value > 9 { 100 } else { 10 } + value) % 97;
    }
    Some(remainder)
}

/// The sum of digits by weights.
pub(super) fn weighted_sum(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Tells whether a day of the calendar has this date; a year of `None` may be a leap year.
pub(super) fn is_date(year: Option<u32>, month: u32, day: u32) -> bool {
    // Any leap year will do where the century is not known.
    let year = year.and_then(|year| i32::try_from(year).ok()).unwrap_or(2000);
    chrono::NaiveDate::from_ymd_opt(year, month, day).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_agrees_with_the_example_of_the_standard() {
        // ISO/IEC 7812-1: the check digit of 7992739871 is 3.
        for last in 0..10 {
            let digits = digits(&format!("7992739871{last}")).unwrap();
            assert_eq!(luhn_holds(&digits), last == 3);
        }
    }

    #[test]
    fn the_remainder_by_97_agrees_with_long_division() {
        assert_eq!(remainder_97("3214282912345698765432161182"), Some(1));
        assert_eq!(remainder_97("A1"), Some(101 % 97));
        assert_eq!(remainder_97("12-3"), None);
    }
}
