//! Features with labels: what models of an audit learn from.

use super::compare::of_entity;
use super::{Features, Subject};
use crate::dataset::{BlockOf, Dataset, Feature, Parts, Target, Values};
use crate::mistake::Mistakes;
use crate::panel::{Panel, PanelColumn, Series};
use crate::time::{Span, Timestamp};

/// A data set of the features, and what the target was known to be at each row.
pub(crate) struct Labelled {
    pub(crate) dataset: Dataset,
    /// The last known value of the target: the naive forecast.
    pub(crate) last_known: Vec<f64>,
    /// Values of the target before that, one list for each step back.
    pub(crate) lags: Vec<Vec<f64>>,
    /// Feature columns that are the label itself, bit for bit: no model is fitted on them, a test tells them.
    pub(crate) are_labels: Vec<usize>,
}

/// How many known values of the target the reference looks back on.
pub(crate) const LAGS: usize = 24;

pub(crate) fn label(
    panel: &Panel,
    features: &Features,
    subject: &dyn Subject,
) -> Result<Labelled, Mistakes> {
    let horizon = subject.horizon();
    let delay = match panel.columns[panel.target].delay {
        PanelColumn::ALWAYS => Span::ZERO,
        delay => delay.max(Span::ZERO),
    };
    let mut parts = Parts::default();
    let mut columns = vec![Vec::new(); features.columns.len()];
    let (mut values, mut known) = (Vec::new(), Vec::new());
    let (mut last_known, mut lags) = (Vec::new(), vec![Vec::new(); LAGS]);
    for series in &panel.series {
        let Some(own) = of_entity(features, &series.entity) else {
            continue;
        };
        let target = panel.target_of(series);
        parts.entities.push(BlockOf { entity: series.entity.clone(), rows: own.event.len() });
        for at in &own.event {
            values.push(value_at(series, target, *at + horizon));
            known.push(*at + horizon + delay);
            let seen = series.until(*at - delay);
            last_known.push(back(target, seen, 1));
            for (lag, values) in lags.iter_mut().enumerate() {
                values.push(back(target, seen, lag + 2));
            }
        }
        parts.event.extend(&own.event);
        for (column, own) in columns.iter_mut().zip(&own.values) {
            // What is infinite cannot be learned from.
            column
                .extend(own.iter().map(|value| if value.is_finite() { *value } else { f64::NAN }));
        }
    }
    let is_label = |column: &Vec<f64>| {
        let labelled = || column.iter().zip(&values).filter(|(_, label)| !label.is_nan());
        labelled().count() > 0
            && labelled().all(|(value, label)| value.to_bits() == label.to_bits())
    };
    let are_labels: Vec<usize> =
        (0..columns.len()).filter(|column| is_label(&columns[*column])).collect();
    let named = features.columns.iter().zip(columns).enumerate();
    parts.features = named
        .filter(|(index, _)| !are_labels.contains(index))
        .map(|(_, (column, values))| Feature {
            name: column.name.clone(),
            values: Values::Numbers(values),
            window: subject.window(),
            reading: None,
        })
        .collect();
    parts.targets =
        vec![Target { name: "the target ahead".to_owned(), values, known, horizon, reading: None }];
    Ok(Labelled { dataset: Dataset::build(parts)?, last_known, lags, are_labels })
}

fn value_at(series: &Series, target: &[f64], at: Timestamp) -> f64 {
    match series.event.binary_search(&at) {
        Ok(row) if target[row].is_finite() => target[row],
        _ => f64::NAN,
    }
}

fn back(target: &[f64], seen: usize, steps: usize) -> f64 {
    seen.checked_sub(steps).map_or(f64::NAN, |row| target[row])
}
