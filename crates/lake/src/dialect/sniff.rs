//! Finds the dialect of a delimited text from its first and last bytes.

use super::evidence::Evidence;
use super::resolve::{Role, kind_of};
use super::split::{Field, LineEnd};
use super::{
    Column, Decimal, Delimited, Delimiter, Dialect, DialectError, Encoding, Header, Hints, Layout,
    NULL_WORDS, Quote, Splitter, float, footer_start, is_ruler,
};

/// The bytes that a dialect is found from.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The first bytes of the source.
    pub head: &'a [u8],
    /// Whether these are all.
    pub is_whole: bool,
    /// Its last bytes, if they are not part of the head; they may begin anywhere.
    pub tail: &'a [u8],
}

/// A dialect, and what a person should know about how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sniffed {
    /// The dialect.
    pub dialect: Dialect,
    /// Remarks, each a sentence without its period.
    pub notes: Vec<String>,
}

/// How many records decide about the delimiter.
const RECORDS_FOR_DELIMITER: usize = 200;
/// The mark that some programs write before UTF-8.
pub(crate) const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Where the rows of a delimited text begin, and what comes before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// The names of the columns.
    pub(crate) names: Vec<String>,
    /// The header as it is written, to know it when it is repeated.
    pub(crate) header: Vec<u8>,
    /// Where the first row begins.
    pub(crate) body: usize,
    pub(crate) has_mark: bool,
    /// Lines before the header or the first row that are neither.
    pub(crate) preamble_lines: u64,
    /// Lines of the header, with the ruler under it.
    pub(crate) header_lines: u64,
}

/// Finds the dialect of a delimited text. `times` are the columns that must hold moments.
pub fn sniff(sample: &Sample<'_>, hints: &Hints, times: &[&str]) -> Result<Sniffed, DialectError> {
    refuse_what_is_no_text(sample.head)?;
    let encoding = hints.encoding.unwrap_or(Encoding::Utf8);
    let head = encoding.decode(sample.head);
    let quote = hints.quote.unwrap_or_else(|| likely_quote(&head));
    let delimiter = hints.delimiter.unwrap_or_else(|| likely_delimiter(&head, quote));
    let splitter = Splitter::new(delimiter, quote);
    let header = hints.header.unwrap_or_else(|| likely_header(&head, splitter));
    let mut layout = Delimited {
        delimiter,
        quote,
        header,
        encoding,
        decimal: Decimal::Point,
        nulls: NULL_WORDS
            .iter()
            .map(|word| (*word).to_owned())
            .chain(hints.nulls.clone())
            .collect(),
        footer: hints.footer,
    };
    let opening = open(&head, &layout)?;
    for column in hints.columns.keys().map(String::as_str).chain(times.iter().copied()) {
        require(column, &opening.names)?;
    }

    let mut evidence = vec![Evidence::default(); opening.names.len()];
    let body = &head[opening.body..];
    let end =
        if sample.is_whole { body.len() } else { super::complete_records(splitter, body).end };
    let tail = encoding.decode(sample.tail);
    if sample.is_whole {
        gather(&body[..footer_start(splitter, evidence.len(), body)], &layout, &mut evidence);
    } else {
        gather(&body[..end], &layout, &mut evidence);
        if let Some(start) = memchr::memchr(b'\n', &tail) {
            let rows = &tail[start + 1..];
            gather(&rows[..footer_start(splitter, evidence.len(), rows)], &layout, &mut evidence);
        }
    }

    layout.decimal = hints.decimal.unwrap_or_else(|| likely_decimal(&evidence));
    let (columns, notes) = decide(&opening.names, &evidence, hints, times, &mut layout)?;
    Ok(Sniffed { dialect: Dialect { layout: Layout::Delimited(layout), columns }, notes })
}

