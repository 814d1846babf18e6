//! What people and programs see: data on standard output, talk on standard error.

use std::io::{IsTerminal, Write};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde::Serialize;
use tidemill_dag::problem::Problem;

use crate::cli::{Format, Global};
use crate::exit::Failure;

/// Where results go.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    is_quiet: bool,
    in_colour: bool,
}

/// Tells whether standard error is a terminal of somebody who wants colours.
pub(crate) fn in_colour() -> bool {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_colour && std::io::stderr().is_terminal()
}

/// Colours of words that matter; everything is legible without.
#[derive(Clone, Copy, Debug)]
enum Paint {
    Red,
    Cyan,
}

impl Output {
    /// The output that the flags and the terminal ask for.
    pub(crate) fn new(global: &Global) -> Self {
        Self { format: global.format, is_quiet: global.quiet, in_colour: in_colour() }
    }

    /// Tells whether data is printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Tells whether a person may be watching, and wants to be talked to.
    pub(crate) fn is_watched(&self) -> bool {
        !self.is_quiet && std::io::stderr().is_terminal()
    }

    /// Prints data: as JSON, or as the table that `table` makes of it.
    pub(crate) fn data<T: Serialize>(
        &self,
        value: &T,
        table: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        let text = match self.format {
            Format::Json => serde_json::to_string_pretty(value).map_err(anyhow::Error::new)?,
            Format::Table => table(value),
        };
        print(&text)
    }

    /// Says something to a person.
    pub(crate) fn say(&self, text: &str) {
        if !self.is_quiet {
            Self::to_stderr(text);
        }
    }

    /// Tells mistakes, then how many there were.
    pub(crate) fn problems(&self, problems: &[Problem]) {
        for problem in problems {
            Self::to_stderr(&format!("{}\n", self.paint_labels(&problem.to_string())));
        }
        let mut files: Vec<&str> = problems.iter().map(Problem::path).collect();
        files.dedup();
        if !problems.is_empty() {
            Self::to_stderr(&format!(
                "{} in {}",
                counted(problems.len(), "problem"),
                counted(files.len(), "file")
            ));
        }
    }

    /// Tells why a command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.error.is_some() {
            Self::to_stderr(&self.paint_labels(&failure.to_string()));
        }
    }

    fn paint_labels(&self, text: &str) -> String {
        let lines = text.lines().map(|line| {
            let labels = [("error:", Paint::Red), ("hint:", Paint::Cyan)];
            match labels.into_iter().find(|(label, _)| line.starts_with(label)) {
                Some((label, paint)) => {
                    format!("{}{}", self.paint(label, paint), &line[label.len()..])
                }
                None => line.to_owned(),
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn paint(&self, text: &str, paint: Paint) -> String {
        let code = match paint {
            Paint::Red => "1;31",
            Paint::Cyan => "1;36",
        };
        if self.in_colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn to_stderr(text: &str) {
        // Nobody hears when standard error is closed; there is nowhere left to say so.
        drop(writeln!(std::io::stderr().lock(), "{text}"));
    }
}

/// Prints text on standard output as it is, with one line end.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.trim_end_matches('\n').as_bytes())
        .and_then(|()| stdout.write_all(b"\n"));
    match written.and_then(|()| stdout.flush()) {
        // Whoever read has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other.map_err(anyhow::Error::new)?),
    }
}

/// A plain table: a header, a line, rows.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.map(|title| Cell::new(title.to_uppercase())));
    for row in rows {
        table.add_row(row.map(|cell| plain(&cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// Text from files, safe for a terminal and a table: control characters become blanks.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("{count} {noun}") } else { format!("{count} {noun}s") }
}
