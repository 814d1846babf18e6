//! What a user says about personal data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::detect::CONFIDENT;

/// What is to become of personal data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PersonalData {
    /// What is to become of each column, by its name.
    pub columns: BTreeMap<String, Treatment>,
    /// The environment variable with the key that `hash` and `tokenise` need.
    pub key: Option<String>,
    /// What happens where personal data is found in a column that is not in `columns`.
    pub on_find: OnFind,
    /// How sure a find has to be to count as one, between 0 and 1.
    pub confident_from: f64,
}

impl PersonalData {
    /// Tells whether values of any column are not to be seen: then they must not be shown by other ways either, such as the text of
    /// a rejected row.
    pub fn hides_values(&self) -> bool {
        self.columns.values().any(|treatment| *treatment != Treatment::Keep)
    }
}

impl Default for PersonalData {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            key: None,
            on_find: OnFind::default(),
            confident_from: CONFIDENT,
        }
    }
}

/// What is to become of the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// They stay.
    Keep,
    /// They are hidden but for their shape, their end or their domain.
    Mask,
    /// They are replaced by a keyed hash that is the same in all data sets with the same key.
    Hash,
    /// They are replaced by a token that is the same within the data set alone.
    #[serde(alias = "tokenize")]
    Tokenise,
    /// The column is left out.
    Drop,
}

impl Treatment {
    /// Tells whether values are replaced, by text.
    pub fn replaces(self) -> bool {
        match self {
            Self::Mask | Self::Hash | Self::Tokenise => true,
            Self::Keep | Self::Drop => false,
        }
    }

    /// Tells whether it takes a key.
    pub fn needs_key(self) -> bool {
        match self {
            Self::Hash | Self::Tokenise => true,
            Self::Keep | Self::Mask | Self::Drop => false,
        }
    }

    /// As it is written in a file.
    pub fn label(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Mask => "mask",
            Self::Hash => "hash",
            Self::Tokenise => "tokenise",
            Self::Drop => "drop",
        }
    }
}

/// What happens on a find that nobody decided about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFind {
    /// Nothing is written.
    #[default]
    Fail,
    /// The find is reported, and the column is written as it is.
    Report,
}
