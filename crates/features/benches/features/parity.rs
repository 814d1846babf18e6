//! L3: batch against online, bit for bit.

use anyhow::{Result, ensure};
use tidemill_benchkit::{Figure, Goal, Report};
use tidemill_features::run::{Cell, Limits, Live, Program};
use tidemill_features::time::Timestamp;

use crate::data;

pub(crate) fn measure(report: &mut Report) -> Result<()> {
    let panel = data::panel(50_000, 10)?;
    let (differing, seconds) = data::with_program(&panel, |program| {
        let all = program.transform(&panel, Limits::default())?;
        let mut live = Live::new(program);
        let started = std::time::Instant::now();
        let differing = compare(program, &panel, &all, &mut live)?;
        Ok((differing, started.elapsed().as_secs_f64()))
    })?;
    let case = "50,000 rows x 17 features: values of which a bit differs, batch against online";
    let figure = Figure::new("L3", case, "values").goal(Goal::AtMost(0.0));
    report.add(&figure, Ok(vec![differing as f64]))?;
    let micros = seconds / panel.rows() as f64 * 1e6;
    report.add(&Figure::new("L3", "one row online, 17 features", "µs"), Ok(vec![micros]))?;
    Ok(())
}

fn compare(
    program: &Program<'_>,
    panel: &tidemill_features::panel::Panel,
    all: &tidemill_features::run::Features,
    live: &mut Live,
) -> Result<usize> {
    let mut differing = 0;
    for (entity, name) in panel.entities().iter().enumerate() {
        for row in panel.rows_of(entity) {
            let cells = [("y", Cell::Number(panel.columns()[0].values[row]))];
            let values = program.row(live, name, Timestamp(panel.times()[row]), &cells)?;
            ensure!(values.len() == all.columns.len(), "features are missing");
            let pairs = values.iter().zip(&all.columns);
            differing +=
                pairs.filter(|(value, column)| value.to_bits() != column[row].to_bits()).count();
        }
    }
    Ok(differing)
}
