//! The form that texts have in common.

/// A kind of character, or one character itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Digit,
    Lower,
    Upper,
    Itself(char),
}

impl Part {
    fn of(letter: char) -> Self {
        match letter {
            '0'..='9' => Self::Digit,
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            other => Self::Itself(other),
        }
    }
}

/// Runs of one kind of character, with their shortest and longest length: `pump-001` and `fan-17` are letters, a dash, two to three digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape(Vec<(Part, usize, usize)>);

impl Shape {
    /// Forms of more parts say nothing.
    const MOST_PARTS: usize = 12;

    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut parts: Vec<(Part, usize, usize)> = Vec::new();
        for letter in text.chars() {
            let part = Part::of(letter);
            let full = parts.len() == Self::MOST_PARTS;
            match parts.last_mut() {
                Some((last, shortest, longest)) if *last == part => {
                    *shortest += 1;
                    *longest += 1;
                }
                _ if full => return None,
                _ => parts.push((part, 1, 1)),
            }
        }
        Some(Self(parts))
    }

    /// The form of both, if their parts are the same.
    pub(crate) fn with(mut self, other: &Self) -> Option<Self> {
        if self.0.len() != other.0.len() {
            return None;
        }
        for (own, theirs) in self.0.iter_mut().zip(&other.0) {
            if own.0 != theirs.0 {
                return None;
            }
            *own = (own.0, own.1.min(theirs.1), own.2.max(theirs.2));
        }
        Some(self)
    }

    /// Tells whether it has two kinds of parts or more: letters alone are no form.
    pub(crate) fn tells(&self) -> bool {
        self.0.len() > 1
    }

    /// The form as a regular expression.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = "^".to_owned();
        for (part, shortest, longest) in &self.0 {
            match part {
                Part::Digit => pattern.push_str("[0-9]"),
                Part::Lower => pattern.push_str("[a-z]"),
                Part::Upper => pattern.push_str("[A-Z]"),
                // Outside of brackets these mean themselves; escaped they are harder to read.
                Part::Itself(letter @ ('-' | '_' | ' ' | ':' | '/')) => pattern.push(*letter),
                Part::Itself(letter) => pattern.push_str(&regex::escape(&letter.to_string())),
            }
            let count = match (shortest, longest) {
                (1, 1) => String::new(),
                (1, _) => "+".to_owned(),
                (shortest, longest) if shortest == longest => format!("{{{shortest}}}"),
                (shortest, _) => format!("{{{shortest},}}"),
            };
            pattern.push_str(&count);
        }
        pattern.push('$');
        pattern
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_of_one_form_have_one_pattern() {
        let shape = Shape::of("pump-001").unwrap().with(&Shape::of("fan-17").unwrap()).unwrap();

        assert_eq!(shape.pattern(), "^[a-z]{3,}-[0-9]{2,}$");
        assert_eq!(shape.with(&Shape::of("FAN-17").unwrap()), None);
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_it_was_made_from(one in "[a-c.$ ]{0,6}[0-9]{0,3}", other in "\\PC{0,8}") {
            for text in [&one, &other] {
                if let Some(shape) = Shape::of(text) {
                    prop_assert!(regex::Regex::new(&shape.pattern()).unwrap().is_match(text));
                }
            }
            if let Some(both) = Shape::of(&one).zip(Shape::of(&other)).and_then(|(one, other)| one.with(&other)) {
                let pattern = regex::Regex::new(&both.pattern()).unwrap();
                prop_assert!(pattern.is_match(&one) && pattern.is_match(&other));
            }
        }
    }
}
