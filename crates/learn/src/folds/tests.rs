//! The conformance suite: every splitter of the registry keeps what it promises, on regular and on irregular panels.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fold, Folds, Order, Picture};
use crate::clock::Clock;
use crate::dataset::{Apart, BlockOf, Dataset, Feature, Parts, Purpose, Target};
use crate::digest::Digest;
use crate::seed::Seed;
use crate::splits::{self, Splitting};
use crate::time::{Span, Timestamp};

const START: &str = "2026-01-01";

/// A panel of some entities with times of their own; the last labels are missing.
#[derive(Clone, Debug)]
struct World {
    seed: u64,
    entities: usize,
    rows: usize,
    horizon: i64,
    window: i64,
    is_regular: bool,
}

impl World {
    /// The panel with its entities in some order.
    fn panel(&self, order: &[usize]) -> Dataset {
        let start: Timestamp = START.parse().unwrap();
        let mut parts = Parts::default();
        let (mut values, mut known) = (Vec::new(), Vec::new());
        for entity in order {
            let mut draws = Seed(self.seed).derive(&entity.to_string()).draws();
            let mut hour = 0;
            for row in 0..self.rows {
                let step = if self.is_regular { 1 } else { 1 + draws.below(4) };
                hour += i64::try_from(step).unwrap();
                let at = start + Span::hours(hour);
                parts.event.push(at);
                let late = if self.is_regular { 0 } else { i64::try_from(draws.below(3)).unwrap() };
                known.push(at + Span::hours(self.horizon + late));
                let is_labelled = row + 4 < self.rows;
                values.push(if is_labelled { draws.normal() } else { f64::NAN });
            }
            parts.entities.push(BlockOf { entity: format!("e{entity}"), rows: self.rows });
        }
        let mut feature = Feature::numbers("x", vec![0.5; values.len()]);
        feature.window = Span::hours(self.window);
        parts.features = vec![feature];
        let horizon = Span::hours(self.horizon);
        parts.targets = vec![Target { name: "y".into(), values, known, horizon, reading: None }];
        Dataset::build(parts).unwrap()
    }

