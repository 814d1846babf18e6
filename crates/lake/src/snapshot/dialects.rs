//! Which dialect a landing reads by: the pinned one, or that of the first source.

use super::discover::{Known, discover};
use super::feed::Source;
use super::{ColumnChange, EmptyFiles, LandError, Landing, Manifest};
use crate::dialect::{
    Decimal, Dialect, DialectError, Evidence, Hints, Kind, Layout, Role, Sniffed, kind_of,
};

/// The dialect of the snapshot before, but for what is declared to be other now.
pub(super) fn kept_dialect(
    request: &Landing,
    hints: &Hints,
    manifest: &Manifest,
) -> Result<Dialect, LandError> {
    let mut dialect = manifest.dialect.clone();
    if let Layout::Delimited(layout) = &mut dialect.layout {
        layout.delimiter = hints.delimiter.unwrap_or(layout.delimiter);
        layout.quote = hints.quote.unwrap_or(layout.quote);
        layout.header = hints.header.unwrap_or(layout.header);
        layout.encoding = hints.encoding.unwrap_or(layout.encoding);
        layout.decimal = hints.decimal.unwrap_or(layout.decimal);
        layout.footer = hints.footer;
        let new = hints.nulls.iter().filter(|word| !manifest_has(manifest, word));
        layout.nulls.extend(new.cloned());
    }
    let evolution = &request.evolution;
    dialect.columns.retain(|column| !evolution.removed.contains(&column.name));
    let mut changes = Vec::new();
    for column in &mut dialect.columns {
        let Some(hint) = hints.columns.get(&column.name) else {
            if evolution.retyped.contains(&column.name) {
                column.kind = Kind::Empty;
            }
            continue;
        };
        let role =
            if request.times().contains(&column.name.as_str()) { Role::Time } else { Role::Value };
        let declared = hint.kind.is_some() || hint.layout.is_some() || role == Role::Time;
        if evolution.retyped.contains(&column.name) {
            let kind = kind_of(&column.name, &Evidence::default(), hint, Decimal::Point, role);
            column.kind = kind.map_or(Kind::Empty, |found| found.kind);
        } else if declared
            && let Ok(found) =
                kind_of(&column.name, &Evidence::default(), hint, Decimal::Point, role)
            && found.kind.word() != column.kind.word()
            && column.kind != Kind::Empty
        {
            changes.push(ColumnChange::Retyped {
                name: column.name.clone(),
                from: column.kind.word().into(),
                to: found.kind.word().into(),
            });
        }
    }
    if changes.is_empty() {
        return Ok(dialect);
    }
    Err(LandError::Schema { location: request.sources.join(", "), changes })
}

fn manifest_has(manifest: &Manifest, word: &String) -> bool {
    match &manifest.dialect.layout {
        Layout::Delimited(layout) => layout.nulls.contains(word),
        Layout::JsonLines | Layout::Parquet => false,
    }
}

/// The dialect of the first source that has rows.
pub(super) async fn first_dialect(
    request: &Landing,
    hints: &Hints,
    sources: &[Source],
) -> Result<Sniffed, LandError> {
    let times = request.times().into_iter().map(str::to_owned).collect();
    let known = Known { format: request.format, hints: hints.clone(), times };
    let mut first_error = None;
    for source in sources {
        match discover(source, &known).await {
            Err(error @ LandError::Dialect { problem: DialectError::Empty, .. })
                if request.empty_files == EmptyFiles::Allow =>
            {
                first_error.get_or_insert(error);
            }
            other => return other,
        }
    }
    Err(first_error.unwrap_or(LandError::Request { what: "there are no `sources`".into() }))
}
