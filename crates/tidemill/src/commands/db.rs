//! `tidemill db`.

mod retention;

use std::io::{BufRead, IsTerminal};

use serde_json::json;

use crate::App;
use crate::cli::DbCommand;
use crate::database::{Database, Version, block_on};
use crate::exit::{Exit, Failure};
use crate::output::{counted, table};

/// Runs a verb of `db`.
pub(crate) fn run(app: &App<'_>, command: &DbCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            DbCommand::Migrate => migrate(app).await,
            DbCommand::Status => status(app).await,
            DbCommand::Retention { plan } => retention::run(app, *plan).await,
            DbCommand::Reset { yes } => {
                if *yes || confirmed(app)? {
                    reset(app).await
                } else {
                    Err(Failure::new(Exit::Usage, anyhow::anyhow!("nothing was deleted")))
                }
            }
        }
    })
}

async fn migrate(app: &App<'_>) -> Result<(), Failure> {
    let database = Database::open(app, Version::Any).await?;
    let pending = database
        .store
        .migration_status()
        .await?
        .iter()
        .filter(|migration| !migration.applied)
        .count();
    database.store.migrate().await?;
    app.output.say(&match pending {
        0 => "the database is up to date".to_owned(),
        count => format!("applied {}", counted(count, "migration")),
    });
    Ok(())
}

async fn status(app: &App<'_>) -> Result<(), Failure> {
    let database = Database::open(app, Version::Any).await?;
    let migrations = database.store.migration_status().await?;
    let rows: Vec<_> = migrations
        .iter()
        .map(|migration| json!({ "version": migration.version, "name": migration.name, "applied": migration.applied }))
        .collect();
    app.output.data(&rows, |_| {
        let rows = migrations.iter().map(|migration| {
            let applied = if migration.applied { "yes" } else { "no" };
            [migration.version.to_string(), migration.name.clone(), applied.to_owned()]
        });
        table(["version", "name", "applied"], rows)
    })?;
    if migrations.iter().all(|migration| migration.applied) {
        return Ok(());
    }
    app.output.say("hint: run `tidemill db migrate`");
    Err(Failure::told(Exit::MigrationNeeded))
}

async fn reset(app: &App<'_>) -> Result<(), Failure> {
    let database = Database::open(app, Version::Any).await?;
    database.store.reset().await?;
    app.output.say("the database is empty and up to date");
    Ok(())
}

/// Asks a person; without one, the answer is no, and how to say yes is told.
fn confirmed(app: &App<'_>) -> Result<bool, Failure> {
    let which = if app.config.database.url.is_empty() {
        format!("the private database under {}", app.config.state.display())
    } else {
        app.config.database.url.to_string()
    };
    if !std::io::stdin().is_terminal() {
        let error =
            anyhow::anyhow!("nobody is there to confirm that everything in {which} is deleted");
        return Err(Failure::new(Exit::Usage, error).hint("say so with `--yes`".to_owned()));
    }
    app.output.say(&format!("This deletes everything in {which}: all runs, artefact records and history.\nType `reset` to go on:"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(anyhow::Error::new)?;
    Ok(answer.trim() == "reset")
}
