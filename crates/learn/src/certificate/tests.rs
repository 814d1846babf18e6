//! An audit finds what is wrong with features that are wrong in one way each, and nothing in those that are right.

use proptest::prelude::*;

use super::{
    Certificate, Effort, FeatureColumn, FeatureSeries, Features, FittedPart, Grade, Modelled,
    Modelling, Outcome, Plan, Request, RidgeModelling, Subject, SubjectError, Verdict, audit,
};
use crate::dataset::{Apart, TrainingRows};
use crate::digest::{Digest, Hasher};
use crate::maths::{deviation, mean};
use crate::panel::{Cells, Panel, PanelColumn, Series};
use crate::seed::Seed;
use crate::time::{Span, Timestamp};

/// One way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leak {
    None,
    Lead,
    CentredMean,
    BackFill,
    GlobalScale,
    FitsAll,
    RowCount,
    Neighbour,
    IgnoresDelay,
    OwnLabel,
    Chunks,
    Order,
    Drift,
    DropsRows,
}

/// A small pipeline: a lag, a mean of the past, a scaled lag, a pooled mean, and a column that may leak.
struct Toy(Leak);

/// What is remembered: the columns, what was fitted, and all series.
struct Known<'a> {
    panel: &'a Panel,
    fitted: (f64, f64),
}

fn fit(panel: &Panel, until: Timestamp) -> (f64, f64) {
    let column = &panel.columns[panel.target];
    let mut seen = Vec::new();
    for series in &panel.series {
        let rows = series.event.iter().zip(panel.target_of(series));
        seen.extend(
            rows.filter(|(at, value)| column.known(**at) <= until && value.is_finite())
                .map(|(_, value)| *value),
        );
    }
    // In one order, whatever that of the entities.
    seen.sort_by(f64::total_cmp);
    (mean(&seen), deviation(&seen).max(1e-9))
}

impl Known<'_> {
    /// How many values of a series could be read before a moment.
    fn seen(&self, series: &Series, at: Timestamp) -> usize {
        let column = &self.panel.columns[self.panel.target];
        series.event.iter().take_while(|event| **event < at && column.known(**event) <= at).count()
    }

    fn row(&self, series: &Series, row: usize, leak: Leak, request: Request) -> [f64; 5] {
        let (at, target) = (series.event[row], self.panel.target_of(series));
        let past = &target[..self.seen(series, at)];
        let lag = past.last().copied().unwrap_or(f64::NAN);
        let recent = &past[past.len().saturating_sub(3)..];
        let (centre, scale) = self.fitted;
        let mut others: Vec<f64> = self
            .panel
            .series
            .iter()
            .filter_map(|other| self.panel.target_of(other)[..self.seen(other, at)].last().copied())
            .filter(|value| value.is_finite())
            .collect();
        others.sort_by(f64::total_cmp);
        let next = |row: usize| target.get(row).copied().unwrap_or(f64::NAN);
        let leaky = match leak {
            Leak::None | Leak::Drift | Leak::FitsAll | Leak::DropsRows => lag * 0.5,
            Leak::Lead => next(row + 1),
            Leak::CentredMean => mean(&target[row.saturating_sub(1)..(row + 2).min(target.len())]),
            Leak::BackFill => match at.0 / 3_600_000_000 % 5 {
                4 => lag,
                _ => next(row + 1),
            },
            Leak::GlobalScale => (lag - mean(target)) / deviation(target),
            Leak::RowCount => target.len() as f64,
            Leak::Neighbour => {
                let other = self.panel.series.iter().find(|other| other.entity != series.entity);
                let past = other.map(|other| &self.panel.target_of(other)[..self.seen(other, at)]);
                past.and_then(|past| past.last().copied()).unwrap_or(f64::NAN)
            }
            Leak::IgnoresDelay => row.checked_sub(1).map_or(f64::NAN, |row| target[row]),
            Leak::OwnLabel => mean(&target[..(row + 3).min(target.len())]),
            Leak::Chunks => lag + f64::from(u8::from(request.chunk_rows == Some(7))),
            Leak::Order => self.panel.series[0]
                .event
                .first()
                .map_or(0.0, |_| f64::from(u8::from(self.panel.series[0].entity == series.entity))),
        };
        [lag, mean(recent), (lag - centre) / scale, mean(&others), leaky]
    }

    fn features(
        &self,
        leak: Leak,
        request: Request,
        wanted: impl Fn(&Series, usize) -> bool,
    ) -> Features {
        let column = |name: &str, operator: &str, grade, is_pooled| FeatureColumn {
            name: name.to_owned(),
            operator: operator.to_owned(),
            grade,
            is_pooled,
        };
        let of_series = |series: &Series| {
            let rows: Vec<usize> =
                (0..series.event.len()).filter(|row| wanted(series, *row)).collect();
            let values: Vec<[f64; 5]> =
                rows.iter().map(|row| self.row(series, *row, leak, request)).collect();
            FeatureSeries {
                entity: series.entity.clone(),
                event: rows.iter().map(|row| series.event[*row]).collect(),
                values: (0..5)
                    .map(|column| values.iter().map(|row| row[column]).collect())
                    .collect(),
            }
        };
        let mut hasher = Hasher::default();
        hasher.bits(&[self.fitted.0, self.fitted.1]);
        let leaky = if leak == Leak::None { "half" } else { "mutant" };
        Features {
            columns: vec![
                column("y_lag", "lag", Grade::Causal, false),
                column("y_mean_3", "rolling_mean", Grade::Causal, false),
                column("y_scaled", "scale", Grade::FoldSafe, false),
                column("all_mean", "pooled_mean", Grade::Causal, true),
                column("leaky", leaky, Grade::Causal, false),
            ],
            series: self
                .panel
                .series
                .iter()
                .map(of_series)
                .filter(|series| !series.event.is_empty())
                .collect(),
            fitted: vec![FittedPart { operator: "scale".to_owned(), digest: hasher.finish() }],
        }
    }
}

