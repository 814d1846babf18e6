//! What drills that were killed have left: schemas, and folders beside them.

use std::collections::BTreeSet;
use std::path::Path;

use tidemill_dag::time::Lapse;
use tidemill_store::{DRILL_PREFIX, DrillSchema, Store};
use tidemill_task::{Clock, SystemClock};

use super::rehearse::remove;

/// A schema or a folder of a drill, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// Its name.
    pub name: String,
    /// How old it is, where its name tells.
    pub age: Option<Lapse>,
}

/// What nobody is connected for any more: drills that run are left out.
pub(crate) async fn find_leftovers(store: &Store, folder: &Path) -> anyhow::Result<Vec<Leftover>> {
    let now = SystemClock.now().timestamp();
    let mut found = folders(folder);
    for DrillSchema { name, is_in_use } in store.drill_schemas().await? {
        if is_in_use {
            found.remove(&name);
        } else {
            found.insert(name);
        }
    }
    Ok(found.into_iter().map(|name| Leftover { age: age(&name, now), name }).collect())
}

/// Removes it.
pub(crate) async fn remove_leftover(
    store: &Store,
    folder: &Path,
    leftover: &Leftover,
) -> anyhow::Result<()> {
    remove(store, &leftover.name, &folder.join(&leftover.name)).await
}

/// The folders of drills, also those that were kept because something was wrong.
fn folders(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with(DRILL_PREFIX)).collect()
}

/// How long ago it was made, by the second in its name.
fn age(name: &str, now: i64) -> Option<Lapse> {
    let made: i64 = name.strip_prefix(DRILL_PREFIX)?.split('_').next()?.parse().ok()?;
    Some(Lapse::seconds(u64::try_from(now.saturating_sub(made)).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_leftover_tells_its_age() {
        assert_eq!(age("tidemill_drill_1000_7_disk_full", 1060), Some(Lapse::seconds(60)));
        assert_eq!(age("tidemill_drill_1000_7_disk_full", 900), Some(Lapse::seconds(0)));
        assert_eq!(age("tidemill_drill_by_hand", 900), None);
    }
}
