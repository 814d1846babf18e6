//! Hiding a value, but not its shape.

use std::net::IpAddr;

/// Hides a value: letters and digits become stars, what stands between them remains.
///
/// Of an e-mail address the domain is kept, of an IP address its first two parts, and of what has more digits than letters the end:
/// a third of it, but four at most.
///
/// ```
/// use tidemill_lake::personal::mask;
///
/// assert_eq!(mask("ada.lovelace@example.org"), "***.********@example.org");
/// assert_eq!(mask("4111 1111 1111 1111"), "**** **** **** 1111");
/// assert_eq!(mask("22 33 44 55"), "** ** ** 55");
/// assert_eq!(mask("Ada Lovelace"), "*** ********");
/// assert_eq!(mask("203.0.113.7"), "203.0.*.*");
/// ```
pub fn mask(value: &str) -> String {
    if let Some((person, domain)) = address(value) {
        return format!("{}@{domain}", hidden(person, 0));
    }
    match value.parse() {
        Ok(IpAddr::V4(address)) => {
            let [first, second, ..] = address.octets();
            return format!("{first}.{second}.*.*");
        }
        Ok(IpAddr::V6(address)) => {
            let [first, second, ..] = address.segments();
            return format!("{first:x}:{second:x}:*");
        }
        Err(_) => {}
    }
    let digits = value.chars().filter(|letter| letter.is_numeric()).count();
    let all = value.chars().filter(|letter| is_hidden(*letter)).count();
    let kept = if digits * 2 > all { (all / 3).min(4) } else { 0 };
    hidden(value, kept)
}

/// The parts of a text that is an e-mail address and nothing else.
fn address(value: &str) -> Option<(&str, &str)> {
    let (person, domain) = value.split_once('@')?;
    let is_domain = |letter: char| letter.is_alphanumeric() || letter == '.' || letter == '-';
    let is_one = !person.contains(char::is_whitespace)
        && domain.contains('.')
        && domain.chars().all(is_domain);
    is_one.then_some((person, domain))
}

/// Stars instead of all that may tell something, but for the last `kept` of it.
fn hidden(value: &str, kept: usize) -> String {
    let all = value.chars().filter(|letter| is_hidden(*letter)).count();
    let mut seen = 0;
    let star = |letter: char| {
        if !is_hidden(letter) {
            return letter;
        }
        seen += 1;
        if seen > all - kept { letter } else { '*' }
    };
    value.chars().map(star).collect()
}

/// Everything but blanks and the punctuation of ASCII: accents that stand alone tell something, too.
fn is_hidden(letter: char) -> bool {
    !(letter.is_ascii_punctuation() || letter.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_values_show_nothing_that_helps_to_guess_them() {
        assert_eq!(mask("42"), "**");
        assert_eq!(mask("Li"), "**");
        assert_eq!(mask("12345678Z"), "******78Z");
        assert_eq!(mask(""), "");
    }

    #[test]
    fn a_text_with_an_address_in_it_is_hidden_as_a_whole() {
        assert_eq!(mask("ask bob@example.org or x@y.no"), "*** ***@*******.*** ** *@*.**");
        assert_eq!(mask("a b@example.org"), "* *@*******.***");
    }

    #[test]
    fn no_letter_of_any_script_is_left() {
        assert_eq!(mask("e\u{301}mile Østby 李"), "****** ***** *");
        assert_eq!(mask("2001:db8::8a2e:370:7334"), "2001:db8:*");
    }

    proptest! {
        #[test]
        fn words_are_hidden_wholly_and_keep_their_length(word in "[\\p{L} ,.-]{0,40}") {
            let masked = mask(&word);

            prop_assert_eq!(masked.chars().count(), word.chars().count());
            prop_assert!(masked.chars().all(|letter| " ,.-*".contains(letter)));
        }

        #[test]
        fn at_most_a_third_of_a_number_is_shown(number in "[0-9]{1,30}") {
            let shown = mask(&number).chars().filter(char::is_ascii_digit).count();

            prop_assert!(shown <= 4 && shown * 3 <= number.len());
        }
    }
}