fn decide(
    names: &[String],
    evidence: &[Evidence],
    hints: &Hints,
    times: &[&str],
    layout: &mut Delimited,
) -> Result<(Vec<Column>, Vec<String>), DialectError> {
    let (mut columns, mut notes) = (Vec::new(), Vec::new());
    for (name, evidence) in names.iter().zip(evidence) {
        let hint = hints.columns.get(name).cloned().unwrap_or_default();
        let role = if times.contains(&name.as_str()) { Role::Time } else { Role::Value };
        let found = kind_of(name, evidence, &hint, layout.decimal, role)?;
        notes.extend(found.note);
        if found.kind != super::Kind::Text {
            for word in &evidence.odd_words {
                if !layout.nulls.contains(word) {
                    layout.nulls.push(word.clone());
                    notes.push(format!("`{word}` in column `{name}` is taken for no value"));
                }
            }
        }
        columns.push(Column { name: name.clone(), kind: found.kind });
    }
    Ok((columns, notes))
}

/// Refuses what is empty, wide, binary or has no line feeds.
pub(crate) fn refuse_what_is_no_text(head: &[u8]) -> Result<(), DialectError> {
    let text = head.strip_prefix(MARK).unwrap_or(head);
    if text.trim_ascii().is_empty() {
        return Err(DialectError::Empty);
    }
    if text.starts_with(&[0xFF, 0xFE]) || text.starts_with(&[0xFE, 0xFF]) {
        return Err(DialectError::Wide);
    }
    let start = &text[..text.len().min(4096)];
    let zeros = memchr::memchr_iter(0, start).count();
    let zeros_at_even = memchr::memchr_iter(0, start).filter(|at| at.is_multiple_of(2)).count();
    let is_every_other = zeros_at_even * 10 < zeros || zeros_at_even * 10 > zeros * 9;
    if zeros * 4 > start.len() && start.len() > 3 && is_every_other {
        return Err(DialectError::Wide);
    }
    if zeros > 0 && (zeros > 16 || memchr::memchr(b'\n', start).is_none()) {
        let first = memchr::memchr(0, start).unwrap_or(0);
        let line = 1 + memchr::memchr_iter(b'\n', &start[..first]).count() as u64;
        return Err(DialectError::Binary { line });
    }
    if memchr::memchr(b'\n', text).is_none()
        && memchr::memchr(b'\r', text.trim_ascii_end()).is_some()
    {
        return Err(DialectError::CarriageReturns);
    }
    Ok(())
}

/// Finds where the rows begin, and what the columns are called.
pub(crate) fn open(head: &[u8], layout: &Delimited) -> Result<Opening, DialectError> {
    let splitter = Splitter::new(layout.delimiter, layout.quote);
    let mut opening = Opening {
        names: Vec::new(),
        header: Vec::new(),
        body: if head.starts_with(MARK) { MARK.len() } else { 0 },
        has_mark: head.starts_with(MARK),
        preamble_lines: 0,
        header_lines: 0,
    };
    let width = usual_width(&head[opening.body..], splitter).width;
    let mut fields = Vec::new();
    loop {
        if opening.body >= head.len() {
            return Err(DialectError::Empty);
        }
        let record = splitter.record(head, opening.body, &mut fields);
        let line = head[opening.body..record.end].trim_ascii();
        let is_short = fields.len() == 1 && width > 1;
        if !(line.is_empty() || line.starts_with(b"#") || is_separator_line(line) || is_short) {
            break;
        }
        opening.preamble_lines += lines_of(&head[opening.body..record.next]);
        opening.body = record.next;
    }
    let record = splitter.record(head, opening.body, &mut fields);
    match layout.header {
        Header::Absent => {
            opening.names = (1..=fields.len()).map(|at| format!("column_{at}")).collect();
        }
        Header::Present => {
            opening.names = names_of(head, &fields, layout.quote);
            opening.header = head[opening.body..record.end].to_vec();
            opening.header_lines = lines_of(&head[opening.body..record.next]);
            opening.body = record.next;
            drop_nameless_end(head, &mut opening, splitter);
            let record = splitter.record(head, opening.body, &mut fields);
            if is_ruler(head, &fields) {
                opening.header_lines += 1;
                opening.body = record.next;
            }
        }
    }
    Ok(opening)
}

