//! What was found and what was done, for the manifest.

use datafusion::arrow::datatypes::Schema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::detect::Finding;
use super::settings::Treatment;

/// What was done about personal data. Has no values in it, and no key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonalDataReport {
    /// Which key hashes and tokens were made with.
    pub key_id: Option<String>,
    /// How sure a find had to be to ask for a decision.
    pub confident_from: f64,
    /// The columns about which there is something to say, in the order of the table.
    pub columns: Vec<ColumnReport>,
}

impl PersonalDataReport {
    /// The same with what another sample of the table shows: of each detector the surer find.
    pub(super) fn with(mut self, others: &[ColumnReport], schema: &Schema) -> Self {
        for other in others {
            let Some(known) = self.columns.iter_mut().find(|one| one.column == other.column) else {
                self.columns.push(other.clone());
                continue;
            };
            for find in &other.finds {
                match known.finds.iter_mut().find(|one| one.detector == find.detector) {
                    Some(known) if known.confidence >= find.confidence => {}
                    Some(known) => known.clone_from(find),
                    None => known.finds.push(find.clone()),
                }
            }
            known.finds.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
        }
        self.columns.sort_by_key(|column| schema.index_of(&column.column).ok());
        self
    }

    /// The columns that hold personal data, treated or not: what is shown of them elsewhere has to be masked.
    ///
    /// These are the columns that were kept, masked, hashed or tokenised by decision, and those with a confident find.
    pub fn personal_columns(&self) -> impl Iterator<Item = &str> {
        let is_personal = |column: &&ColumnReport| {
            let is_left = column.treatment != Some(Treatment::Drop);
            let sure = |find: &FindingReport| find.confidence >= self.confident_from;
            is_left && (column.treatment.is_some() || column.finds.iter().any(sure))
        };
        self.columns.iter().filter(is_personal).map(|column| column.column.as_str())
    }
}

/// What was found in a column, and what was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnReport {
    /// The column.
    pub column: String,
    /// What was done; nothing, if nobody decided anything.
    pub treatment: Option<Treatment>,
    /// What a sample seemed to hold, the surest first.
    pub finds: Vec<FindingReport>,
}

/// Personal data that a column seems to hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingReport {
    /// The detector's name.
    pub detector: String,
    /// Between 0 and 1, rounded to thousandths.
    pub confidence: f64,
    /// How many of the sample's values matched.
    pub matching: u64,
    /// How many values the sample had.
    pub values: u64,
}

impl From<&Finding> for FindingReport {
    fn from(finding: &Finding) -> Self {
        Self {
            detector: finding.detector.to_owned(),
            confidence: (finding.confidence * 1000.0).round() / 1000.0,
            matching: finding.matching,
            values: finding.values,
        }
    }
}
