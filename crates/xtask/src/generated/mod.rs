//! `cargo xtask generated`: committed files that a program makes.

mod difference;
mod schemas;
mod sqlx;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::commands::Usage;
use crate::setup;
use crate::workspace::Workspace;

use difference::{Difference, differences};

/// Files by their name.
type Files = BTreeMap<String, Vec<u8>>;

/// A program that makes files of one folder.
struct Generator {
    /// Where they are committed.
    folder: &'static str,
    /// Which files of the folder are its own.
    owns: fn(&str) -> bool,
    make: fn(&Workspace) -> Result<Files>,
}

const GENERATORS: &[Generator] = &[
    Generator {
        folder: ".sqlx",
        owns: |name| name.starts_with("query-"),
        make: sqlx::describe_queries,
    },
    Generator { folder: "configs/schema", owns: schemas::is_schema, make: schemas::write_schemas },
];

/// Makes all of them again, and compares them with what is committed, or replaces that.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let write = match arguments {
        [] => false,
        [flag] if flag == "--write" => true,
        [unknown, ..] => return Err(Usage(format!("unexpected argument `{unknown}`")).into()),
    };
    setup::ensure(workspace, setup::Scope::Build)?;
    let mut stale = Vec::new();
    for generator in GENERATORS {
        let folder = workspace.root.join(generator.folder);
        let made = (generator.make)(workspace)
            .with_context(|| format!("make the files of {}", generator.folder))?;
        for difference in differences(&committed(&folder, generator.owns)?, &made) {
            if write {
                apply(&folder, &difference, &made)?;
            }
            stale.push(difference.describe(generator.folder));
        }
    }
    report(&stale, write)
}

fn report(stale: &[String], written: bool) -> Result<()> {
    for line in stale {
        eprintln!("generated: {line}");
    }
    match (stale.len(), written) {
        (0, _) => eprintln!("generated: everything is up to date"),
        (count, true) => eprintln!("generated: {count} files brought up to date"),
        (count, false) => bail!(
            "{count} generated files are out of date; `cargo xtask generated --write` mends them"
        ),
    }
    Ok(())
}

fn committed(folder: &Path, owns: fn(&str) -> bool) -> Result<Files> {
    if folder.is_dir() { read_files(folder, owns) } else { Ok(Files::new()) }
}

/// Reads the files of a folder whose names are accepted.
fn read_files(folder: &Path, accepts: fn(&str) -> bool) -> Result<Files> {
    let mut files = Files::new();
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("list {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if accepts(&name) {
            let path = entry.path();
            let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            files.insert(name, bytes);
        }
    }
    Ok(files)
}

fn apply(folder: &Path, difference: &Difference, made: &Files) -> Result<()> {
    let path = folder.join(difference.name());
    match made.get(difference.name()) {
        Some(bytes) => {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
            fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))
        }
        None => fs::remove_file(&path).with_context(|| format!("remove {}", path.display())),
    }
}
