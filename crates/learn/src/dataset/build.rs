//! Builds a data set, or tells all that is wrong with its parts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Dataset, Entity, Feature, Groups, MISSING, Target, Values};
use crate::mistake::Mistakes;
use crate::time::Timestamp;

/// The parts of a data set.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The entities in the order of their rows, with how many rows each has.
    pub entities: Vec<BlockOf>,
    /// When each row happened: rising within an entity.
    pub event: Vec<Timestamp>,
    /// When each row could have been read; when it happened, unless given.
    pub known: Option<Vec<Timestamp>>,
    /// What models may read.
    pub features: Vec<Feature>,
    /// What is to be predicted.
    pub targets: Vec<Target>,
    /// How much each row counts; the same, unless given.
    pub weights: Option<Vec<f64>>,
    /// What must not be split over training and test; the entities, unless given.
    pub groups: Option<Groups>,
}

/// An entity and how many rows it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockOf {
    /// The entity.
    pub entity: String,
    /// How many rows it has.
    pub rows: usize,
}

impl Dataset {
    /// Builds a data set.
    ///
    /// # Errors
    /// All that is wrong with the parts.
    pub fn build(parts: Parts) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        check_lengths(&parts, &mut mistakes);
        check_names(&parts, &mut mistakes);
        mistakes.check()?;
        let entities = blocks(&parts.entities);
        let known = parts.known.unwrap_or_else(|| parts.event.clone());
        let groups = parts.groups.unwrap_or_else(|| by_entity(&entities));
        let dataset = Self {
            entities,
            event: parts.event,
            known,
            features: parts.features,
            targets: parts.targets,
            weights: parts.weights,
            groups,
        };
        let mut mistakes = Mistakes::default();
        check_times(&dataset, &mut mistakes);
        check_values(&dataset, &mut mistakes);
        check_targets(&dataset, &mut mistakes);
        mistakes.check()?;
        Ok(dataset)
    }
}

fn blocks(given: &[BlockOf]) -> Vec<Entity> {
    let mut start = 0;
    let mut entities = Vec::with_capacity(given.len());
    for block in given {
        entities.push(Entity { name: block.entity.clone(), rows: start..start + block.rows });
        start += block.rows;
    }
    entities
}

fn by_entity(entities: &[Entity]) -> Groups {
    let codes = (0_u32..)
        .zip(entities)
        .flat_map(|(code, entity)| std::iter::repeat_n(code, entity.rows.len()));
    Groups {
        codes: codes.collect(),
        names: entities.iter().map(|entity| entity.name.clone()).collect(),
    }
}

fn check_lengths(parts: &Parts, mistakes: &mut Mistakes) {
    let rows = parts.event.len();
    let mut hold = |place: String, length: usize| {
        if length != rows {
            mistakes
                .add(place, format!("has {length} values, but there are {rows} rows"))
                .hint("every column has one value for each event time");
        }
    };
    hold("entities".to_owned(), parts.entities.iter().map(|block| block.rows).sum());
    parts.known.iter().for_each(|known| hold("known".to_owned(), known.len()));
    parts.weights.iter().for_each(|weights| hold("weights".to_owned(), weights.len()));
    parts.groups.iter().for_each(|groups| hold("groups".to_owned(), groups.codes.len()));
    for feature in &parts.features {
        hold(format!("features.{}", feature.name), feature.values.len());
    }
    for target in &parts.targets {
        hold(format!("targets.{}", target.name), target.values.len());
        hold(format!("targets.{}.known", target.name), target.known.len());
    }
}

fn check_names(parts: &Parts, mistakes: &mut Mistakes) {
    let mut seen = BTreeSet::new();
    for feature in &parts.features {
        if !seen.insert(&feature.name) {
            mistakes
                .add(format!("features.{}", feature.name), "there are two features of this name");
        }
    }
    let mut targets = BTreeSet::new();
    for target in &parts.targets {
        let place = format!("targets.{}", target.name);
        if !targets.insert(&target.name) {
            mistakes.add(place.clone(), "there are two targets of this name");
        }
        if seen.contains(&target.name) {
            mistakes
                .add(place, "is also a feature: it would be known before it happened")
                .hint("remove the feature, or name it for what it is, such as a lag");
        }
    }
    let mut entities = BTreeMap::new();
    for block in &parts.entities {
        *entities.entry(&block.entity).or_insert(0) += 1;
    }
    for (entity, _) in entities.iter().filter(|(_, count)| **count > 1) {
        mistakes
            .add("entities", format!("`{entity}` comes twice"))
            .hint("all rows of an entity stand together");
    }
}

