//! Patterns of paths.

use glob::{MatchOptions, Pattern};

/// A path in which `*`, `**`, `?` and `[…]` stand for others.
#[derive(Clone, Debug)]
pub(super) struct PathPattern {
    /// The folder before the first of them.
    pub(super) folder: String,
    /// Nothing where the path is one of a single file.
    pattern: Option<Pattern>,
}

const RULES: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl PathPattern {
    /// Takes a path without its leading slash apart.
    pub(super) fn parse(path: &str) -> Result<Self, glob::PatternError> {
        let Some(first) = path.find(['*', '?', '[']) else {
            return Ok(Self { folder: path.to_owned(), pattern: None });
        };
        let folder = path[..first].rfind('/').map_or("", |at| &path[..at]);
        Ok(Self { folder: folder.to_owned(), pattern: Some(Pattern::new(path)?) })
    }

    /// Whether it stands for one file.
    pub(super) fn is_exact(&self) -> bool {
        self.pattern.is_none()
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.matches_with(path, RULES),
            None => path == self.folder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_in_one_folder_and_double_stars_do_not() {
        let one = PathPattern::parse("plant/dt=2025-10-31/*.csv").unwrap();
        let all = PathPattern::parse("plant/**/*.csv").unwrap();

        assert_eq!((one.folder.as_str(), all.folder.as_str()), ("plant/dt=2025-10-31", "plant"));
        assert!(one.matches("plant/dt=2025-10-31/a.csv"));
        assert!(!one.matches("plant/dt=2025-10-31/b/a.csv"));
        assert!(!one.matches("plant/dt=2025-10-31/.hidden.csv"));
        assert!(all.matches("plant/b/c/a.csv") && all.matches("plant/a.csv"));
    }
}
