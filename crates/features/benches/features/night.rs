//! L4: a day that is added to half a year.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tidemill_benchkit::{Figure, Goal, Options, Report};
use tidemill_features::run::{Features, Limits, Live};
use tidemill_features::time::Timestamp;

use crate::data::{self, BEGIN, MINUTE};

const DAYS: usize = 180;
const DAY: usize = 1440;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    // The ratio does not depend on how many entities there are; a thousand need 20 GB.
    let entities = if options.is_quick { 20 } else { 100 };
    let rounds = options.rounds.unwrap_or(5);
    let panel = data::panel((DAYS + 1) * DAY * entities, entities)?;
    let midnight = Timestamp(BEGIN + i64::try_from(DAYS * DAY)? * MINUTE);
    let night = panel.between(midnight..Timestamp(i64::MAX));
    let history = panel.between(Timestamp(i64::MIN)..midnight);
    let case = format!("{DAYS} days x {entities} entities x minutes");
    data::with_program(&panel, |program| {
        let mut live = Live::new(program);
        live.advance(program, &history, Limits::default())?;
        let state = live.save();
        let mut all = Features::default();
        program.transform_into(&panel, Limits::default(), &mut all)?;
        let (mut full, mut nights) = (Vec::new(), Vec::new());
        let mut features = Features::default();
        for _ in 0..rounds {
            let started = Instant::now();
            program.transform_into(&panel, Limits::default(), &mut all)?;
            black_box(&all);
            full.push(started.elapsed().as_secs_f64());
            let started = Instant::now();
            let mut live = Live::restore(program, &state)?;
            features = live.advance(program, &night, Limits::default())?;
            black_box(live.save());
            nights.push(started.elapsed().as_secs_f64());
        }
        let gate = same_bits(&panel, &all, &night, &features);
        let is_right = gate.is_ok();
        report.add(
            &Figure::new("L4", format!("{case}: the full pass, in memory, warm"), "s"),
            gate.map(|()| full.clone()),
        )?;
        if is_right {
            let shares =
                nights.iter().zip(&full).map(|(night, full)| night / full * 100.0).collect();
            report.add(
                &Figure::new("L4", format!("{case}: one more day, state read and written"), "s"),
                Ok(nights),
            )?;
            let figure = Figure::new("L4", format!("{case}: one more day, of the full pass"), "%");
            report.add(&figure.goal(Goal::AtMost(2.0)), Ok(shares))?;
            let bytes = live.bytes_of("unit-000000").context("the state knows its entities")?;
            report.add(
                &Figure::new("L4", "state of an entity", "KB"),
                Ok(vec![bytes as f64 / 1000.0]),
            )?;
        }
        Ok(())
    })
}

/// The night has the bits of the full pass.
fn same_bits(
    panel: &tidemill_features::panel::Panel,
    all: &Features,
    night: &tidemill_features::panel::Panel,
    features: &Features,
) -> Result<()> {
    for entity in 0..panel.entities().len() {
        let (whole, part) = (panel.rows_of(entity), night.rows_of(entity));
        let from = whole.end - part.len();
        for (left, right) in all.columns.iter().zip(&features.columns) {
            let pairs = left[from..whole.end].iter().zip(&right[part.clone()]);
            let differing = pairs.filter(|(left, right)| left.to_bits() != right.to_bits()).count();
            ensure!(differing == 0, "{differing} values of entity {entity} differ");
        }
    }
    Ok(())
}
