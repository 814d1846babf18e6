//! O3: a chain of 50 on `tidemill up`, a scheduler and a worker in one process: how long, and how much memory.

use anyhow::Result;
use tidemill_benchkit::{Figure, Goal, Options, Report, high_water_bytes};

use crate::gate::{in_order, milliseconds, succeeded};
use crate::site::Site;
use crate::stage::{Stage, chain};

const TASKS: usize = 50;

pub(crate) async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> Result<()> {
    let site = Site::new(stage, &[("o3", &chain("o3", TASKS, "noop"))]).await?;
    let mut rounds = Vec::new();
    for _ in 0..options.rounds.unwrap_or(7) {
        rounds.push(round(&site).await);
    }
    let rounds: Result<Vec<Round>> = rounds.into_iter().collect();
    report_rounds(report, "50 tasks in sequence", &rounds)
}

/// The wall and the peak memory, as two figures.
pub(crate) fn report_rounds(
    report: &mut Report,
    case: &str,
    rounds: &Result<Vec<Round>>,
) -> Result<()> {
    let each = |value: fn(&Round) -> f64| match rounds {
        Ok(rounds) => Ok(rounds.iter().map(value).collect()),
        Err(error) => Err(anyhow::anyhow!("{error:#}")),
    };
    let figure = Figure::new("O3", case, "ms").goal(Goal::AtMost(500.0));
    report.add(&figure, each(|round| round.wall_ms))?;
    let figure = Figure::new("O3", format!("{case}, peak memory"), "MB").goal(Goal::AtMost(120.0));
    report.add(&figure, each(|round| round.peak_mb))?;
    Ok(())
}

/// One warm run on a process of its own.
pub(crate) struct Round {
    pub(crate) wall_ms: f64,
    pub(crate) peak_mb: f64,
}

pub(crate) async fn round(site: &Site<'_>) -> Result<Round> {
    let up = site.role("up", &[])?;
    site.closed(site.start_run("o3")?).await?;
    let run = site.closed(site.start_run("o3")?).await?;
    let peak = high_water_bytes(up.pid());
    up.stop().await?;
    in_order(&run, TASKS)?;
    let (from, to) = succeeded(&run)?;
    Ok(Round { wall_ms: milliseconds(from, to), peak_mb: peak as f64 / 1e6 })
}
