//! What all scores keep to, and the numbers of other packages.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Better, Judged, NoScore, all, find};
use crate::seed::Seed;

fn score(name: &str, judged: &Judged<'_>) -> Result<f64, NoScore> {
    find(name).unwrap().score(judged)
}

fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() <= 1e-12 * wanted.abs().max(1.0), "{found} is not {wanted}");
}

#[test]
fn every_file_of_the_folder_is_a_score_and_every_score_a_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scores");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "tests")
        .collect();
    let kinds: Vec<&str> = all().iter().map(|kind| kind.name).collect();

    assert_eq!(files, kinds.iter().map(ToString::to_string).collect());
    assert!(kinds.is_sorted());
}

#[test]
fn scores_of_probabilities_are_those_of_scikit_learn() {
    // `calibration` of the golden numbers (numeric.json, scikit-learn 1.9.1): p = uni(21), y = uni(22) < p².
    let (mut p, mut u) = (Seed(21).draws(), Seed(22).draws());
    let predicted: Vec<f64> = (0..1000).map(|_| p.uniform()).collect();
    let truth: Vec<f64> =
        predicted.iter().map(|p| f64::from(u8::from(u.uniform() < p * p))).collect();
    let judged = Judged::new(&truth, &predicted);

    near(score("brier", &judged).unwrap(), 0.163_131_478_843_723_03);
    near(score("log_loss", &judged).unwrap(), 0.489_559_221_373_293_83);
    near(score("auc", &judged).unwrap(), 0.875_554_047_942_107_8);
    near(score("average_precision", &judged).unwrap(), 0.792_700_738_127_491_3);
}

#[test]
fn scores_of_intervals_are_those_of_mapie() {
    // `conformal` of the golden numbers (MAPIE 1.6.0): ±q around 0 on ih(32, 500).
    let mut draws = Seed(32).draws();
    let truth: Vec<f64> = (0..500).map(|_| draws.normal()).collect();
    let zeros = vec![0.0; 500];
    let (lower, upper) = (vec![-1.741_878_875_344_897_7; 500], vec![1.741_878_875_344_897_7; 500]);
    let judged = Judged { bounds: Some((&lower, &upper)), ..Judged::new(&truth, &zeros) };

    near(score("coverage", &judged).unwrap(), 0.946);
    near(score("width", &judged).unwrap(), 3.483_757_750_689_796_3);
}

#[test]
fn scores_of_numbers_are_those_by_hand() {
    let (truth, predicted) = ([1.0, 2.0, 4.0, 5.0], [2.0, 2.0, 2.0, 6.0]);
    let judged = Judged { naive: Some(2.0), quantile: 0.9, ..Judged::new(&truth, &predicted) };

    near(score("mae", &judged).unwrap(), 1.0);
    near(score("rmse", &judged).unwrap(), 1.5_f64.sqrt());
    near(score("bias", &judged).unwrap(), 0.0);
    near(score("mape", &judged).unwrap(), (1.0 + 0.0 + 0.5 + 0.2) / 4.0);
    near(score("smape", &judged).unwrap(), 50.0 * (1.0 / 3.0 + 2.0 / 6.0 + 1.0 / 11.0));
    near(score("mase", &judged).unwrap(), 0.5);
    near(score("r2", &judged).unwrap(), 1.0 - 6.0 / 10.0);
    near(score("pinball", &judged).unwrap(), (0.1 + 1.8 + 0.1) / 4.0);
}

#[test]
fn what_cannot_be_said_is_an_error() {
    let one = [1.0, 1.0];
    let judged = Judged::new(&one, &[0.5, 0.5]);

    assert_eq!(score("r2", &judged), Err(NoScore::Constant));
    assert_eq!(score("auc", &judged), Err(NoScore::OneClass));
    assert_eq!(score("mape", &Judged::new(&[1.0, 0.0], &one)), Err(NoScore::Zero { row: 1 }));
    assert_eq!(score("smape", &Judged::new(&[0.0], &[0.0])), Ok(0.0));
    assert_eq!(score("mase", &Judged { naive: Some(0.0), ..judged }), Err(NoScore::NoNaiveError));
    assert_eq!(score("coverage", &judged), Err(NoScore::Without("bounds")));
    assert_eq!(score("brier", &Judged::new(&[1.0], &[1.5])), Err(NoScore::Probability { row: 0 }));
    assert_eq!(score("pinball", &Judged { quantile: 1.0, ..judged }), Err(NoScore::Quantile(1.0)));
    for kind in all() {
        let missing = kind.score(&Judged::new(&[1.0, f64::NAN], &[1.0, 1.0]));
        assert_eq!(missing, Err(NoScore::Missing { row: 1 }), "{}", kind.name);
        assert_eq!(kind.score(&Judged::new(&[], &[])), Err(NoScore::NoRows));
        assert!(kind.score(&Judged::new(&[1.0], &[])).is_err());
        let weights = Judged { weights: Some(&[0.0, 0.0]), ..judged };
        assert_eq!(kind.score(&weights), Err(NoScore::Weights));
    }
}

fn classes() -> impl Strategy<Value = Vec<(bool, f64, u8)>> {
    prop::collection::vec((any::<bool>(), 0.05_f64..0.95, 1_u8..4), 4..40)
        .prop_filter("both classes", |rows| {
            rows.iter().any(|row| row.0) && rows.iter().any(|row| !row.0)
        })
}

proptest! {
    #[test]
    fn a_weight_counts_as_so_many_rows_and_the_best_predictions_score_best(rows in classes()) {
        let truth: Vec<f64> = rows.iter().map(|row| f64::from(u8::from(row.0))).collect();
        // Rounded, so that there are ties.
        let predicted: Vec<f64> = rows.iter().map(|row| (row.1 * 8.0).round() / 8.0).collect();
        let weights: Vec<f64> = rows.iter().map(|row| f64::from(row.2)).collect();
        let repeat = |values: &[f64]| -> Vec<f64> {
            let pairs = values.iter().zip(&rows);
            pairs.flat_map(|(value, row)| std::iter::repeat_n(*value, usize::from(row.2))).collect()
        };
        let (many_truth, many_predicted) = (repeat(&truth), repeat(&predicted));
        let (low, high) = (vec![0.2; truth.len()], vec![1.1; truth.len()]);
        let (many_low, many_high) = (repeat(&low), repeat(&high));
        for kind in all().iter().filter(|kind| kind.name != "mape") {
            let naive = Some(0.3);
            let weighted = Judged { weights: Some(&weights), bounds: Some((&low, &high)), naive, ..Judged::new(&truth, &predicted) };
            let repeated = Judged { bounds: Some((&many_low, &many_high)), naive, ..Judged::new(&many_truth, &many_predicted) };
            let (one, other) = (kind.score(&weighted).unwrap(), kind.score(&repeated).unwrap());
            prop_assert!((one - other).abs() < 1e-9, "{}: {one} and {other}", kind.name);

            let perfect = kind.score(&Judged { predicted: &truth, ..weighted }).unwrap();
            match kind.better {
                Better::Lower => prop_assert!(perfect <= one, "{}", kind.name),
                Better::Higher => prop_assert!(perfect >= one, "{}", kind.name),
                Better::Nearest => {}
            }
        }
    }
}
