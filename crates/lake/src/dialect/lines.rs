//! Lines that are no rows: rulers under a header, notes and totals after the last row.

use memchr::memrchr;

use super::{Field, Splitter};

/// How many lines a footer has at most.
const MOST_FOOTER_LINES: usize = 64;

/// Words that begin a line of totals.
const TOTALS: [&str; 9] =
    ["total", "totals", "subtotal", "grand total", "sum", "summe", "gesamt", "totalt", "totaal"];

/// Whether a record only draws a line (`-----\t-----`), as query tools do under their header.
pub(crate) fn is_ruler(bytes: &[u8], fields: &[Field]) -> bool {
    let draws = |field: &Field| {
        let cell = field.of(bytes).trim_ascii();
        cell.len() >= 2 && cell.iter().all(|byte| matches!(byte, b'-' | b'='))
    };
    !fields.is_empty() && fields.iter().all(draws)
}

/// Where the footer of a text begins; its end if it has none.
///
/// The bytes are the end of a file and begin with a record of `width` cells. What looks like a row that was cut off is no footer.
pub(crate) fn footer_start(splitter: Splitter, width: usize, bytes: &[u8]) -> usize {
    let mut start = bytes.len();
    let mut fields = Vec::new();
    for _ in 0..MOST_FOOTER_LINES {
        if start == 0 {
            break;
        }
        let is_ended = bytes[start - 1] == b'\n';
        let text_end = if is_ended { start - 1 } else { start };
        let line_start = memrchr(b'\n', &bytes[..text_end]).map_or(0, |at| at + 1);
        let line = bytes[line_start..text_end].trim_ascii();
        if splitter.quote.is_some_and(|quote| line.contains(&quote)) && !is_note(line) {
            break;
        }
        splitter.record(line, 0, &mut fields);
        let is_short = width > 1 && fields.len() == 1 && is_ended;
        let is_total = width > 1 && is_total(fields[0].of(line));
        if !(line.is_empty() || is_note(line) || is_short || is_total) {
            break;
        }
        start = line_start;
    }
    start
}

/// Whether a line is what query tools and exports print after the rows.
fn is_note(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line).to_lowercase();
    let text = text.trim_matches(['(', ')', '[', ']', '-', '#', '*', '"', ' ', '.']);
    let counts = text
        .split_whitespace()
        .next()
        .is_some_and(|word| word.replace([',', '.', ' '], "").parse::<u64>().is_ok());
    let says_rows = ["row", "rows", "row(s)", "record", "records", "record(s)"]
        .iter()
        .any(|word| text.split_whitespace().nth(1) == Some(*word));
    (counts && says_rows)
        || ["completion time", "end of file", "end of report", "rows affected"]
            .iter()
            .any(|start| text.starts_with(start))
}

fn is_total(cell: &[u8]) -> bool {
    let text = String::from_utf8_lossy(cell).to_lowercase();
    TOTALS.contains(&text.trim().trim_end_matches(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAS: Splitter = Splitter { delimiter: b',', quote: Some(b'"') };

    fn rows_before_footer(width: usize, text: &str) -> &str {
        &text[..footer_start(COMMAS, width, text.as_bytes())]
    }

    #[test]
    fn notes_totals_and_blank_lines_are_a_footer() {
        assert_eq!(
            rows_before_footer(2, "a,1\nb,2\n\n(2 rows affected)\n\nCompletion time: 2025-10-31\n"),
            "a,1\nb,2\n"
        );
        assert_eq!(rows_before_footer(2, "a,1\nb,2\nTotal:,3\n"), "a,1\nb,2\n");
        assert_eq!(
            rows_before_footer(2, "a,1\r\nb,2\r\n2 record(s) selected.\r\n\r\n"),
            "a,1\r\nb,2\r\n"
        );
        assert_eq!(rows_before_footer(1, "1\n2\n(2 rows)\n"), "1\n2\n");
    }

    #[test]
    fn rows_are_no_footer() {
        for text in ["a,1\nb,2\n", "a,1\nb", "a,1\nx,\"two\nlines\"\n", "total amount,3\n"] {
            assert_eq!(rows_before_footer(2, text), text);
        }
        assert_eq!(
            rows_before_footer(1, "1\n2 rows of trees\nTotal\n"),
            "1\n2 rows of trees\nTotal\n"
        );
    }
}
