//! The kinds of checks. A kind is one file in this folder and one line in the list below.
//!
//! A kind declares its parameters, turns them into measures of the one scan (`Check::compile`), and judges what was measured. How files of
//! checks are read, scanned and reported is in [`crate::quality`].

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::quality::measure::Answers;
use crate::quality::on::{Finding, On};
use crate::quality::typed;
use crate::quality::{AuditError, Fault};

mod compound_unique;
mod distinct_count;
mod duplicate_times;
mod expression;
mod freshness;
mod gaps;
mod length;
mod max;
mod mean;
mod min;
mod monotone_time;
mod not_in_set;
mod not_null;
mod not_regex;
mod null_share;
mod quantile;
mod range;
mod references;
mod regex;
mod regular_frequency;
mod row_count;
mod row_count_change;
mod schema;
mod set;
mod std;
mod sum;
mod r#type;
mod unique;

pub(crate) use r#type::TypeName;

/// All kinds: one line for each.
static KINDS: &[CheckKind] = &[
    CheckKind::of::<compound_unique::CompoundUnique>(),
    CheckKind::of::<distinct_count::DistinctCount>(),
    CheckKind::of::<duplicate_times::DuplicateTimes>(),
    CheckKind::of::<expression::Expression>(),
    CheckKind::of::<freshness::Freshness>(),
    CheckKind::of::<gaps::Gaps>(),
    CheckKind::of::<length::Length>(),
    CheckKind::of::<max::Max>(),
    CheckKind::of::<mean::Mean>(),
    CheckKind::of::<min::Min>(),
    CheckKind::of::<monotone_time::MonotoneTime>(),
    CheckKind::of::<not_in_set::NotInSet>(),
    CheckKind::of::<not_null::NotNull>(),
    CheckKind::of::<not_regex::NotRegex>(),
    CheckKind::of::<null_share::NullShare>(),
    CheckKind::of::<quantile::Quantile>(),
    CheckKind::of::<range::Range>(),
    CheckKind::of::<references::References>(),
    CheckKind::of::<regex::Regex>(),
    CheckKind::of::<regular_frequency::RegularFrequency>(),
    CheckKind::of::<row_count::RowCount>(),
    CheckKind::of::<row_count_change::RowCountChange>(),
    CheckKind::of::<schema::Schema>(),
    CheckKind::of::<set::Set>(),
    CheckKind::of::<std::Std>(),
    CheckKind::of::<sum::Sum>(),
    CheckKind::of::<r#type::Type>(),
    CheckKind::of::<unique::Unique>(),
];

/// All kinds of checks, by name.
pub fn all() -> &'static [CheckKind] {
    KINDS
}

/// The kind with a name.
pub(crate) fn find(name: &str) -> Option<&'static CheckKind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// What a kind is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The columns of the table, not its rows.
    Schema,
    /// The table as a whole.
    Table,
    /// One column; several columns are one check of each.
    Column,
    /// Several columns together.
    Columns,
    /// One column of times: its own, or that of the file; judged for each entity of the file.
    Time,
}

/// The judgement that follows the scan.
pub(crate) type Judge = Box<dyn FnOnce(&Answers) -> Result<Finding, AuditError> + Send>;

/// One kind of check.
pub(crate) trait Check: 'static {
    /// In files and reports; never renamed. The name of the file too.
    const NAME: &'static str;
    /// What holds when it holds, in a line.
    const ABOUT: &'static str;
    const TARGET: Target;
    /// Whether it judges rows, so that a share of them may fail (`mostly`).
    const TOLERANCE: bool = false;
    type Params: DeserializeOwned + JsonSchema;

    /// What is wrong with parameters, whatever the table.
    fn examine(_: &Self::Params) -> Result<(), Fault> {
        Ok(())
    }

    /// Asks for measures of the scan and says how their answers are judged.
    fn compile(params: Self::Params, on: &mut On<'_>) -> Result<Judge, Fault>;

    /// For the conformance suite: a table where it holds, and one where it does not.
    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample;
}

/// A kind of check without its types.
pub struct CheckKind {
    /// In files and reports.
    pub name: &'static str,
    /// What holds when it holds, in a line.
    pub about: &'static str,
    /// What it is about.
    pub target: Target,
    /// Whether a share of rows may fail (`mostly`).
    pub tolerance: bool,
    schema: fn() -> schemars::Schema,
    pub(crate) examine: fn(&Map<String, Value>) -> Option<Fault>,
    pub(crate) compile: fn(&Map<String, Value>, &mut On<'_>) -> Result<Judge, Fault>,
    #[cfg(test)]
    pub(crate) sample: fn() -> crate::quality::conformance::Sample,
}

impl CheckKind {
    const fn of<C: Check>() -> Self {
        Self {
            name: C::NAME,
            about: C::ABOUT,
            target: C::TARGET,
            tolerance: C::TOLERANCE,
            schema: || schemars::schema_for!(C::Params),
            examine: |with| read::<C>(with).and_then(|params| C::examine(&params)).err(),
            compile: |with, on| C::compile(read::<C>(with)?, on),
            #[cfg(test)]
            sample: C::sample,
        }
    }

    /// The JSON Schema of its parameters.
    pub fn schema(&self) -> Value {
        (self.schema)().to_value()
    }

    /// The names of its parameters.
    pub(crate) fn parameters(&self) -> Vec<String> {
        let schema = self.schema();
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
    }
}

fn read<C: Check>(with: &Map<String, Value>) -> Result<C::Params, Fault> {
    typed(Value::Object(with.clone()), "with")
}

/// Parameters of kinds that have none.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

/// The bounds of one number.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bounds {
    /// The smallest number that is allowed.
    pub(crate) min: Option<f64>,
    /// The largest number that is allowed.
    pub(crate) max: Option<f64>,
}
