//! `tidemill dataset suggest-checks`.

use anyhow::Context;
use tidemill_kinds::tables::{open_dataset, personal_columns};
use tidemill_lake::quality::{Limits, Table};
use tidemill_lake::suggest::{Hints, Profile, suggest};

use super::{Shelf, failed};
use crate::App;
use crate::commands::sql::scratch;
use crate::exit::Failure;
use crate::output::print;

/// What makes an editor complete the file, where it lies in `configs/checks`.
const SCHEMA: &str = "# yaml-language-server: $schema=../schema/checks.json";

/// Prints a checks file that the data set passes, from one scan of its rows.
pub(super) async fn run(app: &App<'_>, name: &str, version: Option<u32>) -> Result<(), Failure> {
    let shelf = Shelf::open(app).await?;
    let versions = shelf.at(name, version).await?;
    let dataset = &versions[0].snapshot.dataset;
    let opened = open_dataset(&shelf.artifacts, dataset, &versions).await;
    let (_, published) = opened.map_err(|error| failed(&error))?;
    let latest = published.iter().max_by_key(|one| one.version.version);
    let latest = latest.expect("a data set that was found has a version");
    let hints = Hints {
        time: latest.manifest().event_time.as_ref().map(|time| time.column.clone()),
        entity: latest.manifest().entity.clone(),
        personal: personal_columns(&published),
        now: Some(latest.version.snapshot.interval.end),
    };
    let files = published.iter().flat_map(|one| one.snapshot.files().collect::<Vec<_>>());
    let table = Table::open(latest.snapshot.store(), files).await.context("open the data set")?;
    let scratch = scratch(app)?;
    let limits = Limits { memory_bytes: app.config.lake.memory.0, ..Limits::new(scratch.path()) };
    let profile = Profile::of(&table, &hints, &limits).await.context("look at the rows")?;
    let suggestion = suggest(&profile);
    if app.output.is_json() {
        return app.output.data(&suggestion.file, |_| String::new());
    }
    print(&format!("{SCHEMA}\n{}", suggestion.to_yaml()))?;
    app.output.say(&format!(
        "write it to `configs/checks/{dataset}.yaml`, and name it in a task: \
         `uses: validate`, `with: {{ checks: ../configs/checks/{dataset}.yaml }}`"
    ));
    Ok(())
}
