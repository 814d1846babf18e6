//! `tidemill backfill pause | resume | cancel`.

use tidemill_store::StoreError;

use super::{document, find, progress};
use crate::App;
use crate::commands::run::actor;
use crate::database::{Database, Version};
use crate::exit::{Exit, Failure};
use crate::output::counted;

/// What to do with a backfill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// What is open goes on, and nothing more opens.
    Pause,
    /// It goes on.
    Resume,
    /// It ends with all its runs.
    Cancel,
}

/// Changes a backfill, and shows it as it is then.
pub(crate) async fn run(app: &App<'_>, id: &str, verb: Verb) -> Result<(), Failure> {
    let database = Database::open(app, Version::Current).await?;
    let store = &database.store;
    let id = find(store, id).await?;
    let stands = |error| match error {
        StoreError::BackfillStands { .. } => Failure::new(Exit::Usage, error)
            .hint(format!("`tidemill backfill show {id}` tells how it stands")),
        other => other.into(),
    };
    match verb {
        Verb::Pause => store.pause_backfill(id, &actor()).await.map_err(stands)?,
        Verb::Resume => store.resume_backfill(id, &actor()).await.map_err(stands)?,
        Verb::Cancel => {
            let runs = store.cancel_backfill(id, &actor()).await.map_err(stands)?;
            app.output.say(&format!("asked {} to stop", counted(runs, "open run")));
        }
    }
    let backfill = store.backfill(id).await?;
    app.output.data(&document(&backfill), |_| {
        format!("{} is {}, {} done", backfill.id, backfill.state.label(), progress(&backfill))
    })
}