impl Subject for Toy {
    fn code(&self) -> Digest {
        Digest::of(format!("{:?}", self.0).as_bytes())
    }

    fn horizon(&self) -> Span {
        Span::hours(2)
    }

    fn window(&self) -> Span {
        Span::hours(3)
    }

    fn transform(&self, panel: &Panel, request: Request) -> Result<Features, SubjectError> {
        let until = if self.0 == Leak::FitsAll { Timestamp::NEVER } else { request.fit_until };
        let known = Known { panel, fitted: fit(panel, until) };
        let is_kept =
            |series: &Series, row: usize| self.0 != Leak::DropsRows || row + 2 < series.event.len();
        Ok(known.features(self.0, request, is_kept))
    }

    fn state(&self, panel: &Panel, request: Request) -> Result<Option<Vec<u8>>, SubjectError> {
        let (centre, scale) = fit(panel, request.fit_until);
        let series: Vec<(&str, Vec<i64>, Vec<u64>)> = panel
            .series
            .iter()
            .map(|series| {
                let values = panel.target_of(series).iter().map(|value| value.to_bits());
                (
                    series.entity.as_str(),
                    series.event.iter().map(|at| at.0).collect(),
                    values.collect(),
                )
            })
            .collect();
        Ok(Some(serde_json::to_vec(&(centre.to_bits(), scale.to_bits(), series))?))
    }

    fn resume(&self, state: &[u8], rows: &Panel) -> Result<(Features, Vec<u8>), SubjectError> {
        type Saved = (u64, u64, Vec<(String, Vec<i64>, Vec<u64>)>);
        let (centre, scale, mut saved): Saved = serde_json::from_slice(state)?;
        for new in &rows.series {
            let known = saved.iter_mut().find(|(entity, ..)| *entity == new.entity);
            let (_, event, values) = known.ok_or("an entity without a state")?;
            event.extend(new.event.iter().map(|at| at.0));
            values.extend(rows.target_of(new).iter().map(|value| value.to_bits()));
        }
        let next = serde_json::to_vec(&(centre, scale, &saved))?;
        let series = saved.into_iter().map(|(entity, event, values)| Series {
            entity,
            event: event.into_iter().map(Timestamp).collect(),
            cells: vec![Cells::Numbers(values.into_iter().map(f64::from_bits).collect())],
        });
        let panel =
            Panel { columns: rows.columns[..1].to_vec(), target: 0, series: series.collect() };
        let known =
            Known { panel: &panel, fitted: (f64::from_bits(centre), f64::from_bits(scale)) };
        let is_new = |series: &Series, row: usize| {
            rows.series
                .iter()
                .any(|new| new.entity == series.entity && new.event.contains(&series.event[row]))
        };
        let mut features = known.features(self.0, Request::fit_until(Timestamp::MIN), is_new);
        if self.0 == Leak::Drift {
            for value in features.series.iter_mut().flat_map(|series| &mut series.values[4]) {
                *value = value.next_up();
            }
        }
        Ok((features, next))
    }
}

