//! What differs between committed and made files.

use super::Files;

/// One file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    Missing(String),
    Changed(String),
    Unused(String),
}

impl Difference {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Missing(name) | Self::Changed(name) | Self::Unused(name) => name,
        }
    }

    pub(super) fn describe(&self, folder: &str) -> String {
        match self {
            Self::Missing(name) => format!("{folder}/{name} is missing"),
            Self::Changed(name) => format!("{folder}/{name} has changed"),
            Self::Unused(name) => format!("{folder}/{name} is no longer made"),
        }
    }
}

/// Compares byte by byte, in the order of the names.
pub(super) fn differences(committed: &Files, made: &Files) -> Vec<Difference> {
    let mut found = Vec::new();
    for (name, bytes) in made {
        match committed.get(name) {
            None => found.push(Difference::Missing(name.clone())),
            Some(other) if other != bytes => found.push(Difference::Changed(name.clone())),
            Some(_) => {}
        }
    }
    let unused = committed.keys().filter(|name| !made.contains_key(*name));
    found.extend(unused.map(|name| Difference::Unused(name.clone())));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> Files {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn every_kind_of_difference_is_found_and_equal_files_are_not() {
        let committed = files(&[("same", "1"), ("changed", "1"), ("unused", "1")]);
        let made = files(&[("same", "1"), ("changed", "2"), ("missing", "1")]);

        let expected = [
            Difference::Changed("changed".into()),
            Difference::Missing("missing".into()),
            Difference::Unused("unused".into()),
        ];
        assert_eq!(differences(&committed, &made), expected);
        assert_eq!(expected[0].describe(".sqlx"), ".sqlx/changed has changed");
    }
}
