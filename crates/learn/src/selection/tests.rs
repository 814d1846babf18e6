//! What all selectors keep to: they find what is planted, choose nothing where there is nothing, and repeat.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Choosing, Selection, Verdict, binned, neighbours};
use crate::dataset::{BlockOf, Dataset, Feature, Parts, Target};
use crate::folds::Fold;
use crate::model::Ridge;
use crate::seed::Seed;
use crate::selectors;
use crate::splits::Splitting;
use crate::time::{Span, Timestamp};

const FEATURES: usize = 8;

/// Two entities with smooth features; the label hangs on the first two by some strength.
fn planted(seed: u64, strength: f64) -> Dataset {
    let rows = 300;
    let mut draws = Seed(seed).derive("planted").draws();
    let mut columns: [Vec<f64>; FEATURES] = std::array::from_fn(|_| Vec::new());
    let (mut values, mut event) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let mut state = [0.0; FEATURES];
        let mut noise = 0.0;
        for row in 0..rows {
            for (own, column) in state.iter_mut().zip(&mut columns) {
                *own = 0.8 * *own + 0.6 * draws.normal();
                column.push(*own);
            }
            noise = 0.8 * noise + 0.6 * draws.normal();
            values.push(strength * (state[0] - state[1]) + noise);
            event.push(Timestamp(0) + Span::hours(row));
        }
    }
    let named = |(index, values): (usize, Vec<f64>)| Feature::numbers(&format!("x{index}"), values);
    Dataset::build(Parts {
        entities: ["a", "b"].map(|name| BlockOf { entity: name.into(), rows: 300 }).into(),
        features: columns.into_iter().enumerate().map(named).collect(),
        targets: vec![Target {
            name: "y".into(),
            values,
            known: event.iter().map(|at| *at + Span::hours(1)).collect(),
            horizon: Span::hours(1),
            reading: None,
        }],
        event,
        ..Parts::default()
    })
    .unwrap()
}

fn select(name: &str, dataset: &Dataset, seed: u64) -> Selection {
    let spec = serde_json::json!({ "split": "purged_k_fold", "with": { "folds": 3 } });
    let everything = Fold::known_by(&dataset.clock(), Timestamp::NEVER - Span(1));
    let rows = everything.training(dataset).unwrap();
    let inner = rows.split(&Splitting::read(&spec).unwrap()).unwrap();
    let learner = Ridge::default();
    let choosing = Choosing {
        rows: &rows,
        inner: &inner.folds,
        target: 0,
        learner: &learner,
        seed: Seed(seed),
    };
    selectors::read(name, &Map::new()).unwrap().select(&choosing).unwrap()
}

#[test]
fn every_file_of_the_folder_is_a_selector_and_every_selector_a_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/selectors");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let kinds: Vec<&str> = selectors::all().iter().map(|kind| kind.name).collect();

    assert_eq!(files, kinds.iter().map(ToString::to_string).collect());
    assert!(kinds.is_sorted());
}

#[test]
fn every_selector_finds_what_is_planted() {
    let dataset = planted(1, 1.0);
    for kind in selectors::all() {
        let selection = select(kind.name, &dataset, 1);

        let chosen = selection.chosen();
        // Ablation states no chance of error: it goes by the inner folds alone.
        let most = if kind.name == "ablation" { 3 } else { 2 };
        assert!(chosen.starts_with(&[0, 1]), "{}: {selection:#?}", kind.name);
        assert!(chosen.len() <= most, "{}: {selection:#?}", kind.name);
    }
}

/// Without a signal a selector chooses something in 5 of 100 data sets. Of 12, more than 3 have a chance of one in 450.
#[test]
fn without_a_signal_nothing_is_chosen_beyond_the_stated_error() {
    for name in ["mutual_information", "shadow", "permutation"] {
        let wrong = (0..12)
            .filter(|seed| !select(name, &planted(100 + seed, 0.0), *seed).chosen().is_empty())
            .count();

        assert!(wrong <= 3, "{name} chose something in {wrong} of 12");
    }
}

#[test]
fn ablation_keeps_next_to_nothing_where_there_is_no_signal() {
    let kept: usize =
        (0..6).map(|seed| select("ablation", &planted(100 + seed, 0.0), seed).chosen().len()).sum();

    assert!(kept <= 6, "{kept} of {} features were kept", 6 * FEATURES);
}

#[test]
fn the_same_seed_chooses_the_same_for_the_same_reasons() {
    let dataset = planted(3, 0.4);
    for kind in selectors::all() {
        let one = serde_json::to_string(&select(kind.name, &dataset, 7)).unwrap();

        assert_eq!(one, serde_json::to_string(&select(kind.name, &dataset, 7)).unwrap());
    }
}

#[test]
fn shadows_drop_what_never_mattered_and_say_where_they_are_not_certain() {
    let verdicts: BTreeSet<&str> = select("shadow", &planted(1, 1.0), 1)
        .evidence
        .iter()
        .map(|evidence| match evidence.verdict {
            Verdict::Chosen => "chosen",
            Verdict::Tentative => "tentative",
            Verdict::Rejected => "rejected",
        })
        .collect();

    assert!(verdicts.contains("chosen") && verdicts.contains("rejected"), "{verdicts:?}");
}

#[test]
fn mistakes_in_parameters_are_told_with_a_hint() {
    let told = |name: &str, with: Value| {
        selectors::read(name, with.as_object().unwrap()).err().unwrap().to_string()
    };

    insta::assert_snapshot!(told("mutual_informaton", Value::Object(Map::new())));
    insta::assert_snapshot!(told("shadow", serde_json::json!({ "level": 0.01, "rounds": 20 })));
    insta::assert_snapshot!(told(
        "permutation",
        serde_json::json!({ "level": 2, "trns": 1, "repetitions": "x" })
    ));
}

/// Pairs of normal numbers with a correlation.
fn pairs(rows: usize, correlation: f64) -> (Vec<f64>, Vec<f64>) {
    let mut draws = Seed(11).draws();
    let own = (1.0 - correlation * correlation).sqrt();
    (0..rows)
        .map(|_| {
            let (x, noise) = (draws.normal(), draws.normal());
            (x, correlation * x + own * noise)
        })
        .unzip()
}

#[test]
fn information_of_normal_numbers_is_that_of_the_formula() {
    for correlation in [0.0, 0.6, 0.9] {
        let (x, y) = pairs(2000, correlation);
        let formula = -0.5 * (1.0 - correlation * correlation).ln();

        let found = neighbours(&x, &y, 3);

        assert!((found - formula).abs() < 0.05, "{correlation}: {found}, {formula}");
    }
}

#[test]
fn information_by_neighbours_is_that_of_scikit_learn() {
    // `sklearn.feature_selection._mutual_info._compute_mi_cc(x, y, 3)`, scikit-learn 1.9.1, on the same 500 pairs.
    let (x, y) = pairs(500, 0.6);

    let found = neighbours(&x, &y, 3);

    assert!((found - 0.263_511_672_162_673_8).abs() < 1e-10, "{found}");
}

#[test]
fn information_of_few_values_is_their_entropy() {
    let x: Vec<u32> = (0..1000).map(|row| row % 4).collect();
    let other: Vec<u32> = (0..1000).map(|row| row / 4 % 2).collect();

    // Miller's correction takes (4 - 1)² / 2000.
    assert!((binned(&x, &x) - (4.0_f64.ln() - 9.0 / 2000.0)).abs() < 1e-12);
    assert!(binned(&x, &other) <= 0.0);
    assert!(binned(&[], &[]) <= 0.0);
}