fn check_times(dataset: &Dataset, mistakes: &mut Mistakes) {
    for entity in &dataset.entities {
        let rows = entity.rows.clone();
        let step = rows.clone().skip(1).find(|row| dataset.event[*row] <= dataset.event[row - 1]);
        if let Some(row) = step {
            let (before, at) = (dataset.event[row - 1], dataset.event[row]);
            let what = if before == at { "comes twice" } else { "comes after a later time" };
            mistakes
                .add("event", format!("{at} of `{}` {what} (row {row})", entity.name))
                .hint("sort by entity and time, and drop or merge rows of one time");
        }
    }
    let early = (0..dataset.len()).find(|row| dataset.known[*row] < dataset.event[*row]);
    if let Some(row) = early {
        let (known, event) = (dataset.known[row], dataset.event[row]);
        mistakes
            .add("known", format!("row {row} was known at {known}, before it happened at {event}"));
    }
}

fn check_values(dataset: &Dataset, mistakes: &mut Mistakes) {
    for feature in &dataset.features {
        let place = || format!("features.{}", feature.name);
        match &feature.values {
            Values::Numbers(values) => {
                if let Some(row) = values.iter().position(|value| value.is_infinite()) {
                    let message = format!("is infinite in row {row}");
                    mistakes.add(place(), message).hint("clip it, or make it missing");
                }
            }
            Values::Codes { codes, levels } => {
                let unknown = |code: &u32| *code != MISSING && *code as usize >= levels.len();
                if let Some(row) = codes.iter().position(unknown) {
                    mistakes.add(
                        place(),
                        format!("row {row} has a code beyond its {} levels", levels.len()),
                    );
                }
            }
        }
    }
    let bad = |weight: &f64| !(weight.is_finite() && *weight >= 0.0);
    if let Some(row) = dataset.weights.iter().flatten().position(bad) {
        mistakes.add("weights", format!("row {row} has no weight of 0 or more"));
    }
    let groups = dataset.groups.names.len();
    if let Some(row) = dataset.groups.codes.iter().position(|code| *code as usize >= groups) {
        mistakes.add("groups", format!("row {row} has a code beyond the {groups} names"));
    }
}

fn check_targets(dataset: &Dataset, mistakes: &mut Mistakes) {
    for target in &dataset.targets {
        let place = || format!("targets.{}", target.name);
        if let Some(row) = target.values.iter().position(|value| value.is_infinite()) {
            mistakes.add(place(), format!("is infinite in row {row}"));
        }
        let early = |row: &usize| {
            !target.values[*row].is_nan()
                && target.known[*row] < dataset.event[*row] + target.horizon
        };
        if let Some(row) = (0..dataset.len()).find(early) {
            let (known, end) = (target.known[row], dataset.event[row] + target.horizon);
            mistakes
                .add(
                    place(),
                    format!("row {row} is labelled at {known}, but its horizon ends at {end}"),
                )
                .hint("a label is known when its horizon is over, or later");
        }
        for feature in &dataset.features {
            let same_reading = feature.reading.is_some() && feature.reading == target.reading;
            if same_reading || same_values(&feature.values, &target.values) {
                let message = format!("is also the feature `{}`, at the same time", feature.name);
                mistakes.add(place(), message).hint("remove the feature, or lag it");
            }
        }
    }
}

