//! Pipelines: from a file to a plan.

mod document;
mod items;
mod plan;
mod planner;
mod read;

pub use document::{
    Categoricals, Covariate, CovariateClass, EmaItem, FeatureItem, FourierItem, GridText,
    HashedCategories, Interactions, PipelineFile, Polynomials, Robust, RollingItem, Split,
    SplitMethod, TargetEncodingItem, TargetForm, Targets, TemporalFeatures, TrendSeasonality,
};
pub(crate) use plan::hex as hex_of;
pub use plan::{ColumnId, Feature, Node, Plan, Provenance};
pub use read::{Known, Pipeline};

/// The JSON Schema of pipeline files.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(PipelineFile).to_value()
}
