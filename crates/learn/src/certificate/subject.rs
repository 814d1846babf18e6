//! What is audited, as far as an audit needs to know it.

use std::error::Error;

use serde::Serialize;

use crate::dataset::{FitRange, Overlap, Purpose, TestRows, TrainingRows};
use crate::digest::Digest;
use crate::model::{Fitted, Learner, Ridge, Sample};
use crate::panel::Panel;
use crate::seed::Seed;
use crate::time::{Span, Timestamp};

/// What an operator may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// What was known by the time of the row.
    Causal,
    /// Also statistics of the training rows.
    FoldSafe,
}

/// A column of features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeatureColumn {
    /// Its name.
    pub name: String,
    /// The operator that makes it.
    pub operator: String,
    /// What the operator may know.
    pub grade: Grade,
    /// Whether the past of other entities counts.
    pub is_pooled: bool,
}

/// The features of one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureSeries {
    /// The entity.
    pub entity: String,
    /// When each row happened.
    pub event: Vec<Timestamp>,
    /// One for each column; categories as codes, NaN is missing.
    pub values: Vec<Vec<f64>>,
}

/// What was fitted by an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FittedPart {
    /// The operator.
    pub operator: String,
    /// Of its parameters.
    pub digest: Digest,
}

/// Features of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// The columns.
    pub columns: Vec<FeatureColumn>,
    /// One for each entity that has rows.
    pub series: Vec<FeatureSeries>,
    /// What was fitted on the way.
    pub fitted: Vec<FittedPart>,
}

/// How features are to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is fitted is fitted on what was known by then.
    pub fit_until: Timestamp,
    /// How many rows are worked on at once; as the subject likes, unless given.
    pub chunk_rows: Option<usize>,
    /// On how many threads; as the subject likes, unless given.
    pub threads: Option<usize>,
}

impl Request {
    /// As the subject likes, fitted on what was known by a time.
    pub const fn fit_until(fit_until: Timestamp) -> Self {
        Self { fit_until, chunk_rows: None, threads: None }
    }
}

/// Whatever a subject fails with.
pub type SubjectError = Box<dyn Error + Send + Sync>;

/// Something that makes features of a panel.
pub trait Subject: Sync {
    /// Of the code and its settings.
    fn code(&self) -> Digest;

    /// How far ahead the target lies.
    fn horizon(&self) -> Span;

    /// How far back the longest feature looks.
    fn window(&self) -> Span;

    /// Whether infinite values are worked on; else the audit does not use them.
    fn takes_infinities(&self) -> bool {
        true
    }

    /// The features of all rows. Rows may be left out; those that are there stand in the order of the panel.
    ///
    /// # Errors
    /// Where the panel cannot be worked on.
    fn transform(&self, panel: &Panel, request: Request) -> Result<Features, SubjectError>;

    /// What it must remember of a panel to go on with the next rows, as bytes; none where it cannot go on.
    ///
    /// # Errors
    /// Where the panel cannot be worked on.
    fn state(&self, panel: &Panel, request: Request) -> Result<Option<Vec<u8>>, SubjectError>;

    /// The features of the next rows, and what to remember then.
    ///
    /// # Errors
    /// Where the state or the rows cannot be worked on.
    fn resume(&self, state: &[u8], rows: &Panel) -> Result<(Features, Vec<u8>), SubjectError>;
}

/// A fitted model, as far as an audit needs to know it.
pub struct Modelled {
    /// The trial that won, where there was a search.
    pub trial: String,
    /// What it was fitted on.
    pub range: FitRange,
    /// The model.
    pub fitted: Box<dyn Fitted>,
}

impl Modelled {
    /// Predictions for rows, from the features that the model was fitted on.
    ///
    /// # Errors
    /// Where the rows overlap with the fit and are to judge it.
    pub fn score(&self, rows: &TestRows<'_>, purpose: Purpose) -> Result<Vec<f64>, Overlap> {
        self.range.admit(rows, purpose)?;
        let columns: Vec<Vec<f64>> =
            (0..rows.features()).map(|feature| rows.feature(feature)).collect();
        Ok(self.fitted.predict(&columns, rows.len()))
    }
}

/// Something that fits a model on features.
pub trait Modelling: Sync {
    /// Fits a model of the first target on all features; inner folds of the rows' fold may be used to choose.
    ///
    /// # Errors
    /// Where nothing can be learned.
    fn fit(&self, rows: &TrainingRows<'_>) -> Result<Modelled, SubjectError>;
}

/// Ridge regression on all features: what audits use where nothing else is given.
#[derive(Clone, Debug, Default)]
pub struct RidgeModelling {
    /// The learner.
    pub ridge: Ridge,
}

impl Modelling for RidgeModelling {
    fn fit(&self, rows: &TrainingRows<'_>) -> Result<Modelled, SubjectError> {
        let features: Vec<usize> = (0..rows.feature_names().len()).collect();
        let fitted = self.ridge.fit(&Sample::of(rows, &features, 0), Seed(0))?;
        let code = Digest::of(concat!("tidemill ridge ", env!("CARGO_PKG_VERSION")).as_bytes());
        Ok(Modelled { trial: "ridge".to_owned(), range: rows.fit_range(code), fitted })
    }
}
