//! Rows of a delimited text.

use super::columns::{Misfit, Origin, Rows};
use super::{Parsed, Piece, Plan, Reason};
use crate::dialect::{
    Delimited, Field, FooterHint, LineEnd, QuoteFault, Splitter, footer_start, shortened,
};

/// Turns the text of a piece into rows.
pub(crate) fn parse(plan: &Plan, layout: &Delimited, piece: &Piece) -> Parsed {
    let bytes = layout.encoding.decode(&piece.bytes);
    let splitter = Splitter::new(layout.delimiter, layout.quote);
    let width = plan.places.len();
    let end = match layout.footer {
        FooterHint::Detect if piece.is_last => footer_start(splitter, width, &bytes),
        FooterHint::Detect | FooterHint::None => bytes.len(),
    };
    let expected = bytes.len() / (4 * width).max(16);
    let mut reader = Reader {
        plan,
        rows: Rows::new(plan, piece.source, expected.min(1 << 16)),
        is_text: std::str::from_utf8(&bytes).is_ok(),
        has_nul: memchr::memchr(0, &bytes).is_some(),
        quote: layout.quote.byte(),
        unquoted: Vec::new(),
    };
    let (mut at, mut line, mut fields) = (0, piece.first_line, Vec::with_capacity(width));
    while at < end {
        let record = splitter.record(&bytes[..end], at, &mut fields);
        let text = &bytes[at..record.end];
        let lines = 1 + super::chunks::count_lines(text);
        at = record.next;
        let first = line;
        line += lines;
        if width > 1 && fields.len() == 1 && text.trim_ascii().is_empty() {
            reader.rows.tally.blank_lines += lines;
            continue;
        }
        if !plan.header.is_empty() && text == plan.header {
            reader.rows.tally.repeated_headers += lines;
            continue;
        }
        reader.rows.tally.row_lines += lines;
        match record.line_end {
            LineEnd::ReturnAndFeed => reader.rows.tally.crlf_rows += 1,
            LineEnd::Feed => reader.rows.tally.lf_rows += 1,
            LineEnd::None => {}
        }
        reader.row(&bytes, text, first, (&fields, record.fault));
    }
    let mut rows = reader.rows;
    if end < bytes.len() {
        for note in bytes[end..].split(|byte| *byte == b'\n') {
            rows.tally.footer_lines += 1;
            if !note.trim_ascii().is_empty() {
                rows.tally.footer.push(shortened(note.trim_ascii()));
            }
        }
        // The text after the last line end is no line.
        rows.tally.footer_lines -= u64::from(bytes.ends_with(b"\n"));
    }
    rows.tally.lines = rows.tally.row_lines
        + rows.tally.blank_lines
        + rows.tally.repeated_headers
        + rows.tally.footer_lines;
    rows.finish()
}

struct Reader<'a> {
    plan: &'a Plan,
    rows: Rows<'a>,
    is_text: bool,
    has_nul: bool,
    quote: Option<u8>,
    unquoted: Vec<u8>,
}

impl Reader<'_> {
    fn row(
        &mut self,
        bytes: &[u8],
        text: &[u8],
        line: u64,
        (fields, fault): (&[Field], Option<QuoteFault>),
    ) {
        if let Some((reason, detail)) = self.fault_of(text, fields, fault) {
            self.rows.reject_whole(line, text, reason, detail);
            return;
        }
        let width = self.plan.places.len();
        for (field, column) in fields.iter().zip(&self.plan.places) {
            if let Err(misfit) = self.cell(bytes, field, *column) {
                self.rows.reject(line, text, misfit);
                return;
            }
        }
        self.rows.tally.surplus_empty_cells += u64::from(fields.len() > width);
        self.rows.keep(line);
    }

    fn cell(&mut self, bytes: &[u8], field: &Field, column: usize) -> Result<(), Misfit> {
        let cell = field.of(bytes);
        let origin = if field.is_quoted { Origin::Quoted } else { Origin::Bare };
        let Some(quote) = self.quote.filter(|_| field.has_doubled_quotes) else {
            return self.rows.push(column, cell, origin);
        };
        self.unquoted.clear();
        let mut skip = false;
        for byte in cell {
            if *byte == quote && !skip {
                skip = true;
                continue;
            }
            skip = false;
            self.unquoted.push(*byte);
        }
        self.rows.push(column, &self.unquoted, origin)
    }

    /// What is wrong with the row as a whole.
    fn fault_of(
        &self,
        text: &[u8],
        fields: &[Field],
        fault: Option<QuoteFault>,
    ) -> Option<(Reason, String)> {
        if self.has_nul && memchr::memchr(0, text).is_some() {
            return Some((Reason::NulByte, "it holds a NUL byte".into()));
        }
        if !self.is_text
            && let Err(error) = std::str::from_utf8(text)
        {
            let at = error.valid_up_to() + 1;
            return Some((Reason::Encoding, format!("byte {at} of it is not UTF-8")));
        }
        match fault {
            Some(QuoteFault::Open) => {
                return Some((Reason::Quote, "a quote in it is never closed".into()));
            }
            Some(QuoteFault::TextAfterQuote) => {
                return Some((Reason::Quote, "text follows a closing quote".into()));
            }
            None => {}
        }
        let width = self.plan.places.len();
        let is_ragged = fields.len() < width
            || fields[width..].iter().any(|field| field.end > field.start || field.is_quoted);
        is_ragged
            .then(|| (Reason::Ragged, format!("{} cells where {width} are expected", fields.len())))
    }
}
