//! A line of a statement with a mark below.

/// A place in a statement: line and column from 1, and how many letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) length: usize,
}

impl Place {
    /// The word or the sign at a line and a column.
    pub(super) fn of_word(statement: &str, line: usize, column: usize) -> Self {
        let rest = statement.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let rest = rest.chars().skip(column.saturating_sub(1));
        let length = rest.take_while(|letter| letter.is_alphanumeric() || *letter == '_').count();
        Self { line, column, length: length.max(1) }
    }

    /// What follows the last letter.
    pub(super) fn end(statement: &str) -> Self {
        let text = statement.trim_end();
        let last = text.lines().last().unwrap_or_default();
        Self { line: text.lines().count().max(1), column: last.chars().count() + 1, length: 1 }
    }

    /// The line, with the place marked. Of a long line the neighbourhood is shown.
    pub(super) fn excerpt(&self, statement: &str) -> String {
        const BEFORE: usize = 60;
        const SHOWN: usize = 90;
        let line = statement.lines().nth(self.line.saturating_sub(1)).unwrap_or_default();
        let letters: Vec<char> =
            line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let at = self.column.saturating_sub(1).min(letters.len());
        let from = if letters.len() > SHOWN { at.saturating_sub(BEFORE) } else { 0 };
        let to = letters.len().min(from + SHOWN);
        let shown: String = letters[from..to].iter().collect();
        let (before, after) =
            (if from > 0 { "…" } else { "" }, if to < letters.len() { "…" } else { "" });
        let number = self.line.to_string();
        let gap = " ".repeat(number.len());
        let indent = " ".repeat(at - from + before.chars().count());
        let marks = "^".repeat(self.length.min(to.saturating_sub(at)).max(1));
        format!(" {gap} |\n {number} | {before}{shown}{after}\n {gap} | {indent}{marks}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_at_the_place_is_marked() {
        let statement = "select *\nfrom plantt where true";

        let place = Place::of_word(statement, 2, 6);

        insta::assert_snapshot!(place.excerpt(statement), @r"
           |
         2 | from plantt where true
           |      ^^^^^^
        ");
    }

    #[test]
    fn the_end_is_marked_behind_the_last_letter() {
        insta::assert_snapshot!(Place::end("select 1 +\n").excerpt("select 1 +\n"), @r"
           |
         1 | select 1 +
           |           ^
        ");
    }

    #[test]
    fn of_a_long_line_the_neighbourhood_is_shown() {
        let statement = format!("select {} wrong {}", "1,\t".repeat(60), "2, ".repeat(60));
        let place = Place::of_word(&statement, 1, statement.find("wrong").unwrap() + 1);

        insta::assert_snapshot!(place.excerpt(&statement), @r"
          |
        1 | …, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  wrong 2, 2, 2, 2, 2, 2, 2, 2, …
          |                                                              ^^^^^
        ");
    }

    #[test]
    fn places_outside_of_the_statement_are_no_panic() {
        for place in
            [Place { line: 9, column: 9, length: 9 }, Place { line: 0, column: 0, length: 0 }]
        {
            assert!(place.excerpt("select 1").contains('^'));
        }
        assert_eq!(Place::end(""), Place { line: 1, column: 1, length: 1 });
    }
}