/// A header that ends in a delimiter names one column too many, if the first row has nothing there either.
fn drop_nameless_end(head: &[u8], opening: &mut Opening, splitter: Splitter) {
    let mut fields = Vec::new();
    splitter.record(head, opening.body, &mut fields);
    let count = opening.names.len();
    let is_nameless = count > 1 && opening.names[count - 1] == format!("column_{count}");
    let has_value = fields.get(count - 1).is_some_and(|field| field.end > field.start);
    if is_nameless && !has_value {
        opening.names.pop();
    }
}

fn lines_of(bytes: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', bytes).count() as u64;
    if bytes.ends_with(b"\n") { feeds } else { feeds + 1 }
}

/// The line by which spreadsheets are told the delimiter.
fn is_separator_line(line: &[u8]) -> bool {
    line.len() == 5 && line[..4].eq_ignore_ascii_case(b"sep=")
}

/// Names as the header has them; nameless columns by their place, repeated names with a number.
fn names_of(head: &[u8], fields: &[Field], quote: Quote) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut taken = std::collections::HashSet::new();
    for (at, field) in fields.iter().enumerate() {
        let mut name = String::from_utf8_lossy(field.of(head)).trim().to_owned();
        if field.has_doubled_quotes
            && let Some(quote) = quote.byte().map(char::from)
        {
            name = name.replace(&format!("{quote}{quote}"), &quote.to_string());
        }
        if name.is_empty() {
            name = format!("column_{}", at + 1);
        }
        let mut unique = name.clone();
        let mut number = 2;
        while !taken.insert(unique.clone()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        names.push(unique);
    }
    names
}

/// Looks a column up, and names the one that is most like it where it is missing.
pub(crate) fn require(column: &str, names: &[String]) -> Result<(), DialectError> {
    if names.iter().any(|name| name == column) {
        return Ok(());
    }
    let near = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&name.to_lowercase(), &column.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name.clone());
    Err(DialectError::NoColumn { column: column.into(), near })
}

/// What the cells of the columns of a text may be.
pub(crate) fn evidence_of(
    rows: &[u8],
    layout: &Delimited,
    names: &[String],
) -> Vec<(String, Evidence)> {
    let splitter = Splitter::new(layout.delimiter, layout.quote);
    let mut evidence = vec![Evidence::default(); names.len()];
    let end = match super::complete_records(splitter, rows).end {
        0 => rows.len(),
        end => end,
    };
    gather(&rows[..end], layout, &mut evidence);
    names.iter().cloned().zip(evidence).collect()
}

fn gather(rows: &[u8], layout: &Delimited, evidence: &mut [Evidence]) {
    let splitter = Splitter::new(layout.delimiter, layout.quote);
    let (mut at, mut fields) = (0, Vec::new());
    while at < rows.len() {
        let record = splitter.record(rows, at, &mut fields);
        at = record.next;
        let is_row = fields.len() >= evidence.len() && record.fault.is_none();
        if !is_row || (fields.len() == 1 && fields[0].start == fields[0].end) {
            continue;
        }
        for (field, evidence) in fields.iter().zip(evidence.iter_mut()) {
            evidence.see(field.of(rows), &layout.nulls, false);
        }
    }
}

/// Commas are decimals where at least one column has no other reading, and one of its values cannot be thousands.
fn likely_decimal(evidence: &[Evidence]) -> Decimal {
    let only_commas = |e: &&Evidence| e.is_comma_number() && !e.is_point_number();
    let only_points = |e: &Evidence| e.is_point_number() && !e.is_comma_number();
    let is_clear = evidence.iter().filter(only_commas).any(|e| e.has_clear_comma);
    if is_clear && !evidence.iter().any(only_points) { Decimal::Comma } else { Decimal::Point }
}

fn likely_quote(head: &[u8]) -> Quote {
    let count = |quote: u8| {
        let cells = head.split(|byte| matches!(byte, b',' | b';' | b'\t' | b'|' | b'\n'));
        let trimmed = cells.map(|cell| cell.strip_suffix(b"\r").unwrap_or(cell));
        trimmed
            .take(4096)
            .filter(|cell| cell.len() > 1 && cell[0] == quote && cell[cell.len() - 1] == quote)
            .count()
    };
    if count(b'\'') > count(b'"') { Quote::Single } else { Quote::Double }
}

