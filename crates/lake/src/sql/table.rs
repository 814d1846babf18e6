//! An answer as a table on a terminal.

use std::borrow::Cow;

use datafusion::arrow::array::Array;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::answer::Answer;
use super::problem::SqlError;

/// Marks what was cut off.
const CUT: char = '…';

/// Stands between columns.
const GAP: usize = 2;

/// An answer as a table: a header, a line, rows. No line is wider than was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTable {
    /// The lines.
    pub text: String,
    /// How many rows there are.
    pub rows: u64,
    /// Whether there would have been more.
    pub is_cut: bool,
    /// The columns at the right that there was no room for.
    pub hidden_columns: Vec<String>,
}

impl Answer {
    /// Lays all rows out in so many places of a terminal. Holds them in memory, so the answer should have a limit.
    ///
    /// A cell that is too long ends in `…`; a null is `NULL`; control characters are written as escapes.
    pub async fn into_table(mut self, width: usize) -> Result<TextTable, SqlError> {
        let fields = self.schema().fields().clone();
        let is_number = |data_type: &DataType| data_type.is_numeric();
        let mut columns: Vec<Column> = fields
            .iter()
            .map(|field| Column::new(&printable(field.name()), is_number(field.data_type()), width))
            .collect();
        let mut rows = 0;
        while let Some(batch) = self.next().await? {
            rows += batch.num_rows() as u64;
            for (column, values) in columns.iter_mut().zip(batch.columns()) {
                let failed = |source| SqlError::Run { source: Box::new(source) };
                column.fill(values.as_ref(), width).map_err(failed)?;
            }
        }
        let shown = fit(&mut columns, width);
        let hidden = fields[shown..].iter().map(|field| field.name().clone()).collect();
        let text = lines(&columns[..shown], rows);
        Ok(TextTable { text, rows, is_cut: self.is_cut(), hidden_columns: hidden })
    }
}

/// A column of text: its name first, then its cells, none wider than the terminal.
struct Column {
    cells: Vec<String>,
    width: usize,
    is_right: bool,
}

impl Column {
    fn new(name: &str, is_right: bool, most: usize) -> Self {
        let name = shortened(name, most).into_owned();
        Self { width: name.width(), cells: vec![name], is_right }
    }

    fn fill(&mut self, values: &dyn Array, most: usize) -> Result<(), DataFusionError> {
        let options = FormatOptions::new().with_null("NULL");
        let formatter = ArrayFormatter::try_new(values, &options)?;
        for row in 0..values.len() {
            let text = printable(&formatter.value(row).try_to_string()?);
            let cell = shortened(&text, most).into_owned();
            self.width = self.width.max(cell.width());
            self.cells.push(cell);
        }
        Ok(())
    }

    fn padded(&self, text: &str) -> String {
        let text = shortened(text, self.width);
        let blanks = " ".repeat(self.width.saturating_sub(text.width()));
        if self.is_right { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
    }
}

/// Makes the widest columns narrower until all fit; if that is not enough, says how many fit.
fn fit(columns: &mut [Column], width: usize) -> usize {
    const NARROWEST: usize = 8;
    let total = |columns: &[Column], most: usize| -> usize {
        let widths: usize = columns.iter().map(|column| column.width.min(most)).sum();
        widths + GAP * columns.len().saturating_sub(1)
    };
    let mut most = width;
    while most > NARROWEST && total(columns, most) > width {
        most -= 1;
    }
    for column in columns.iter_mut() {
        column.width = column.width.min(most);
    }
    let mut shown = columns.len();
    while shown > 1 && total(&columns[..shown], most) > width {
        shown -= 1;
    }
    shown
}

fn lines(columns: &[Column], rows: u64) -> String {
    let between = " ".repeat(GAP);
    let line = |cell: &dyn Fn(&Column) -> String| {
        let cells: Vec<String> = columns.iter().map(cell).collect();
        cells.join(&between).trim_end().to_owned()
    };
    let mut lines = vec![line(&|column| column.padded(&column.cells[0]))];
    lines.push(line(&|column| "─".repeat(column.width)));
    for row in 1..=usize::try_from(rows).unwrap_or(usize::MAX) {
        lines.push(line(&|column| column.padded(&column.cells[row])));
    }
    lines.join("\n")
}

/// The beginning of a text that is too wide, with a mark.
fn shortened(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut short = String::new();
    let mut left = width.saturating_sub(1);
    for letter in text.chars() {
        let wide = letter.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        short.push(letter);
    }
    // Some letters are wider together than alone.
    while short.width() + 1 > width && short.pop().is_some() {}
    short.push(CUT);
    Cow::Owned(short)
}

/// Text without what moves the cursor, colours the screen or turns the direction of writing.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for letter in text.chars() {
        let is_hidden = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        match letter {
            '\n' | '\r' | '\t' => printable.extend(letter.escape_default()),
            _ if letter.is_control() || is_hidden => printable.extend(letter.escape_unicode()),
            _ => printable.push(letter),
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wide_letters_count_for_two_places() {
        assert_eq!(shortened("李小龙", 6), "李小龙");
        assert_eq!(shortened("李小龙", 5), "李小…");
        assert_eq!(shortened("李小龙", 4), "李…");
    }

    #[test]
    fn what_would_move_the_cursor_is_written_out() {
        assert_eq!(printable("a\nb\u{1b}[2J\u{202e}"), "a\\nb\\u{1b}[2J\\u{202e}");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked_for(
            rows in prop::collection::vec(prop::collection::vec("\\PC{0,30}", 5), 0..8),
            width in 8_usize..60,
        ) {
            let mut columns: Vec<Column> = (0..5).map(|index| Column::new(&format!("column {index}"), index == 0, width)).collect();
            for row in &rows {
                for (column, text) in columns.iter_mut().zip(row) {
                    let cell = shortened(&printable(text), width).into_owned();
                    column.width = column.width.max(cell.width());
                    column.cells.push(cell);
                }
            }

            let shown = fit(&mut columns, width);
            let text = lines(&columns[..shown], rows.len() as u64);

            prop_assert!(shown >= 1 && text.lines().all(|line| line.width() <= width), "{text}");
        }
    }
}
