//! Snapshots that no test compares, or that nobody has accepted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// The file to which insta appends the name of each snapshot that it compares, when this
/// variable names it.
pub(crate) const REFERENCES: &str = "INSTA_SNAPSHOT_REFERENCES_FILE";

/// Makes an empty file for insta's notes.
pub(crate) fn begin(workspace: &Workspace) -> Result<PathBuf> {
    let notes = workspace.target.join("snapshot-references");
    fs::write(&notes, "").with_context(|| format!("write {}", notes.display()))?;
    Ok(notes)
}

/// Fails when a snapshot is pending, or was compared by no test of a complete run.
pub(crate) fn check(workspace: &Workspace, notes: &Path) -> Result<()> {
    let names = fs::read_to_string(notes).with_context(|| format!("read {}", notes.display()))?;
    let used: BTreeSet<PathBuf> =
        names.lines().filter_map(|line| Path::new(line).canonicalize().ok()).collect();
    let mut problems = Vec::new();
    for top in ["crates", "tests"] {
        for file in snapshots_below(&workspace.root.join(top))? {
            let is_pending = file.extension().is_none_or(|extension| extension != "snap");
            let name = file.strip_prefix(&workspace.root).unwrap_or(&file).display().to_string();
            if is_pending {
                problems.push(format!("{name} is pending: accept it or remove it"));
            } else if !used.contains(&file.canonicalize()?) {
                problems.push(format!("{name} is compared by no test: remove it"));
            }
        }
    }
    if !problems.is_empty() {
        bail!("{} snapshots are not in order:\n{}", problems.len(), problems.join("\n"));
    }
    Ok(())
}

fn snapshots_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry.with_context(|| format!("list {}", folder.display()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if [".snap", ".snap.new", ".pending-snap"].iter().any(|end| name.ends_with(end))
            {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unused_and_pending_snapshots_are_both_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let snapshots = root.join("crates/a/src/snapshots");
        fs::create_dir_all(&snapshots).unwrap();
        for name in ["used.snap", "unused.snap", "changed.snap.new"] {
            fs::write(snapshots.join(name), "").unwrap();
        }
        let notes = root.join("notes");
        fs::write(&notes, format!("{}\n", snapshots.join("used.snap").display())).unwrap();

        let workspace = Workspace { root: root.clone(), target: root };
        let refused = check(&workspace, &notes).unwrap_err().to_string();

        let expected = "2 snapshots are not in order:\n\
            crates/a/src/snapshots/changed.snap.new is pending: accept it or remove it\n\
            crates/a/src/snapshots/unused.snap is compared by no test: remove it";
        assert_eq!(refused, expected);
    }
}
