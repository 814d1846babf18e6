//! The statistics of a window.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A statistic of the values of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stat {
    /// The mean.
    Mean,
    /// The standard deviation of a sample.
    Std,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The sum.
    Sum,
    /// The middle one of the sorted values.
    Median,
    /// The skewness of a sample, adjusted for its size.
    Skew,
    /// The slope of the least-squares line, per hour.
    Slope,
    /// How many values there are.
    Count,
    /// The share of the grid's times that have no value.
    ShareMissing,
}

impl Stat {
    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Std => "std",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Median => "median",
            Self::Skew => "skew",
            Self::Slope => "slope",
            Self::Count => "count",
            Self::ShareMissing => "share_missing",
        }
    }
}