    fn natural(&self) -> Dataset {
        self.panel(&(0..self.entities).collect::<Vec<_>>())
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (0_u64..1000, 3_usize..6, 120_usize..200, 0_i64..4, 0_i64..6, any::<bool>()).prop_map(
        |(seed, entities, rows, horizon, window, is_regular)| World {
            seed,
            entities,
            rows,
            horizon,
            window,
            is_regular,
        },
    )
}

/// The parameters of a kind for these worlds of about a week to two.
fn specs(kind: &str) -> Vec<Value> {
    let with = match kind {
        "blocked" => vec![json!({ "folds": 2, "test_share": 0.3 })],
        "by_date" => vec![
            json!({ "train_until": "2026-01-03" }),
            json!({ "train_until": "2026-01-03", "validate_until": "2026-01-04", "test_until": "2026-01-05" }),
        ],
        "by_group" => vec![json!({ "folds": 3 }), json!({ "folds": 2, "after": "2026-01-03" })],
        "combinatorial_purged" => vec![json!({ "blocks": 4, "test_blocks": 2 })],
        "expanding" => vec![json!({ "folds": 4 }), json!({ "folds": 2, "test": "24h" })],
        "nested" => vec![json!({
            "outer": { "split": "expanding", "with": { "folds": 2 } },
            "inner": { "split": "purged_k_fold", "with": { "folds": 2 } },
        })],
        "purged_k_fold" => vec![json!({ "folds": 4 })],
        "rolling_origin" => vec![
            json!({ "first": "2026-01-03", "every": "18h", "test": "12h", "train": "40h", "last": "2026-01-05" }),
            json!({ "first": "2026-01-03", "every": "12h", "test": "24h", "last": "2026-01-04" }),
        ],
        "sliding" => vec![json!({ "folds": 3, "train": "48h" })],
        other => panic!("`{other}` has no parameters for the conformance suite"),
    };
    let spec = |with: Value| json!({ "split": kind, "with": with, "gap": "1h" });
    with.into_iter().map(spec).collect()
}

fn split(spec: &Value, dataset: &Dataset) -> Folds {
    let split = Splitting::read(spec).and_then(|splitting| splitting.split(&dataset.clock()));
    split.unwrap_or_else(|mistakes| panic!("{spec}: {mistakes}"))
}

/// What rows are, whatever their numbers.
fn names(dataset: &Dataset, rows: impl Iterator<Item = usize>) -> BTreeSet<(String, Timestamp)> {
    rows.map(|row| (dataset.entity_of(row).name.clone(), dataset.event()[row])).collect()
}

/// Whether a training row could tell something about a test, by definition and row by row.
fn tells(clock: &Clock<'_>, train: usize, test: usize) -> bool {
    clock.label_interval(train).overlaps(clock.label_interval(test))
}

fn keeps_promises(folds: &Folds, fold: &Fold, clock: &Clock<'_>) {
    let (promises, embargo) = (folds.promises, folds.guards.embargo);
    let sets = [&fold.train, &fold.test, &fold.purged, &fold.embargoed, &fold.unlabelled];
    for (index, one) in sets.iter().enumerate() {
        for other in &sets[index + 1..] {
            assert!(one.intersection(other).is_empty(), "a row has two roles");
        }
    }
    assert!(fold.train.iter().chain(fold.test.iter()).all(|row| clock.is_labelled(row)));
    let group = |row: usize| clock.groups.codes[row];
    if promises.groups_apart {
        let seen: BTreeSet<u32> = fold.train.iter().map(group).collect();
        assert!(fold.test.iter().all(|row| !seen.contains(&group(row))), "a group is split");
    }
    if promises.ordered {
        let start = fold.test.iter().map(|row| clock.event[row]).min().unwrap();
        assert!(fold.train.iter().all(|row| clock.known[row] + folds.guards.gap <= start));
        assert_eq!(clock.known_by(&fold.train, fold.fitted.unwrap()), fold.train);
    }
    if !promises.purged {
        return;
    }
    for train in fold.train.iter() {
        let (at, known) = (clock.event[train], clock.known[train]);
        for test in fold.test.iter() {
            assert!(!tells(clock, train, test), "row {train} tells something about row {test}");
            let (tested, answered) = (clock.event[test], clock.known[test]);
            let before = at + embargo <= tested && known <= tested;
            let after = at >= answered + embargo;
            assert!(before || after, "row {train} is too near to row {test}");
        }
    }
}

/// No row is lost: what was dropped lies near to the test or was known too late.
fn drops_only_what_it_must(folds: &Folds, fold: &Fold, clock: &Clock<'_>) {
    let (gap, embargo) = (folds.guards.gap, folds.guards.embargo);
    let edges: Vec<_> = fold
        .tested
        .iter()
        .map(|stretch| {
            let tests = fold.test.iter().filter(|row| stretch.contains(clock.event[*row]));
            (
                stretch.from,
                tests.map(|row| clock.known[row]).max().unwrap_or(stretch.from).max(stretch.until),
            )
        })
        .collect();
    for row in fold.purged.iter().chain(fold.embargoed.iter()) {
        let (at, known) = (clock.event[row], clock.known[row]);
        let clear = |(from, last): &(Timestamp, Timestamp)| {
            (known + gap <= *from && at + embargo <= *from) || at >= *last + embargo
        };
        let late = fold.fitted.is_some_and(|fitted| known > fitted);
        assert!(late || !edges.iter().all(clear), "row {row} was dropped without a reason");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_splitter_keeps_its_promises(world in worlds()) {
        let dataset = world.natural();
        let clock = dataset.clock();
        for spec in splits::all().iter().flat_map(|kind| specs(kind.name)) {
            let folds = split(&spec, &dataset);
            for fold in &folds.folds {
                keeps_promises(&folds, fold, &clock);
                drops_only_what_it_must(&folds, fold, &clock);
                for inner in &fold.inner {
                    prop_assert_eq!(inner.train.intersection(&fold.train), inner.train.clone());
                    prop_assert_eq!(inner.test.intersection(&fold.train), inner.test.clone());
                }
            }
            let mut tested = vec![0; dataset.len()];
            folds.folds.iter().flat_map(|fold| fold.test.iter()).for_each(|row| tested[row] += 1);
            let labelled = (0..dataset.len()).filter(|row| clock.is_labelled(*row));
            let counts: BTreeSet<i32> = labelled.map(|row| tested[row]).collect();
            if folds.promises.tests_all {
                prop_assert!(counts.len() == 1 && !counts.contains(&0), "{spec}: {counts:?}");
            }
            if folds.promises.tests_once {
                prop_assert!(counts.iter().all(|count| *count <= 1), "{spec}: {counts:?}");
            }
        }
    }

    #[test]
    fn the_order_of_entities_does_not_show(world in worlds()) {
        let one = world.natural();
        let other = world.panel(&(0..world.entities).rev().collect::<Vec<_>>());
        for spec in splits::all().iter().flat_map(|kind| specs(kind.name)) {
            let (left, right) = (split(&spec, &one), split(&spec, &other));
            prop_assert_eq!(left.folds.len(), right.folds.len());
            for (left, right) in left.folds.iter().zip(&right.folds) {
                for (a, b) in [(&left.train, &right.train), (&left.test, &right.test), (&left.purged, &right.purged)] {
                    prop_assert_eq!(names(&one, a.iter()), names(&other, b.iter()));
                }
                prop_assert_eq!(one.merkle_root(&left.train), other.merkle_root(&right.train));
            }
        }
    }

    #[test]
    fn what_was_fitted_refuses_to_judge_its_own_rows(world in worlds()) {
        let dataset = world.natural();
        for spec in splits::all().iter().flat_map(|kind| specs(kind.name)) {
            for fold in &split(&spec, &dataset).folds {
                let range = fold.training(&dataset).unwrap().fit_range(Digest::of(b"code"));
                let mut own = fold.clone();
                own.test = own.train.clone();
                prop_assert_eq!(range.rows, fold.train.len());
                prop_assert!(range.admit(&fold.testing(&dataset).unwrap(), Purpose::Evaluation).is_ok(), "{spec}");
                prop_assert!(range.admit(&own.testing(&dataset).unwrap(), Purpose::Evaluation).is_err());
                prop_assert!(range.admit(&own.testing(&dataset).unwrap(), Purpose::Production).is_ok());
                prop_assert_eq!(matches!(range.apart, Apart::Groups(_)), fold.order == Order::Groups);
            }
        }
    }
}

#[test]
fn every_file_of_the_folder_is_a_splitter_and_every_splitter_a_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/splits");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let kinds: Vec<&str> = splits::all().iter().map(|kind| kind.name).collect();

    assert_eq!(files, kinds.iter().map(ToString::to_string).collect());
    assert!(kinds.is_sorted());
}

#[test]
fn the_sample_of_every_splitter_is_right_and_unknown_keys_are_refused_with_a_hint() {
    for kind in splits::all() {
        let mut with = (kind.sample)();
        assert!(Splitting::read(&json!({ "split": kind.name, "with": with })).is_ok());
        with["fols"] = 3.into();
        let told = Splitting::read(&json!({ "split": kind.name, "with": with })).err().unwrap();
        assert!(told.to_string().contains("with.fols: unknown key `fols`\nhint: "), "{told}");
    }
}

#[test]
fn the_schema_has_an_alternative_for_each_splitter() {
    let schema = splits::schema();
    let kinds = schema["oneOf"].as_array().unwrap();

    assert_eq!(kinds.len(), splits::all().len());
    for (kind, splitter) in kinds.iter().zip(splits::all()) {
        assert_eq!(kind["properties"]["split"]["const"], splitter.name);
        let known = kind["properties"]["with"]["properties"].as_object().unwrap();
        assert!((splitter.sample)().as_object().unwrap().keys().all(|key| known.contains_key(key)));
        assert!(kind["properties"].get("embargo").is_some());
    }
}

#[test]
fn mistakes_are_told_together() {
    let told = |spec: Value| Splitting::read(&spec).err().unwrap().to_string();

    insta::assert_snapshot!(told(json!({
        "split": "sliding", "with": { "folds": 0, "train": "0d", "tets": "1d" }, "gap": "soon", "embrago": "1d",
    })));
    insta::assert_snapshot!(told(json!({ "split": "expandng" })));
    insta::assert_snapshot!(told(json!({
        "split": "by_date", "with": { "train_until": "2026-03-01", "validate_until": "2026-02-01", "test_until": "2026-01-01" },
    })));
    insta::assert_snapshot!(told(json!({ "split": "nested", "with": {
        "outer": { "split": "purged_k_fold", "with": { "folds": 1 } },
        "inner": { "split": "combinatorial_purged", "with": { "blocks": 30, "test_blocks": 15 } },
    }})));
}

#[test]
fn folds_that_cannot_be_are_told_with_what_to_do() {
    let world =
        World { seed: 1, entities: 2, rows: 120, horizon: 24, window: 48, is_regular: true };
    let dataset = world.natural();
    let told = |spec: Value| {
        let splitting = Splitting::read(&spec).unwrap();
        splitting.split(&dataset.clock()).unwrap_err().to_string()
    };

    insta::assert_snapshot!(told(json!({ "split": "expanding", "with": { "folds": 4 } })));
    insta::assert_snapshot!(told(
        json!({ "split": "expanding", "with": { "folds": 4, "test": "2d" } })
    ));
    insta::assert_snapshot!(told(
        json!({ "split": "expanding", "with": { "folds": 2 }, "embargo": "12h" })
    ));
    insta::assert_snapshot!(told(json!({ "split": "by_group", "with": { "folds": 3 } })));
    insta::assert_snapshot!(told(
        json!({ "split": "rolling_origin", "with": { "first": "2027-01-01", "every": "1d", "test": "1d" } })
    ));
}

#[test]
fn a_shorter_embargo_is_kept_with_the_folds() {
    let world = World { seed: 1, entities: 2, rows: 200, horizon: 2, window: 48, is_regular: true };
    let spec = json!({
        "split": "expanding", "with": { "folds": 2 },
        "embargo": "2h", "shorter_embargo_because": "features of the test may look back",
    });

    let guards = split(&spec, &world.natural()).guards;

    assert_eq!(guards.shortened.unwrap().least, Span::hours(48));
}

#[test]
fn nested_folds_choose_within_the_training_rows() {
    let world = World { seed: 1, entities: 2, rows: 200, horizon: 1, window: 1, is_regular: true };
    let folds = split(&specs("nested")[0], &world.natural());

    let names: Vec<&str> =
        folds.folds.iter().flat_map(|fold| &fold.inner).map(|inner| inner.name.as_str()).collect();

    assert_eq!(names, ["1.1", "1.2", "2.1", "2.2"]);
}

#[test]
fn the_final_fold_learns_from_all_that_was_known() {
    let world = World { seed: 1, entities: 2, rows: 50, horizon: 3, window: 0, is_regular: true };
    let dataset = world.natural();
    let at = START.parse::<Timestamp>().unwrap() + Span::hours(20);

    let fold = Fold::known_by(&dataset.clock(), at);

    // Events of hours 1 to 17, whose labels were known by hour 20.
    assert_eq!(fold.train.len(), 2 * 17);
    assert_eq!(fold.train.len() + fold.purged.len() + fold.unlabelled.len(), dataset.len());
}

#[test]
fn a_fold_of_another_data_set_is_refused() {
    let world = World { seed: 1, entities: 2, rows: 200, horizon: 1, window: 1, is_regular: true };
    let folds = split(&json!({ "split": "expanding", "with": { "folds": 2 } }), &world.natural());
    let smaller = World { rows: 100, ..world }.natural();

    let refused = folds.folds[0].training(&smaller).unwrap_err();

    assert_eq!(
        refused.to_string(),
        "take the rows of fold `1`: it was made for 400 rows, but the data set has 200"
    );
}

fn picture(spec: &Value, world: &World) -> String {
    let dataset = world.natural();
    Picture::of(&split(spec, &dataset), &dataset.clock()).svg()
}

/// Pictures of all kinds, for looking at: `LOOK=folder`.
#[test]
fn pictures_are_the_same_bytes_for_the_same_folds() {
    let world =
        World { seed: 1, entities: 3, rows: 2000, horizon: 24, window: 72, is_regular: true };
    let irregular = World { is_regular: false, rows: 400, horizon: 3, window: 12, ..world.clone() };
    let cases = [
        ("expanding", json!({ "split": "expanding", "with": { "folds": 5 } }), &world),
        ("purged_k_fold", json!({ "split": "purged_k_fold", "with": { "folds": 5 } }), &world),
        (
            "nested",
            json!({ "split": "nested", "with": {
            "outer": { "split": "expanding", "with": { "folds": 3 } },
            "inner": { "split": "sliding", "with": { "folds": 3, "train": "10d" } } } }),
            &world,
        ),
        ("by_group", json!({ "split": "by_group", "with": { "folds": 3 } }), &world),
        (
            "rolling_origin",
            json!({ "split": "rolling_origin", "with": { "first": "2026-02-01", "every": "2d", "test": "2d", "train": "21d" } }),
            &world,
        ),
        (
            "combinatorial",
            json!({ "split": "combinatorial_purged", "with": { "blocks": 6, "test_blocks": 2 } }),
            &irregular,
        ),
    ];
    for (name, spec, world) in cases {
        let svg = picture(&spec, world);
        assert_eq!(svg, picture(&spec, world));
        assert!(svg.len() < 80_000, "{name} takes {} bytes", svg.len());
        insta::assert_snapshot!(name, svg);
    }
}
