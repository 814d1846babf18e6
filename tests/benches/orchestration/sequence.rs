//! O1: tasks in sequence on one worker, inline and as child processes, and where the time goes.

use anyhow::Result;
use tidemill_benchkit::{Figure, Goal, Options, Report};
use tidemill_store::RunDetail;

use crate::gate::{in_order, milliseconds, once, succeeded};
use crate::stage::{Stage, chain};

const LIGHT: usize = 40;
const LONG: usize = 10;
/// How long a long task takes.
const LONG_MS: u32 = 500;

pub(crate) async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> Result<()> {
    let rounds = options.rounds.unwrap_or(7);
    for (case, name, uses, goal) in [
        ("40 tasks in sequence, inline", "o1_inline", "noop", 400.0),
        (
            "40 tasks in sequence, child processes",
            "o1_process",
            "command, with: { argv: [\"true\"] }",
            1200.0,
        ),
    ] {
        let runs = runs(stage, name, LIGHT, uses, rounds).await;
        let figure = Figure::new("O1", case, "ms").goal(Goal::AtMost(goal));
        report.add(&figure, walls(&runs))?;
        split(report, case, &runs)?;
    }
    let uses = format!("sleep, with: {{ for: \"{LONG_MS}ms\" }}");
    let runs = runs(stage, "o1_long", LONG, &uses, rounds.min(3)).await;
    let case = format!("10 tasks of {LONG_MS} ms in sequence");
    report.add(&Figure::new("O1", &case, "ms"), walls(&runs))?;
    let own = f64::from(LONG_MS) * LONG as f64;
    let beyond = walls(&runs).map(|walls| walls.iter().map(|wall| wall - own).collect());
    // As much for each task as the light ones may take.
    let figure = Figure::new("O1", format!("{case}, beyond their own time"), "ms");
    report.add(&figure.goal(Goal::AtMost(100.0)), beyond)?;
    split(report, &case, &runs)
}

async fn runs(
    stage: &Stage,
    name: &str,
    tasks: usize,
    uses: &str,
    rounds: usize,
) -> Result<Vec<RunDetail>> {
    let dag = stage.put(&chain(name, tasks, uses)).await?;
    let runs = stage.rounds(&dag, rounds).await?;
    runs.iter().try_for_each(|run| in_order(run, tasks))?;
    Ok(runs)
}

/// Milliseconds from the opening of each run to its end.
pub(crate) fn walls(runs: &Result<Vec<RunDetail>>) -> Result<Vec<f64>> {
    let runs = runs.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    runs.iter().map(|run| succeeded(run).map(|(from, to)| milliseconds(from, to))).collect()
}

/// Where the time of each run goes, all tasks together: from ready to claimed, from claimed to done, from done to the next one ready.
fn split(report: &mut Report, case: &str, runs: &Result<Vec<RunDetail>>) -> Result<()> {
    // Runs that are wrong were told already.
    let Ok(runs) = runs else { return Ok(()) };
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for run in runs {
        let [mut assign, mut execute, mut transition] = [0.0; 3];
        let mut before = None;
        for task in &run.tasks {
            let (started_at, ended_at) = once(task)?;
            let ready_at = task.ready_at.unwrap_or(started_at);
            assign += milliseconds(ready_at, started_at);
            execute += milliseconds(started_at, ended_at);
            transition += before.map_or(0.0, |before| milliseconds(before, ready_at));
            before = Some(ended_at);
        }
        for (part, sum) in parts.iter_mut().zip([assign, execute, transition]) {
            part.push(sum);
        }
    }
    for (name, samples) in ["assign", "execute", "transition"].into_iter().zip(parts) {
        report.add(&Figure::new("O1", format!("{case}: {name}"), "ms"), Ok(samples))?;
    }
    Ok(())
}
