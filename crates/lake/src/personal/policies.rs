//! What is decided about each column, and doing it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::detect::{Finding, find};
use super::error::{PersonalDataError, PolicyProblem, TreatError, UntreatedColumn};
use super::key::{Key, Tokens};
use super::mask::mask;
use super::report::{ColumnReport, FindingReport, PersonalDataReport};
use super::sample::Sampler;
use super::settings::{OnFind, PersonalData, Treatment};
use super::text::{Texts, has_text};
use crate::nearest::suggest;

/// What is done to each column of a table.
#[derive(Clone, Debug)]
pub struct Policies {
    before: SchemaRef,
    after: SchemaRef,
    steps: Vec<Step>,
    report: PersonalDataReport,
}

/// What is done to one column.
#[derive(Clone, Debug)]
enum Step {
    Keep,
    Drop,
    Mask,
    Hash(Arc<Key>),
    Tokenise(Arc<Tokens>),
}

impl Policies {
    /// Decides about every column of the table `schema` of a data set, from what the user says and what a sample holds.
    ///
    /// `environment` gives the value of an environment variable, and is asked for the key alone. All mistakes are told at once.
    pub fn new(
        settings: &PersonalData,
        dataset: &str,
        schema: &SchemaRef,
        sampler: &Sampler,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, PersonalDataError> {
        let mut problems = mistakes(settings, schema);
        let key = key(settings, environment).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        if !problems.is_empty() {
            return Err(PersonalDataError::Settings { problems });
        }
        let findings = find(sampler.samples());
        let columns = untreated(settings, &findings);
        if !columns.is_empty() && settings.on_find == OnFind::Fail {
            return Err(PersonalDataError::Untreated { columns });
        }
        let key = key.map(Arc::new);
        let tokens = key.as_ref().map(|key| Arc::new(key.tokens(dataset)));
        let treatments = schema.fields().iter().map(|field| settings.columns.get(field.name()));
        let steps =
            treatments.map(|treatment| step(treatment.copied(), key.as_ref(), tokens.as_ref()));
        let steps: Vec<Step> = steps.collect();
        let report = PersonalDataReport {
            key_id: key.map(|key| key.id().to_owned()),
            confident_from: settings.confident_from,
            columns: reports(settings, schema, &findings),
        };
        Ok(Self { before: schema.clone(), after: schema_after(schema, &steps), steps, report })
    }

    /// The schema of what comes out: columns that are replaced are text, dropped ones are missing.
    pub fn schema(&self) -> &SchemaRef {
        &self.after
    }

    /// What is done, for the manifest.
    pub fn report(&self) -> &PersonalDataReport {
        &self.report
    }

    /// Looks at another sample of the same table: what is found is added to the report, and is an error like in the first one.
    pub fn assess(
        &self,
        settings: &PersonalData,
        sampler: &Sampler,
    ) -> Result<PersonalDataReport, PersonalDataError> {
        let findings = find(sampler.samples());
        let columns = untreated(settings, &findings);
        if !columns.is_empty() && settings.on_find == OnFind::Fail {
            return Err(PersonalDataError::Untreated { columns });
        }
        Ok(self.report.clone().with(&reports(settings, &self.before, &findings), &self.before))
    }

    /// Treats a batch of the table. Nulls stay nulls.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, TreatError> {
        if batch.schema_ref().fields() != self.before.fields() {
            return Err(TreatError::OtherTable);
        }
        let mut columns = Vec::with_capacity(self.after.fields().len());
        for ((field, step), column) in
            self.before.fields().iter().zip(&self.steps).zip(batch.columns())
        {
            let treated = match step {
                Step::Drop => continue,
                Step::Keep => column.clone(),
                Step::Mask => replaced(field, column, mask)?,
                Step::Hash(key) => replaced(field, column, |value| key.hash(value))?,
                Step::Tokenise(tokens) => replaced(field, column, |value| tokens.token(value))?,
            };
            columns.push(treated);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.after.clone(), columns, &options)
            .map_err(|source| TreatError::Assemble { source })
    }
}

/// What is wrong with the settings, but for the key's value.
fn mistakes(settings: &PersonalData, schema: &Schema) -> Vec<PolicyProblem> {
    let mut problems = Vec::new();
    if !(0.0..=1.0).contains(&settings.confident_from) {
        problems.push(PolicyProblem {
            column: None,
            message: format!("`confident_from` is {}", settings.confident_from),
            hint: "give a number between 0 and 1".to_owned(),
        });
    }
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    for (column, treatment) in &settings.columns {
        let Ok(field) = schema.field_with_name(column) else {
            problems.push(PolicyProblem {
                column: Some(column.clone()),
                message: format!("there is no column `{column}` to {}", treatment.label()),
                hint: suggest(column, "columns", names.iter().copied()),
            });
            continue;
        };
        if treatment.replaces() && !has_text(field.data_type()) {
            let label = treatment.label();
            problems.push(PolicyProblem {
                column: Some(column.clone()),
                message: format!(
                    "there is no way to {label} column `{column}` of type {}",
                    field.data_type()
                ),
                hint: format!("keep or drop `{column}`, or land its parts as columns of their own"),
            });
        }
    }
    problems
}