/// Whether values are the same bits wherever there is a label, and not one value alone.
fn same_values(feature: &Values, target: &[f64]) -> bool {
    let mut first = None;
    let mut varies = false;
    for (row, value) in target.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        if feature.number(row).to_bits() != value.to_bits() {
            return false;
        }
        varies |= *first.get_or_insert(value.to_bits()) != value.to_bits();
    }
    varies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Reading;
    use crate::rows::RowSet;
    use crate::time::Span;

    fn hours(count: i64) -> Vec<Timestamp> {
        (0..count).map(|hour| Timestamp(0) + Span::hours(hour)).collect()
    }

    fn parts() -> Parts {
        let event = hours(4);
        let known = event.iter().map(|event| *event + Span::hours(1)).collect();
        Parts {
            entities: vec![BlockOf { entity: "a".into(), rows: 4 }],
            features: vec![Feature::numbers("lag", vec![f64::NAN, 1.0, 2.0, 3.0])],
            targets: vec![Target {
                name: "next".into(),
                values: vec![2.0, 3.0, 4.0, f64::NAN],
                known,
                horizon: Span::hours(1),
                reading: Some(Reading { column: "y".into(), after: Span::hours(1) }),
            }],
            event,
            ..Parts::default()
        }
    }

    fn told(change: impl FnOnce(&mut Parts)) -> String {
        let mut parts = parts();
        change(&mut parts);
        Dataset::build(parts).unwrap_err().to_string()
    }

    #[test]
    fn parts_that_fit_are_a_data_set() {
        let dataset = Dataset::build(parts()).unwrap();

        assert_eq!((dataset.len(), dataset.groups().names.as_slice()), (4, &["a".to_owned()][..]));
        assert_eq!(dataset.clock().known[3], Timestamp::NEVER);
    }

    #[test]
    fn lengths_and_names_that_do_not_fit_are_told_together() {
        insta::assert_snapshot!(told(|parts| {
            parts.entities.push(BlockOf { entity: "a".into(), rows: 2 });
            parts.weights = Some(vec![1.0]);
            parts.features.push(Feature::numbers("next", vec![0.0; 3]));
        }), @"
        entities: has 6 values, but there are 4 rows
        hint: every column has one value for each event time
        weights: has 1 values, but there are 4 rows
        hint: every column has one value for each event time
        features.next: has 3 values, but there are 4 rows
        hint: every column has one value for each event time
        targets.next: is also a feature: it would be known before it happened
        hint: remove the feature, or name it for what it is, such as a lag
        entities: `a` comes twice
        hint: all rows of an entity stand together
        ");
    }

    #[test]
    fn times_and_values_that_cannot_be_are_told_together() {
        insta::assert_snapshot!(told(|parts| {
            parts.event[2] = parts.event[1];
            parts.known = Some(hours(4).iter().map(|at| *at - Span::hours(1)).collect());
            parts.features[0] = Feature::numbers("lag", vec![1.0, f64::INFINITY, 0.0, 0.0]);
            parts.weights = Some(vec![1.0, -1.0, f64::NAN, 1.0]);
            parts.targets[0].known[0] = Timestamp(0);
            parts.groups = Some(Groups { codes: vec![0, 0, 0, 7], names: vec!["g".into()] });
        }), @"
        event: 1970-01-01T01:00:00Z of `a` comes twice (row 2)
        hint: sort by entity and time, and drop or merge rows of one time
        known: row 0 was known at 1969-12-31T23:00:00Z, before it happened at 1970-01-01T00:00:00Z
        features.lag: is infinite in row 1
        hint: clip it, or make it missing
        weights: row 1 has no weight of 0 or more
        groups: row 3 has a code beyond the 1 names
        targets.next: row 0 is labelled at 1970-01-01T00:00:00Z, but its horizon ends at 1970-01-01T01:00:00Z
        hint: a label is known when its horizon is over, or later
        ");
    }

    #[test]
    fn a_target_that_is_a_feature_under_another_name_is_refused() {
        let by_values = told(|parts| {
            parts.features.push(Feature::numbers("innocent", vec![2.0, 3.0, 4.0, 9.0]));
        });
        let by_reading = told(|parts| {
            parts.features[0].reading = parts.targets[0].reading.clone();
        });

        assert!(
            by_values.starts_with("targets.next: is also the feature `innocent`"),
            "{by_values}"
        );
        assert!(by_reading.starts_with("targets.next: is also the feature `lag`"), "{by_reading}");
    }

    #[test]
    fn the_root_of_rows_does_not_know_the_order_of_entities() {
        let day = |from: i64| hours(4).into_iter().map(move |at| at + Span::days(from));
        let build = |order: [(&str, i64); 2]| {
            let entities = order.map(|(name, _)| BlockOf { entity: name.into(), rows: 4 }).into();
            let event = order.iter().flat_map(|(_, from)| day(*from)).collect();
            Dataset::build(Parts { entities, event, ..Parts::default() }).unwrap()
        };
        let (one, other) = (build([("a", 0), ("b", 1)]), build([("b", 1), ("a", 0)]));
        let root = |dataset: &Dataset, rows| dataset.merkle_root(&RowSet::of_range(rows));

        assert_eq!(root(&one, 0..8), root(&other, 0..8));
        assert_eq!(root(&one, 0..3), root(&other, 4..7));
        assert_ne!(root(&one, 0..3), root(&other, 0..3));
    }
}
