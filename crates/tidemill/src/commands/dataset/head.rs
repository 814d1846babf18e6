//! `tidemill dataset head`.

use tidemill_kinds::tables::{open_dataset, personal_columns};
use tidemill_lake::sql::{Limits, Session};
use tokio_util::sync::CancellationToken;

use super::{Shelf, failed};
use crate::App;
use crate::commands::sql::{self, print_answer, scratch};
use crate::exit::Failure;

/// Prints the first rows of a data set, with personal columns masked.
pub(super) async fn run(
    app: &App<'_>,
    name: &str,
    rows: u64,
    version: Option<u32>,
) -> Result<(), Failure> {
    let shelf = Shelf::open(app).await?;
    let versions = shelf.at(name, version).await?;
    let dataset = versions[0].snapshot.dataset.clone();
    let opened = open_dataset(&shelf.artifacts, &dataset, &versions).await;
    let (rows_of, published) = opened.map_err(|error| failed(&error))?;
    let scratch = scratch(app)?;
    // One thread, so that the first rows are the first ones.
    let limits = Limits {
        memory_bytes: app.config.lake.memory.0,
        rows: Some(rows),
        ..Limits::new(scratch.path(), 1)
    };
    let mut session = Session::new(limits).map_err(|error| sql::failed(&error))?;
    session.register(rows_of).map_err(|error| sql::failed(&error))?;
    let statement = format!("select * from \"{dataset}\"");
    let answer = session.query(&statement, &CancellationToken::new()).await;
    let answer = answer.map_err(|error| sql::failed(&error))?;
    print_answer(app, answer.masked(&personal_columns(&published))).await.map(drop)
}