/// Random walks of some entities by the hour, each with a pause of half a day.
fn panel(entities: usize, rows: usize, seed: u64) -> Panel {
    let start: Timestamp = "2026-01-01".parse().unwrap();
    let series = (0..entities).map(|entity| {
        let mut draws = Seed(seed).derive(&entity.to_string()).draws();
        let mut level = 50.0;
        let hours =
            |row: usize| i64::try_from(if row < rows / 2 { row } else { row + 12 }).unwrap();
        let event: Vec<Timestamp> = (0..rows).map(|row| start + Span::hours(hours(row))).collect();
        let values = event.iter().map(|_| {
            level += draws.normal();
            level + 0.3 * draws.normal()
        });
        let values = values.collect();
        Series { entity: format!("sensor {entity}"), event, cells: vec![Cells::Numbers(values)] }
    });
    let column = PanelColumn { name: "y".into(), delay: Span::ZERO };
    Panel { columns: vec![column], target: 0, series: series.collect() }
}

fn certificate(leak: Leak, plan: &Plan) -> Certificate {
    audit(&Toy(leak), &RidgeModelling::default(), &panel(4, 900, 1), plan).unwrap()
}

fn failed(certificate: &Certificate) -> Vec<&str> {
    let tests = certificate.tests.iter().filter(|test| test.outcome == Outcome::Failed);
    tests.map(|test| test.id.as_str()).collect()
}

#[test]
fn features_that_are_right_get_a_clean_certificate() {
    let certificate = certificate(Leak::None, &Plan::default());

    assert_eq!(failed(&certificate), [""; 0], "{certificate:#?}");
    assert_eq!(certificate.verdict, Verdict::Clean);
    assert!(certificate.passes <= 2.5, "{} passes", certificate.passes);
    let json = serde_json::to_string_pretty(&certificate).unwrap();
    let again =
        audit(&Toy(Leak::None), &RidgeModelling::default(), &panel(4, 900, 1), &Plan::default());
    assert_eq!(json, serde_json::to_string_pretty(&again.unwrap()).unwrap());
    assert!(certificate.tests.iter().all(|test| test.outcome == Outcome::Passed));
    assert_eq!(serde_json::from_str::<Certificate>(&json).unwrap(), certificate);
}

/// Each leak with the test that must find it, whatever others find too.
const LEAKS: [(Leak, &str); 13] = [
    (Leak::Lead, "T1"),
    (Leak::CentredMean, "T1"),
    (Leak::BackFill, "T1"),
    (Leak::GlobalScale, "T1"),
    (Leak::FitsAll, "T1"),
    (Leak::RowCount, "T1"),
    (Leak::Neighbour, "T6"),
    (Leak::IgnoresDelay, "T4"),
    (Leak::OwnLabel, "T7"),
    (Leak::Chunks, "T2"),
    (Leak::Order, "T2"),
    (Leak::Drift, "T3"),
    (Leak::DropsRows, "T1"),
];

#[test]
fn every_leak_is_found_by_its_test_and_its_operator_is_named() {
    for (leak, id) in LEAKS {
        let certificate = certificate(leak, &Plan::default());
        let failed = failed(&certificate);

        assert_eq!(certificate.verdict, Verdict::Leaks, "{leak:?}: {certificate:#?}");
        assert!(failed.contains(&id), "{leak:?} was found by {failed:?}");
        assert!(!failed.contains(&"T8"), "{leak:?}");
        let named = certificate
            .tests
            .iter()
            .flat_map(|test| &test.findings)
            .filter_map(|finding| finding.operator.as_deref());
        let guilty = if leak == Leak::FitsAll { "scale" } else { "mutant" };
        let named: std::collections::BTreeSet<&str> = named.collect();
        let expected = if leak == Leak::DropsRows { Vec::new() } else { vec![guilty] };
        // What is fitted on all rows also moves the column that uses it.
        assert_eq!(named.into_iter().collect::<Vec<_>>(), expected, "{leak:?}: {certificate:#?}");
    }
}

