//! L2: what a spike leaves behind in the rolling standard deviation.

use anyhow::{Result, ensure};
use tidemill_benchkit::{Figure, Options, Report};
use tidemill_features::panel::{Column, GridRule, Intake, Panel, Table};
use tidemill_features::run::Limits;
use tidemill_features::time::Span;

use crate::data::{self, BEGIN, Draws, MINUTE};
use crate::{oracle, peers};

const ROWS: usize = 20_000;
const SPIKE: usize = 1_003;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    for (offset, name) in [(0.0, "0"), (1e6, "1e6"), (1e9, "1e9")] {
        let panel = spiked(offset)?;
        let values = &panel.columns()[0].values;
        let case =
            format!("offset {name}: largest relative error of rolling std after a spike has left");
        let features =
            data::with_program(
                &panel,
                |program| Ok(program.transform(&panel, Limits::default())?),
            )?;
        let mut worst = 0.0_f64;
        for window in [5, 30, 120] {
            let name = format!("y_roll{window}_std");
            let Some(std) = features.column(&name) else { anyhow::bail!("there is no `{name}`") };
            worst = worst.max(error_after(values, std, window));
        }
        let gate = if worst <= oracle::TOLERANCE {
            Ok(vec![worst])
        } else {
            Err(anyhow::anyhow!("the error is {worst:e}"))
        };
        report.add(&Figure::new("L2", &case, "x 1"), gate)?;
        report.note(&format!("{worst:.2e}"));
        if let Some(folder) = &options.peers {
            for (who, error) in peers::fidelity(folder, &panel)? {
                report.add(&Figure::new("L2", &case, "x 1").of(&who), Ok(vec![error]))?;
                report.note(&format!("{error:.2e}"));
            }
        }
    }
    Ok(())
}

/// The largest error of windows that the spike has left.
pub(crate) fn error_after(values: &[f64], std: &[f64], window: usize) -> f64 {
    let rows = SPIKE + 1 + window..values.len();
    let error =
        |row: usize| oracle::relative_error(std[row], oracle::std(&values[row - window..row]));
    rows.map(error).fold(0.0, f64::max)
}

fn spiked(offset: f64) -> Result<Panel> {
    let mut draws = Draws::new(7);
    let mut values: Vec<f64> = (0..ROWS).map(|_| offset + 0.1 * draws.normal()).collect();
    values[SPIKE] += 1e5;
    let times = (0..i64::try_from(ROWS)?).map(|row| BEGIN + row * MINUTE).collect();
    let table = Table::of(vec!["unit"; ROWS], times, vec![Column::numbers("y", values)]);
    let rules = Intake { grid: GridRule::Declared(Span(MINUTE)), ..Intake::default() };
    let (panel, _) =
        Panel::take_in(table, &rules).map_err(|refused| anyhow::anyhow!("{refused:?}"))?;
    ensure!(panel.rows() == ROWS, "rows were lost");
    Ok(panel)
}
