//! The pipeline file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::calendar::Country;
use crate::operators;
use crate::panel::{Duplicates, GridRule, Infinities, Order};
use crate::time::{Reach, Span, Timestamp};

/// Features of a table of time series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineFile {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where training ends and validation ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// The column that tells series apart.
    pub entity_id: String,
    /// The column of event times.
    pub timestamp: String,
    /// The column that is predicted.
    pub target: String,
    /// The step of regular rows, such as `1m`; `infer` takes the step that nine of ten rows have, `irregular` says that there is none.
    #[serde(default)]
    pub grid: GridText,
    /// The time zone of the calendar.
    #[serde(default = "utc")]
    pub timezone: String,
    /// What becomes of rows that are not in order.
    #[serde(default)]
    pub unsorted: Order,
    /// What becomes of several rows of one entity and time.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// What becomes of infinite numbers.
    #[serde(default)]
    pub infinities: Infinities,
    /// Rows of an entity that has less history than this are cold.
    #[serde(default = "two_hours")]
    pub minimum_history: Span,
    /// What is predicted of the target.
    #[serde(default)]
    pub targets: Targets,
    /// What is special about columns, by name. A column that is not here is observed, and known at its event time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub covariates: BTreeMap<String, Covariate>,
    /// Columns of numbers that are features as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numeric: Vec<String>,
    /// Lags, windows and averages of the target, or of other columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporal_features: Option<TemporalFeatures>,
    /// The calendar, the clock and the age of the series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend_seasonality: Option<TrendSeasonality>,
    /// What is done to all features that are numbers, but for calendars and encodings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robust: Option<Robust>,
    /// Encodings of categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categoricals: Option<Categoricals>,
    /// Combinations of columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactions: Option<Interactions>,
    /// Any operators, in the order in which they are computed; each may read columns of those before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<FeatureItem>,
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn two_hours() -> Span {
    Span::minutes(120)
}

/// How rows are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitMethod {
    /// By time.
    Time,
}

/// Where training ends and validation ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// How rows are split.
    pub method: SplitMethod,
    /// The last time of training.
    pub train_end: Timestamp,
    /// The last time of validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_end: Option<Timestamp>,
}

/// The grid as it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GridText(pub GridRule);

impl<'de> Deserialize<'de> for GridText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        match &*text {
            "infer" => Ok(Self(GridRule::Inferred)),
            "irregular" => Ok(Self(GridRule::Irregular)),
            text => match text.parse() {
                Ok(Span(0)) | Err(_) => Err(D::Error::custom(format!(
                    "`{text}` is no grid; write `infer`, `irregular` or a length of time, such as `1m`"
                ))),
                Ok(span) => Ok(Self(GridRule::Declared(span))),
            },
        }
    }
}

impl Serialize for GridText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            GridRule::Inferred => serializer.serialize_str("infer"),
            GridRule::Irregular => serializer.serialize_str("irregular"),
            GridRule::Declared(span) => span.serialize(serializer),
        }
    }
}

impl JsonSchema for GridText {
    fn schema_name() -> Cow<'static, str> {
        "Grid".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The step of regular rows, such as `1m`; or `infer`, or `irregular`.",
            "examples": ["1m", "infer", "irregular"],
        })
    }
}

/// In which form the target is predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetForm {
    /// As it is.
    Level,
    /// What it differs from the last value that is known.
    #[default]
    Difference,
    /// Over the last value that is known, minus 1.
    Ratio,
    /// A class, which is not counted with.
    Class,
}

/// What is predicted of the target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// How far ahead: one label for each; that of the row itself where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub horizons: Vec<Reach>,
    /// In which form.
    #[serde(default)]
    pub form: TargetForm,
    /// How long after its event time the target is known.
    #[serde(default)]
    pub delay: Span,
    /// A column with the time at which the label of a row was known, where that is no fixed delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_time: Option<String>,
}

/// When values of a column can be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CovariateClass {
    /// The same for all times of an entity.
    Static,
    /// Known before they happen.
    KnownAhead,
    /// Known when they happened, and were published.
    #[default]
    Observed,
}