#[test]
fn the_lead_is_told_with_its_column_entity_and_time() {
    let certificate = certificate(Leak::Lead, &Plan::default());
    let finding = &certificate.tests[0].findings[0];

    assert_eq!(
        (finding.operator.as_deref(), finding.column.as_deref()),
        (Some("mutant"), Some("leaky"))
    );
    assert!(finding.entity.is_some() && finding.at.is_some());
}

#[test]
fn an_exhaustive_audit_says_the_same_of_features_that_are_right() {
    let plan = Plan { cuts: 4, effort: Effort::Exhaustive, ..Plan::default() };

    let small =
        audit(&Toy(Leak::None), &RidgeModelling::default(), &panel(3, 200, 2), &plan).unwrap();

    assert_eq!(failed(&small), [""; 0], "{small:#?}");
}

/// A model that does not say what it was fitted on.
struct Liar;

impl Modelling for Liar {
    fn fit(&self, rows: &TrainingRows<'_>) -> Result<Modelled, SubjectError> {
        let mut model = RidgeModelling::default().fit(rows)?;
        model.range.apart = Apart::Time(Vec::new());
        Ok(model)
    }
}

#[test]
fn a_model_that_lies_about_its_rows_is_found() {
    let certificate = audit(&Toy(Leak::None), &Liar, &panel(3, 400, 1), &Plan::default()).unwrap();

    assert_eq!(failed(&certificate), ["T9"]);
    let told: Vec<&str> =
        certificate.tests[8].findings.iter().map(|finding| finding.what.as_str()).collect();
    assert!(told.iter().any(|what| what.contains("lets itself be judged")), "{told:?}");
}

#[test]
fn a_shorter_embargo_is_noted_and_a_panel_of_one_entity_has_no_neighbours() {
    let mut split = Plan::default().split;
    split["embargo"] = "1h".into();
    split["shorter_embargo_because"] = "windows of the test may look back".into();
    let plan = Plan { split, ..Plan::default() };

    let certificate =
        audit(&Toy(Leak::None), &RidgeModelling::default(), &panel(1, 900, 1), &plan).unwrap();

    assert_eq!(certificate.tests[5].outcome, Outcome::NotApplicable);
    assert!(
        certificate.tests[3].notes[0].contains("windows of the test may look back"),
        "{certificate:#?}"
    );
}

#[test]
fn what_is_no_panel_is_refused_with_all_that_is_wrong() {
    let mut odd = panel(2, 100, 1);
    odd.series[1].entity = odd.series[0].entity.clone();
    odd.series[0].event[5] = odd.series[0].event[4];

    let refused =
        audit(&Toy(Leak::None), &RidgeModelling::default(), &odd, &Plan::default()).unwrap_err();

    let source = std::error::Error::source(&refused).unwrap().to_string();
    assert!(source.contains("comes twice") && source.contains("does not come after"), "{source}");
}

#[test]
fn every_file_of_the_folders_is_an_audit_or_a_canary() {
    let files = |folder: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        std::fs::read_dir(folder).unwrap().count()
    };
    let ids: Vec<&str> = crate::audits::all().iter().map(|audit| audit.id).collect();

    assert_eq!(ids, ["T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"]);
    assert_eq!(files("audits"), ids.len());
    // One file plants four ratios of noise, and one two lags.
    assert_eq!(files("canaries") + 3 + 1, crate::canaries::all().len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn no_panel_makes_right_features_look_wrong(entities in 1_usize..5, rows in 150_usize..260, seed in 0_u64..1000) {
        let certificate = audit(&Toy(Leak::None), &RidgeModelling::default(), &panel(entities, rows, seed), &Plan::default()).unwrap();
        prop_assert_eq!(failed(&certificate), [""; 0], "{:#?}", certificate);
    }
}