/// The key, if any column needs one.
fn key(
    settings: &PersonalData,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Key>, PolicyProblem> {
    const MAKE_ONE: &str =
        "make one with `openssl rand -hex 32`, and keep it where secrets are kept";
    let Some((column, treatment)) = settings.columns.iter().find(|(_, one)| one.needs_key()) else {
        return Ok(None);
    };
    let Some(variable) = &settings.key else {
        return Err(PolicyProblem {
            column: Some(column.clone()),
            message: format!("there is no key to {} column `{column}` with", treatment.label()),
            hint: "name the environment variable that has it: `key: TIDEMILL_PERSONAL_KEY`"
                .to_owned(),
        });
    };
    let Some(secret) = environment(variable) else {
        return Err(PolicyProblem {
            column: None,
            message: format!("the environment variable `{variable}` with the key is not set"),
            hint: MAKE_ONE.to_owned(),
        });
    };
    let refused = |error: super::KeyError| PolicyProblem {
        column: None,
        message: error.to_string(),
        hint: MAKE_ONE.to_owned(),
    };
    Key::new(variable, &secret).map(Some).map_err(refused)
}

/// The columns with confident finds about which nothing is decided.
fn untreated(settings: &PersonalData, findings: &[Finding]) -> Vec<UntreatedColumn> {
    let mut columns: Vec<UntreatedColumn> = Vec::new();
    for finding in findings {
        let is_decided = settings.columns.contains_key(&finding.column);
        if is_decided || finding.confidence < settings.confident_from {
            continue;
        }
        match columns.iter_mut().find(|known| known.column == finding.column) {
            Some(known) => known.findings.push(finding.clone()),
            None => columns.push(UntreatedColumn {
                column: finding.column.clone(),
                findings: vec![finding.clone()],
            }),
        }
    }
    columns
}

fn step(
    treatment: Option<Treatment>,
    key: Option<&Arc<Key>>,
    tokens: Option<&Arc<Tokens>>,
) -> Step {
    const KEY: &str = "a key was asked for where a treatment needs one";
    match treatment {
        None | Some(Treatment::Keep) => Step::Keep,
        Some(Treatment::Drop) => Step::Drop,
        Some(Treatment::Mask) => Step::Mask,
        Some(Treatment::Hash) => Step::Hash(key.expect(KEY).clone()),
        Some(Treatment::Tokenise) => Step::Tokenise(tokens.expect(KEY).clone()),
    }
}

fn schema_after(schema: &Schema, steps: &[Step]) -> SchemaRef {
    let mut fields = Vec::new();
    for (field, step) in schema.fields().iter().zip(steps) {
        match step {
            Step::Drop => {}
            Step::Keep => fields.push(field.clone()),
            Step::Mask | Step::Hash(_) | Step::Tokenise(_) => {
                let text = Field::new(field.name(), DataType::Utf8, field.is_nullable());
                fields.push(Arc::new(text.with_metadata(field.metadata().clone())));
            }
        }
    }
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn reports(settings: &PersonalData, schema: &Schema, findings: &[Finding]) -> Vec<ColumnReport> {
    let mut reports = Vec::new();
    for field in schema.fields() {
        let of_column = findings.iter().filter(|finding| finding.column == *field.name());
        let finds: Vec<FindingReport> = of_column.map(FindingReport::from).collect();
        let treatment = settings.columns.get(field.name()).copied();
        if treatment.is_some() || !finds.is_empty() {
            reports.push(ColumnReport { column: field.name().clone(), treatment, finds });
        }
    }
    reports
}

/// A column of text with every value replaced.
fn replaced(
    field: &Field,
    column: &ArrayRef,
    replace: impl Fn(&str) -> String,
) -> Result<ArrayRef, TreatError> {
    let unreadable = |row| TreatError::Unreadable { column: field.name().clone(), row };
    let texts = Texts::of(column).ok_or_else(|| unreadable(0))?;
    let mut builder = StringBuilder::with_capacity(column.len(), column.len() * 16);
    for row in 0..column.len() {
        let value = texts.get(row).map_err(|_| unreadable(row))?;
        builder.append_option(value.map(|value| replace(&value)));
    }
    Ok(Arc::new(builder.finish()))
}
