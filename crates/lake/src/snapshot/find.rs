//! Finds the sources of a landing: lists files, and fetches the rows of queries.

use std::collections::BTreeSet;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::feed::Source;
use super::{Format, LandError, Landing, Manifest, Size, Workspace};
use crate::dialect::Layout;
use crate::postgres::{Fetched, PostgresQuery, fetch};
use crate::source::{Listed, SourceError, list};

/// The sources of a landing.
pub(super) struct Found {
    pub(super) sources: Vec<Source>,
    /// Remarks for people.
    pub(super) notes: Vec<String>,
}

/// Finds all sources, in the order in which they are named.
pub(super) async fn find(
    request: &Landing,
    pinned: Option<&Manifest>,
    workspace: &Workspace,
) -> Result<Found, LandError> {
    check(request, pinned)?;
    tokio::fs::create_dir_all(&workspace.scratch).await.map_err(|source| LandError::Write {
        path: workspace.scratch.display().to_string(),
        source: source.into(),
    })?;
    let mut found = Found { sources: Vec::new(), notes: Vec::new() };
    let mut seen = BTreeSet::new();
    for address in &request.sources {
        let place = list(address, &workspace.access).await?;
        for (listed, path) in place.files {
            if seen.insert(listed.location.clone()) {
                let store = Arc::clone(&place.store);
                found.sources.push(Source::file(store, place.is_local, listed, path));
            }
        }
    }
    for (place, query) in request.postgres.iter().enumerate() {
        let (source, notes) = rows_of(query, place, workspace).await?;
        found.sources.push(source);
        found.notes.extend(notes);
    }
    Ok(found)
}

fn check(request: &Landing, pinned: Option<&Manifest>) -> Result<(), LandError> {
    let wrong = |what: String| Err(LandError::Request { what });
    let least = Size::from_bytes(32 << 20);
    if request.memory() < least {
        return wrong(format!(
            "`memory` of {} is too little: write {least} or more",
            request.memory()
        ));
    }
    if request.sources.is_empty() && request.postgres.is_empty() {
        return wrong("there are no `sources`".into());
    }
    if request.postgres.is_empty() {
        return Ok(());
    }
    if !request.sources.is_empty() {
        return wrong("`sources` and `postgres` are two data sets: land them one by one".into());
    }
    if !matches!(request.format, None | Some(Format::Parquet)) {
        return wrong("`format` is about files, and `postgres` has none".into());
    }
    if pinned.is_some_and(|pinned| pinned.dialect.layout != Layout::Parquet) {
        let what =
            "the data set is read from texts so far: land the rows of a query as another one";
        return wrong(what.into());
    }
    Ok(())
}

async fn rows_of(
    query: &PostgresQuery,
    place: usize,
    workspace: &Workspace,
) -> Result<(Source, Vec<String>), LandError> {
    let fetched = fetch(query, place, &*workspace.environment, &workspace.scratch).await?;
    let failed = |source| SourceError::of(&fetched.location, source);
    let store = LocalFileSystem::new_with_prefix(fetched.folder.path()).map_err(failed)?;
    let path = Path::from(Fetched::FILE_NAME);
    let meta = store.head(&path).await.map_err(failed)?;
    let listed = Listed {
        location: fetched.location,
        size_bytes: meta.size,
        etag: Some(fetched.sha256),
        modified_micros: None,
    };
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    let source = Source {
        etag: meta.e_tag,
        _held: Some(Arc::new(fetched.folder)),
        ..Source::file(store, true, listed, path)
    };
    Ok((source, fetched.notes))
}