/// What is special about a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Covariate {
    /// When its values can be known.
    #[serde(default)]
    pub class: CovariateClass,
    /// How long after their event time they are known.
    #[serde(default)]
    pub delay: Span,
    /// How long before their event time they are known, for `known_ahead`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<Span>,
}

/// A window with its statistics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollingItem {
    /// The window that ends before the row.
    pub window: Reach,
    /// Its statistics: mean, std, min, max, sum, median, skew, slope, count, `share_missing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stats: Vec<String>,
    /// Its quantiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
    /// With fewer values its statistics are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u32>,
}

/// An exponential moving average, by one of its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmaItem {
    /// The span in steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<f64>,
    /// The weight of a new value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// After this the weight of a value is half of what it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life: Option<Reach>,
}

/// Lags, windows and averages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemporalFeatures {
    /// Of these columns; of the target where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Values of earlier times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lags: Vec<Reach>,
    /// Differences of the last value to earlier ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Reach>,
    /// Windows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rolling: Vec<RollingItem>,
    /// Statistics of all the past.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expanding: Vec<String>,
    /// Exponential moving averages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ema: Vec<EmaItem>,
}

/// Waves of a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FourierItem {
    /// The length of a period.
    pub period: Reach,
    /// How many waves.
    pub order: u8,
}

/// The calendar, the clock and the age of the series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub struct TrendSeasonality {
    /// The days since the first row of the series.
    #[serde(default)]
    pub trend: bool,
    /// The hour.
    #[serde(default)]
    pub hour: bool,
    /// The day of the week.
    #[serde(default)]
    pub dow: bool,
    /// The month.
    #[serde(default)]
    pub month: bool,
    /// Sine and cosine of the time of day.
    #[serde(default)]
    pub tod_sin_cos: bool,
    /// Sine and cosine of the time of the week.
    #[serde(default)]
    pub tow_sin_cos: bool,
    /// Sine and cosine of the day of the year.
    #[serde(default)]
    pub doy_sin_cos: bool,
    /// Public holidays of these countries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Country>,
    /// Waves of other periods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fourier: Vec<FourierItem>,
}

/// What is done to all features that are numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Robust {
    /// Bounds by quantiles of the training rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winsorize: Option<crate::operators::WinsoriseParams>,
    /// A scale by the training rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaler: Option<crate::operators::Scaler>,
}

/// Columns of hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashedCategories {
    /// Which columns.
    pub columns: Vec<String>,
    /// How many columns of hashes for each.
    pub buckets: u16,
}

/// Target encodings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetEncodingItem {
    /// Which columns.
    pub columns: Vec<String>,
    /// In so many stretches of the training range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cv_folds: Option<u8>,
    /// The mean of all labels weighs as much as so many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoothing: Option<f64>,
}

/// Encodings of categories.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Categoricals {
    /// A column for each category.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_hot: Vec<String>,
    /// The place in the order of names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ordinal: Vec<String>,
    /// The share of training rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frequency: Vec<String>,
    /// Columns of hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashing: Option<HashedCategories>,
    /// Means of earlier labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_encoding: Option<TargetEncodingItem>,
}

/// Powers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Polynomials {
    /// Of which columns.
    pub columns: Vec<String>,
    /// Up to this one.
    pub degree: u8,
}

/// Combinations of columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interactions {
    /// Each the first column over the second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ratios: Vec<Vec<String>>,
    /// Each the product of columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<Vec<String>>,
    /// Powers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polynomials: Option<Polynomials>,
}

/// One operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureItem {
    /// Which operator.
    #[schemars(schema_with = "operator_names")]
    pub op: String,
    /// The column that it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The columns that it reads: one operator for each, or one for all where it is about several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
    /// What its columns are called; the name of the column that it reads, and what it does, where this is left out.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether its columns are features, or only for operators after it.
    #[serde(default = "yes")]
    pub keep: bool,
}

const fn yes() -> bool {
    true
}

fn operator_names(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = operators::all().iter().map(|kind| kind.name).collect();
    json_schema!({ "type": "string", "enum": names })
}
