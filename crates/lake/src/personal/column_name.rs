//! What the name of a column hints at.

/// How clearly the name of a column says what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    None,
    Vague,
    Clear,
}

/// Words that make of "phone" or "address" something that is about one, such as `email_sent_at`.
const ABOUT: &[&str] = &[
    "at",
    "bounced",
    "channel",
    "clicks",
    "code",
    "count",
    "device",
    "epoch",
    "flag",
    "hash",
    "has",
    "is",
    "key",
    "length",
    "model",
    "opened",
    "rate",
    "sent",
    "status",
    "time",
    "timestamp",
    "total",
    "ts",
    "type",
    "valid",
    "verified",
    "version",
];

/// The name of a column as words, lower case and without accents.
#[derive(Clone, Debug)]
pub(super) struct ColumnName {
    words: Vec<String>,
}

impl ColumnName {
    /// Splits a name at what is not a letter, at digits and at a capital after a small letter.
    pub(super) fn new(name: &str) -> Self {
        let mut words = vec![String::new()];
        let mut last = Kind::Other;
        for letter in name.chars() {
            let kind = Kind::of(letter);
            let is_start = kind != last && !(last == Kind::Upper && kind == Kind::Lower);
            if is_start && words.last().is_some_and(|word| !word.is_empty()) {
                words.push(String::new());
            }
            if kind != Kind::Other
                && let Some(word) = words.last_mut()
            {
                letter.to_lowercase().for_each(|lower| word.push_str(&without_accent(lower)));
            }
            last = kind;
        }
        words.retain(|word| !word.is_empty());
        Self { words }
    }

    /// Tells whether one of these words, or runs of words, is part of the name. Words may be written together.
    pub(super) fn has(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| {
            let phrase: Vec<&str> = phrase.split(' ').collect();
            let together = phrase.concat();
            let is_run = self.words.windows(phrase.len()).any(|run| run == phrase);
            is_run || self.words.contains(&together)
        })
    }

    /// Tells whether the name is one of these and nothing else.
    pub(super) fn is(&self, phrases: &[&str]) -> bool {
        phrases.contains(&self.words.join(" ").as_str())
    }

    /// Tells whether the name is rather of something about a person's datum than of the datum.
    pub(super) fn is_about(&self) -> bool {
        self.has(ABOUT)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lower,
    Upper,
    Digit,
    Other,
}

impl Kind {
    fn of(letter: char) -> Self {
        match letter {
            _ if letter.is_uppercase() => Self::Upper,
            _ if letter.is_alphabetic() => Self::Lower,
            _ if letter.is_numeric() => Self::Digit,
            _ => Self::Other,
        }
    }
}

/// The letters of the languages whose words the detectors know, as those without a keyboard for them write.
fn without_accent(letter: char) -> String {
    let plain = match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'ę' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ł' => "l",
        'ñ' | 'ń' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => "o",
        'ś' => "s",
        'ß' => "ss",
        'ù' | 'ú' | 'û' | 'ü' => "u",
        'ź' | 'ż' => "z",
        other => return other.to_string(),
    };
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str) -> String {
        ColumnName::new(name).words.join(" ")
    }

    #[test]
    fn names_are_split_where_people_see_a_border() {
        assert_eq!(words("customer_email2"), "customer email 2");
        assert_eq!(words("FirstName"), "first name");
        assert_eq!(words("customerIPAddress"), "customer ipaddress");
        assert_eq!(words("Fødselsdato (år)"), "fodselsdato ar");
        assert_eq!(words("__"), "");
    }

    #[test]
    fn phrases_are_found_apart_and_together_but_not_inside_words() {
        let phrases = ["first name"];

        assert!(ColumnName::new("first_name").has(&phrases));
        assert!(ColumnName::new("CUSTOMER-FIRSTNAME").has(&phrases));
        assert!(!ColumnName::new("first_sensor_name").has(&phrases));
        assert!(!ColumnName::new("firstnames").has(&phrases));
    }

    #[test]
    fn something_about_a_datum_is_told_from_the_datum() {
        assert!(ColumnName::new("email_sent_at").is_about());
        assert!(!ColumnName::new("email").is_about());
    }
}
