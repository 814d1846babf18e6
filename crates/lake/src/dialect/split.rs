//! Records and cells of a delimited text.

use memchr::{memchr, memchr2, memrchr};

use super::{Delimiter, Quote};

/// Where records and cells end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Splitter {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
}

/// One cell, as a range of the bytes that were split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it was enclosed in quotes; the range is without them.
    pub(crate) is_quoted: bool,
    /// Whether it holds doubled quotes that stand for one.
    pub(crate) has_doubled_quotes: bool,
}

impl Field {
    /// The bytes of the cell as they are written.
    pub(crate) fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start..self.end]
    }
}

/// How a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// `\n`
    Feed,
    /// `\r\n`
    ReturnAndFeed,
    /// The end of the bytes.
    None,
}

/// Something that is wrong with the quotes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuoteFault {
    /// Characters follow a closing quote.
    TextAfterQuote,
    /// A quote is never closed.
    Open,
}

/// One record, whose cells are in the buffer that was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// Where the next record begins.
    pub(crate) next: usize,
    /// Where this one ends, without its line end.
    pub(crate) end: usize,
    pub(crate) line_end: LineEnd,
    pub(crate) fault: Option<QuoteFault>,
}

impl Splitter {
    pub(crate) fn new(delimiter: Delimiter, quote: Quote) -> Self {
        Self { delimiter: delimiter.byte(), quote: quote.byte() }
    }

    /// Splits the record that begins at `at`.
    pub(crate) fn record(self, bytes: &[u8], at: usize, fields: &mut Vec<Field>) -> Record {
        fields.clear();
        let mut start = at;
        let mut fault = None;
        loop {
            let mut field = Field { start, ..Field::default() };
            let mut scan = start;
            if self.quote.is_some() && bytes.get(start).copied() == self.quote {
                scan = self.quoted(bytes, &mut field).unwrap_or_else(|| {
                    fault = Some(QuoteFault::Open);
                    bytes.len()
                });
            }
            let stop = memchr2(self.delimiter, b'\n', &bytes[scan..]).map(|found| scan + found);
            let is_last = stop.is_none_or(|stop| bytes[stop] == b'\n');
            let stop = stop.unwrap_or(bytes.len());
            let is_return =
                is_last && stop > scan && stop < bytes.len() && bytes[stop - 1] == b'\r';
            let end = if is_return { stop - 1 } else { stop };
            if !field.is_quoted {
                field.end = end;
            } else if end > scan {
                fault.get_or_insert(QuoteFault::TextAfterQuote);
            }
            fields.push(field);
            if is_last {
                let line_end = match (stop == bytes.len(), is_return) {
                    (true, _) => LineEnd::None,
                    (false, true) => LineEnd::ReturnAndFeed,
                    (false, false) => LineEnd::Feed,
                };
                return Record { next: (stop + 1).min(bytes.len()), end, line_end, fault };
            }
            start = stop + 1;
        }
    }

    /// Finds the end of the quoted cell that begins at `field.start`, and says where to go on.
    fn quoted(self, bytes: &[u8], field: &mut Field) -> Option<usize> {
        let quote = self.quote?;
        field.is_quoted = true;
        field.start += 1;
        let mut from = field.start;
        loop {
            let Some(close) = memchr(quote, &bytes[from..]).map(|found| from + found) else {
                field.end = bytes.len();
                return None;
            };
            if bytes.get(close + 1) != Some(&quote) {
                field.end = close;
                return Some(close + 1);
            }
            field.has_doubled_quotes = true;
            from = close + 2;
        }
    }
}

/// How much of the bytes, which begin with a record, are whole records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Where the last whole record ends.
    pub(crate) end: usize,
    /// Where a quote opens that is not closed in these bytes.
    pub(crate) open_quote: Option<usize>,
}

/// Finds the end of the last whole record by looking at quotes alone, which is much faster than splitting.
pub(crate) fn complete_records(splitter: Splitter, bytes: &[u8]) -> Whole {
    let last_line_end =
        |from: usize, to: usize| memrchr(b'\n', &bytes[from..to]).map(|at| from + at + 1);
    let Some(quote) = splitter.quote else {
        return Whole { end: last_line_end(0, bytes.len()).unwrap_or(0), open_quote: None };
    };
    let (mut end, mut from) = (0, 0);
    while let Some(found) = memchr(quote, &bytes[from..]).map(|found| from + found) {
        end = last_line_end(from, found).unwrap_or(end);
        let opens =
            found == 0 || bytes[found - 1] == splitter.delimiter || bytes[found - 1] == b'\n';
        if !opens {
            from = found + 1;
            continue;
        }
        let mut field = Field { start: found, ..Field::default() };
        match splitter.quoted(bytes, &mut field) {
            // A quote that ends the bytes may be the first of two.
            Some(after) if after < bytes.len() => from = after,
            Some(_) | None => return Whole { end, open_quote: Some(found) },
        }
    }
    Whole { end: last_line_end(from, bytes.len()).unwrap_or(end), open_quote: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMAS: Splitter = Splitter { delimiter: b',', quote: Some(b'"') };

    fn split(text: &str) -> Vec<Vec<String>> {
        let bytes = text.as_bytes();
        let (mut at, mut fields, mut rows) = (0, Vec::new(), Vec::new());
        while at < bytes.len() {
            let record = COMMAS.record(bytes, at, &mut fields);
            rows.push(
                fields.iter().map(|f| String::from_utf8_lossy(f.of(bytes)).into_owned()).collect(),
            );
            at = record.next;
        }
        rows
    }

    #[test]
    fn quotes_enclose_delimiters_and_line_ends() {
        assert_eq!(
            split("a,\"b,c\",\"d\ne\"\r\n,\n\"x\"\"y\",2,3"),
            vec![vec!["a", "b,c", "d\ne"], vec!["", ""], vec!["x\"\"y", "2", "3"]]
        );
    }

    #[test]
    fn a_quote_inside_of_a_cell_is_content() {
        assert_eq!(
            split("5\" pipe,1\n6\" pipe,2\n"),
            vec![vec!["5\" pipe", "1"], vec!["6\" pipe", "2"]]
        );
        assert_eq!(complete_records(COMMAS, b"5\" pipe,1\n6"), Whole { end: 10, open_quote: None });
    }

    #[test]
    fn faults_of_quotes_are_told() {
        let mut fields = Vec::new();

        assert_eq!(
            COMMAS.record(b"\"a\"b,c\n", 0, &mut fields).fault,
            Some(QuoteFault::TextAfterQuote)
        );
        assert_eq!(COMMAS.record(b"x,\"a\nb", 0, &mut fields).fault, Some(QuoteFault::Open));
        assert_eq!(
            complete_records(COMMAS, b"1,2\nx,\"a\nb"),
            Whole { end: 4, open_quote: Some(6) }
        );
    }

    proptest! {
        #[test]
        fn whole_records_end_where_splitting_ends_them(text in "([a,\"\n\r]|\"\"){0,40}") {
            let bytes = text.as_bytes();
            let (mut at, mut fields, mut ends) = (0, Vec::new(), vec![0]);
            while at < bytes.len() {
                let record = COMMAS.record(bytes, at, &mut fields);
                at = record.next;
                if record.line_end != LineEnd::None {
                    ends.push(at);
                }
            }
            let whole = complete_records(COMMAS, bytes);

            // It may hold back a record whose last quote ends the bytes, but never cuts one in two.
            prop_assert!(ends.contains(&whole.end), "{:?} not in {:?}", whole, ends);
            if whole.open_quote.is_none() {
                prop_assert_eq!(Some(&whole.end), ends.last());
            }
        }
    }
}