/// How wide most records are.
#[derive(Clone, Copy, Debug)]
struct Usual {
    width: usize,
    /// Records of this width, of all that are not blank.
    share: f64,
    /// Cells that are short or no text, of all.
    typed: f64,
}

fn usual_width(head: &[u8], splitter: Splitter) -> Usual {
    let (mut at, mut fields) = (0, Vec::new());
    let mut counts = std::collections::BTreeMap::<usize, (usize, usize)>::new();
    let mut records = 0;
    while at < head.len() && records < RECORDS_FOR_DELIMITER {
        let record = splitter.record(head, at, &mut fields);
        let is_cut = record.line_end == LineEnd::None && records > 0;
        let is_blank = head[at..record.end].trim_ascii().is_empty();
        at = record.next;
        if is_blank || is_cut {
            continue;
        }
        records += 1;
        let typed = fields.iter().filter(|field| is_typed(field.of(head))).count();
        let entry = counts.entry(fields.len()).or_default();
        entry.0 += 1;
        entry.1 += typed;
    }
    let most = counts.iter().max_by_key(|(width, (count, _))| (*count, **width));
    match most {
        Some((width, (count, typed))) => Usual {
            width: *width,
            share: *count as f64 / records as f64,
            typed: *typed as f64 / (*count * *width) as f64,
        },
        None => Usual { width: 1, share: 0.0, typed: 0.0 },
    }
}

fn is_typed(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    let is_number = float(cell, Decimal::Point).is_some() || float(cell, Decimal::Comma).is_some();
    let is_time = cell.first().is_some_and(u8::is_ascii_digit)
        && super::TimeLayout::Iso.parse(cell).is_some();
    cell.is_empty() || is_number || is_time || NULL_WORDS.iter().any(|word| word.as_bytes() == cell)
}

/// The delimiter that splits most records alike and leaves the fewest cells as text.
fn likely_delimiter(head: &[u8], quote: Quote) -> Delimiter {
    let text = head.strip_prefix(MARK).unwrap_or(head);
    for delimiter in Delimiter::ALL {
        if is_separator_line(text.get(..5).unwrap_or(&[])) && text[4] == delimiter.byte() {
            return delimiter;
        }
    }
    let mut best = (Delimiter::Comma, 0.0);
    for delimiter in Delimiter::ALL {
        let usual = usual_width(text, Splitter::new(delimiter, quote));
        if usual.width < 2 {
            continue;
        }
        // Regular beats typed beats wide: text that holds commas has irregular widths, decimals leave odd cells.
        let score = usual.share * (1.0 + usual.typed) + (usual.width as f64).ln() * 0.01;
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}

/// Names are unlike values: none is a number, a time or empty, none occurs twice, and the rows below differ in kind or in words.
fn likely_header(head: &[u8], splitter: Splitter) -> Header {
    let start = if head.starts_with(MARK) { MARK.len() } else { 0 };
    let width = usual_width(&head[start..], splitter).width;
    let (mut at, mut fields) = (start, Vec::new());
    let mut first: Option<Vec<&[u8]>> = None;
    let mut others = 0;
    while at < head.len() && others < RECORDS_FOR_DELIMITER {
        let record = splitter.record(head, at, &mut fields);
        let line = head[at..record.end].trim_ascii();
        at = record.next;
        if fields.len() + 1 < width || head[..record.end].is_empty() {
            continue;
        }
        let cells: Vec<&[u8]> = fields.iter().map(|field| field.of(head).trim_ascii()).collect();
        let Some(names) = &first else {
            let is_skipped = cells.iter().all(|cell| cell.is_empty()) || cells[0].starts_with(b"#");
            if !is_skipped && !is_separator_line(line) {
                let named = cells.iter().take(width.saturating_sub(1).max(1));
                if named.clone().any(|cell| is_typed(cell)) {
                    return Header::Absent;
                }
                first = Some(cells);
            }
            continue;
        };
        others += 1;
        if names.iter().zip(&cells).any(|(name, cell)| !name.is_empty() && name == cell)
            && names != &cells
        {
            return Header::Absent;
        }
    }
    Header::Present
}
