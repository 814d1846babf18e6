//! Canaries: leaks that are planted to see whether an audit finds them, and controls that it must not flag. A canary is one file in this
//! folder and one line in the list below.

use crate::panel::{Panel, Series};
use crate::seed::Seed;
use crate::time::{Span, Timestamp};

mod back_fill;
mod centred_mean;
mod duplicated_rows;
mod encoding_id;
mod global_z_score;
mod known_lag;
mod late_stamp;
mod lead;
mod noisy_lead;
mod past_mean;

/// All canaries: one line for each; a noisy lead for each ratio of signal to noise.
static KINDS: &[CanaryKind] = &[
    CanaryKind::of::<back_fill::BackFill>(),
    CanaryKind::of::<centred_mean::CentredMean>(),
    CanaryKind::of::<duplicated_rows::DuplicatedRows>(),
    CanaryKind::of::<encoding_id::EncodingId>(),
    CanaryKind::of::<global_z_score::GlobalZScore>(),
    CanaryKind::of::<known_lag::KnownLag<1>>(),
    CanaryKind::of::<known_lag::KnownLag<24>>(),
    CanaryKind::of::<late_stamp::LateStamp>(),
    CanaryKind::of::<lead::Lead>(),
    CanaryKind::of::<noisy_lead::NoisyLead<100>>(),
    CanaryKind::of::<noisy_lead::NoisyLead<10>>(),
    CanaryKind::of::<noisy_lead::NoisyLead<1>>(),
    CanaryKind::of::<noisy_lead::NoisyLead<0>>(),
    CanaryKind::of::<past_mean::PastMean>(),
];

/// All canaries.
pub fn all() -> &'static [CanaryKind] {
    KINDS
}

/// What a canary is planted with.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How far ahead the target lies.
    pub horizon: Span,
    /// Where the test begins, for what is planted across that.
    pub split: Timestamp,
    /// Where chance begins.
    pub seed: Seed,
}

/// What was planted.
#[derive(Clone, Debug, PartialEq)]
pub enum Planted {
    /// A column of features: for each series, one number for each row.
    Column(Vec<Vec<f64>>),
    /// A column of the data, as it would lie there already: for each series, one number for each row.
    Data(Vec<Vec<f64>>),
    /// A panel with something more in it.
    Panel(Panel),
}

/// Which test must find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// Another future changes the past (T1).
    Future,
    /// Values carry moments that had not come (T4).
    Clock,
    /// Rows of the test are rows of the training (T9).
    Twins,
    /// One column predicts too well (T10).
    TooGood,
    /// None: it is a control.
    Nothing,
}

/// One kind of canary: a pure function of a panel.
pub trait Canary: 'static {
    /// In certificates; never renamed. The name of the file too, but for what is planted in several strengths.
    const NAME: &'static str;
    /// What it is, in a line.
    const ABOUT: &'static str;
    /// Which test must find it.
    const FOUND_BY: FoundBy;

    /// Plants it.
    fn plant(panel: &Panel, setting: &Setting) -> Planted;
}

/// A kind of canary without its type.
pub struct CanaryKind {
    /// In certificates.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Which test must find it.
    pub found_by: FoundBy,
    /// Plants it.
    pub plant: fn(&Panel, &Setting) -> Planted,
}

impl CanaryKind {
    const fn of<C: Canary>() -> Self {
        Self { name: C::NAME, about: C::ABOUT, found_by: C::FOUND_BY, plant: C::plant }
    }
}

/// A column from a function of the target and the row.
fn column(panel: &Panel, of: impl Fn(&Series, &[f64], usize) -> f64) -> Vec<Vec<f64>> {
    let of_series = |series: &Series| {
        let target = panel.target_of(series);
        (0..series.event.len()).map(|row| of(series, target, row)).collect()
    };
    panel.series.iter().map(of_series).collect()
}

/// The first value at or after a moment.
fn value_from(series: &Series, target: &[f64], at: Timestamp) -> f64 {
    let row = series.event.partition_point(|event| *event < at);
    target.get(row).copied().unwrap_or(f64::NAN)
}

/// The mean of what is not missing; NaN of nothing.
fn mean_of_present(values: &[f64]) -> f64 {
    let present: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    crate::maths::mean(&present)
}
