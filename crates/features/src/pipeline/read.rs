//! Pipelines as they are read: what is wrong with a file whatever the table.

use chrono_tz::Tz;
use serde_json::Value;

use super::document::PipelineFile;
use super::items::{Item, items};
use super::plan::Plan;
use super::planner::Planner;
use crate::mistake::{Mistake, suggest};
use crate::operator::{OperatorKind, Reads, Site, typed};
use crate::operators;
use crate::panel::{GridRule, Panel};
use crate::time::Span;

/// A column of a table, as far as a plan must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Whether it holds categories.
    pub is_category: bool,
}

impl Known {
    /// The columns of a panel.
    pub fn columns_of(panel: &Panel) -> Vec<Self> {
        let known = |column: &crate::panel::Column| Self {
            name: column.name.clone(),
            is_category: column.labels.is_some(),
        };
        panel.columns().iter().map(known).collect()
    }
}

/// A pipeline file that was read, and has no mistakes that can be seen without a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    pub(super) file: PipelineFile,
    pub(super) zone: Tz,
}

impl Pipeline {
    /// Reads a pipeline from its document.
    pub fn read(document: &Value) -> Result<Self, Vec<Mistake>> {
        if !document.is_object() {
            let mistake = Mistake::new("", "a pipeline is a mapping");
            return Err(vec![mistake.hint("start with `entity_id:`, `timestamp:` and `target:`")]);
        }
        let file: PipelineFile = typed(document.clone()).map_err(|mistake| vec![mistake])?;
        let zone: Result<Tz, _> = file.timezone.parse();
        let mut mistakes = Vec::new();
        if zone.is_err() {
            let message = format!("`{}` is no time zone", file.timezone);
            let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
            mistakes.push(Mistake::new("/timezone", message).hint(suggest(
                &file.timezone,
                "time zones",
                names,
            )));
        }
        let pipeline = Self { file, zone: zone.unwrap_or(Tz::UTC) };
        mistakes.extend(pipeline.mistakes());
        if mistakes.is_empty() { Ok(pipeline) } else { Err(mistakes) }
    }

    /// The file.
    pub fn file(&self) -> &PipelineFile {
        &self.file
    }

    /// The columns of a table that it names, without those of entities and times.
    pub fn columns(&self) -> Vec<String> {
        let mut names = vec![self.file.target.clone()];
        names.extend(items(&self.file).into_iter().flat_map(|item| item.columns));
        names.extend(self.file.targets.label_time.clone());
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// Makes a plan for the columns of a table with this step.
    pub fn plan(&self, columns: &[Known], step: Option<Span>) -> Result<Plan, Vec<Mistake>> {
        let step = match self.file.grid.0 {
            GridRule::Declared(step) => Some(step),
            GridRule::Inferred => step,
            GridRule::Irregular => None,
        };
        let mut planner = Planner::new(self, columns, step);
        planner.check_file();
        for item in items(&self.file) {
            planner.add(&item);
        }
        planner.make_robust();
        planner.finish()
    }

    /// What is wrong whatever the table.
    fn mistakes(&self) -> Vec<Mistake> {
        let step = match self.file.grid.0 {
            GridRule::Declared(step) => Some(step),
            // Any would do: whether there is one is known with the table.
            GridRule::Inferred => Some(Span::minutes(1)),
            GridRule::Irregular => None,
        };
        let mut mistakes = Vec::new();
        let listed = items(&self.file);
        if listed.is_empty() {
            mistakes.push(
                Mistake::new("", "the pipeline has no features")
                    .hint("add some, as in `temporal_features: { lags: [1, 5] }`"),
            );
        }
        for item in &listed {
            let Some(kind) = operators::find(&item.op) else {
                let names = operators::all().iter().map(|kind| kind.name);
                mistakes.push(
                    Mistake::new(
                        format!("{}/op", item.pointer),
                        format!("unknown operator `{}`", item.op),
                    )
                    .hint(suggest(&item.op, "operators", names)),
                );
                continue;
            };
            mistakes.extend(wrong_columns(kind, item));
            let site = Site { columns: &item.columns, step, zone: self.zone };
            mistakes.extend(
                (kind.draft)(item.with.clone(), &site)
                    .err()
                    .map(|mistake| mistake.below(&item.with_pointer)),
            );
        }
        for (index, horizon) in self.file.targets.horizons.iter().enumerate() {
            if horizon.on(step).is_none() {
                let pointer = format!("/targets/horizons/{index}");
                mistakes.push(
                    Mistake::new(
                        pointer,
                        format!("{horizon} steps need a regular grid, and there is none"),
                    )
                    .hint("write a length of time, such as `1h`"),
                );
            }
        }
        mistakes
    }
}

fn wrong_columns(kind: &OperatorKind, item: &Item) -> Option<Mistake> {
    let (count, name) = (item.columns.len(), kind.name);
    let message = match kind.reads {
        Reads::Time if count > 0 => format!("`{name}` reads no column"),
        Reads::Number | Reads::Category | Reads::CategoryAndLabel if count == 0 => {
            format!("`{name}` needs a column")
        }
        Reads::Numbers(least) if count < least => {
            format!("`{name}` needs {least} columns, and there are {count}")
        }
        Reads::Numbers(2) if name == "ratio" && count > 2 => {
            format!("`{name}` takes two columns, and there are {count}")
        }
        Reads::Time
        | Reads::Number
        | Reads::Numbers(_)
        | Reads::Category
        | Reads::CategoryAndLabel => {
            return None;
        }
    };
    let hint = if count == 0 { "add `column: NAME`" } else { "see the columns that it is given" };
    Some(Mistake::new(item.columns_pointer.clone(), message).hint(hint))
}
