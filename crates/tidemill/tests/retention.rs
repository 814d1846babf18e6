//! Retention from outside: what would go, what went, and what is left of a run then.

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{Folder, shown, text};
use tidemill_store::Mandate;
use tidemill_testkit::World;

const FLOW: &str = "dag: flow\ntasks:\n  only: { uses: noop }\n";

/// A run of January 2026 that is over, in the database that the program is configured with.
async fn january() -> anyhow::Result<(World, Folder, String)> {
    let world = World::new().await?.with_dag(FLOW).await?;
    world.store.open_months(Mandate::Person).await?;
    let run = world.open().await?;
    let claim = world.claim("only").await?;
    world.succeed(&claim, json!(1)).await?;
    let folder = Folder::with(&[("dags/flow.yaml", FLOW)]);
    let log = folder.path().join(format!(".tidemill/artifacts/logs/{run}/only/1"));
    std::fs::create_dir_all(&log)?;
    std::fs::write(log.join("000000"), "printed")?;
    Ok((world, folder, run.to_string()))
}

fn command(world: &World, folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.command(arguments);
    command.env("DATABASE_URL", world.database.url());
    command.env("TIDEMILL__RETENTION__ARTIFACTS", "0s");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_would_go_and_the_deed_what_went() -> anyhow::Result<()> {
    let (world, folder, run) = january().await?;
    let json = |arguments: &[&str]| -> anyhow::Result<Value> {
        let output = command(&world, &folder, arguments).args(["--format", "json"]).output()?;
        anyhow::ensure!(output.status.success(), "{}", shown(&output));
        Ok(serde_json::from_slice(&output.stdout)?)
    };

    let table = command(&world, &folder, &["db", "retention", "--plan"]).output()?;
    let planned = json(&["db", "retention", "--plan"])?;
    let was_there = json(&["run", "show", &run])?;
    let mut done = json(&["db", "retention"])?;
    let again = json(&["db", "retention"])?;

    // How much room a table takes is up to the server, and with it how wide its column is.
    let table = text(&table.stdout);
    let words = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let (months, others): (Vec<String>, Vec<String>) =
        words.partition(|line| line.starts_with("tasks of"));
    assert!(months[0].contains("2026-01") && months[0].ends_with("1 attempt, 0 artefacts"));
    insta::assert_snapshot!(others.join("\n"));
    assert_eq!(was_there["has_dropped_tasks"], false);
    assert_eq!(done["is_done"].take(), true);
    assert_eq!((&done["months"], &done["rows"]), (&planned["months"], &planned["rows"]));
    assert_eq!(done["objects"], planned["objects"]);
    assert_eq!(done["months"][0]["tasks"], 1);
    assert_eq!((&again["months"], &again["objects"][1]["count"]), (&json!([]), &json!(0)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_its_tasks_is_shown_and_says_why_there_is_no_more() -> anyhow::Result<()> {
    let (world, folder, run) = january().await?;
    let told = |arguments: &[&str]| -> anyhow::Result<String> {
        let output = command(&world, &folder, arguments).output()?;
        Ok(shown(&output).replace(&run, "RUN"))
    };
    command(&world, &folder, &["db", "retention"]).output()?;

    let all = [
        told(&["run", "show", &run])?,
        told(&["run", "logs", &run])?,
        told(&["run", "rerun", &run, "--from", "only"])?,
    ];

    insta::assert_snapshot!(all.join("\n"));
    Ok(())
}
