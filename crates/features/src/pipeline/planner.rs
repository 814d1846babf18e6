//! From items to nodes; all mistakes are told at once.

use serde_json::Value;

use super::document::CovariateClass;
use super::items::Item;
use super::plan::{ColumnId, Feature, Node, Plan, PlanColumn};
use super::read::{Known, Pipeline};
use crate::machines::Known as KnownMachine;
use crate::mistake::{Mistake, suggest};
use crate::operator::{Draft, Grade, OperatorKind, Reads, Sight, Site, Work};
use crate::operators;
use crate::time::{Reach, Span};

/// A plan that is being made.
pub(super) struct Planner<'a> {
    pipeline: &'a Pipeline,
    step: Option<Span>,
    horizons: Vec<Span>,
    columns: Vec<PlanColumn>,
    nodes: Vec<Node>,
    features: Vec<Feature>,
    mistakes: Vec<Mistake>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(pipeline: &'a Pipeline, known: &[Known], step: Option<Span>) -> Self {
        let column = |known: &Known| PlanColumn {
            name: known.name.clone(),
            node: None,
            is_category: known.is_category,
        };
        Self {
            pipeline,
            step,
            horizons: Vec::new(),
            columns: known.iter().map(column).collect(),
            nodes: Vec::new(),
            features: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    pub(super) fn check_file(&mut self) {
        let file = &self.pipeline.file;
        match self.columns.iter().find(|column| column.name == file.target) {
            None => self.unknown_column("/target", &file.target),
            Some(column) if column.is_category && file.targets.form != super::TargetForm::Class => {
                let message = format!("the target `{}` holds categories", file.target);
                self.mistakes.push(
                    Mistake::new("/target", message).hint("write `targets: { form: class }`"),
                );
            }
            Some(_) => {}
        }
        for (name, covariate) in &file.covariates {
            let pointer = format!("/covariates/{name}");
            if !self.columns.iter().any(|column| column.name == *name) {
                self.unknown_column(&pointer, name);
            }
            if covariate.class != CovariateClass::Observed && covariate.delay.0 > 0 {
                let message = "only a column that is observed has a delay";
                let mistake = Mistake::new(format!("{pointer}/delay"), message);
                self.mistakes.push(mistake.hint("leave it out, or write `class: observed`"));
            }
            if covariate.class != CovariateClass::KnownAhead && covariate.horizon.is_some() {
                let message = "only a column that is known ahead has a horizon";
                let mistake = Mistake::new(format!("{pointer}/horizon"), message);
                self.mistakes.push(mistake.hint("leave it out, or write `class: known_ahead`"));
            }
            if *name == file.target {
                let message = format!("`{name}` is the target");
                let mistake = Mistake::new(pointer, message);
                self.mistakes.push(
                    mistake.hint("write its delay in `targets`, as in `targets: { delay: 5m }`"),
                );
            }
        }
        if let Some(name) = &file.targets.label_time
            && !self.columns.iter().any(|column| column.name == *name && !column.is_category)
        {
            self.unknown_column("/targets/label_time", name);
        }
        let horizons = if file.targets.horizons.is_empty() {
            vec![Span(0)]
        } else {
            let each = |horizon: &Reach| horizon.on(self.step);
            let found: Option<Vec<Span>> = file.targets.horizons.iter().map(each).collect();
            found.unwrap_or_else(|| {
                let message = "horizons in steps need a regular grid, and the rows have none";
                let mistake = Mistake::new("/targets/horizons", message);
                self.mistakes.push(mistake.hint("write lengths of time, such as `1h`"));
                vec![Span(0)]
            })
        };
        self.horizons = horizons;
    }

    fn unknown_column(&mut self, pointer: &str, name: &str) {
        let known = self.columns.iter().map(|column| column.name.as_str());
        let hint = suggest(name, "columns", known);
        self.mistakes
            .push(Mistake::new(pointer, format!("there is no column `{name}`")).hint(hint));
    }

    /// Adds the nodes of an item: one for each column, or one for all.
    pub(super) fn add(&mut self, item: &Item) {
        // What is wrong with the item itself was told when the file was read.
        let Some(kind) = operators::find(&item.op) else { return };
        match kind.reads {
            Reads::Time => self.add_node(kind, item, &[]),
            Reads::Numbers(_) => self.add_node(kind, item, &item.columns),
            Reads::Number | Reads::Category | Reads::CategoryAndLabel => {
                for column in &item.columns {
                    self.add_node(kind, item, std::slice::from_ref(column));
                }
            }
        }
    }

    fn add_node(&mut self, kind: &'static OperatorKind, item: &Item, columns: &[String]) {
        let Some(mut inputs) = self.inputs(kind, item, columns) else { return };
        let site = Site { columns, step: self.step, zone: self.pipeline.zone };
        let draft = match (kind.draft)(item.with.clone(), &site) {
            Ok(draft) => draft,
            Err(mistake) => return self.mistakes.push(mistake.below(&item.with_pointer)),
        };
        let mut delay = Span(0);
        match draft.work {
            Work::Series(_) | Work::Pooled(_) => delay = self.delay(inputs[0]),
            Work::Rows(_) | Work::Fitted(_) => {
                if let Some(late) = inputs
                    .iter()
                    .find(|input| self.columns[input.0].is_category && self.delay(**input).0 > 0)
                {
                    let message = format!(
                        "column `{}` holds categories and has a delay, which no operator follows",
                        self.columns[late.0].name
                    );
                    let hint = "leave its delay out if it is static, or take the column out";
                    return self
                        .mistakes
                        .push(Mistake::new(item.columns_pointer.clone(), message).hint(hint));
                }
                inputs = inputs.into_iter().map(|input| self.known_at_row(input)).collect();
            }
        }
        if matches!(draft.work, Work::Pooled(_)) && self.columns[inputs[0].0].node.is_some() {
            let message = format!("`{}` reads columns of the table only", kind.name);
            let mistake = Mistake::new(item.columns_pointer.clone(), message);
            return self.mistakes.push(mistake.hint("name a column of the table"));
        }
        let base = item.name.clone().unwrap_or_else(|| columns.join("_"));
        let is_named = item.name.is_some() && draft.outputs.len() == 1;
        let name = |output: &String| match (output.as_str(), base.as_str()) {
            _ if is_named => base.clone(),
            ("", base) => base.to_owned(),
            (output, "") => output.to_owned(),
            (output, base) => format!("{base}_{output}"),
        };
        let names: Vec<String> = draft.outputs.iter().map(name).collect();
        let is_taken = |name: &&String| {
            let is_same = |column: &PlanColumn| {
                column.name == **name && (column.node.is_some() || kind.name != "column")
            };
            self.columns.iter().any(is_same)
        };
        if let Some(name) = names.iter().find(is_taken) {
            let mistake =
                Mistake::new(item.pointer.clone(), format!("two columns are called `{name}`"));
            return self.mistakes.push(mistake.hint("name one of them with `as`, or take it out"));
        }
        let node = self.push(kind, inputs, delay, (names, draft));
        self.nodes[node].base = base;
        if item.is_kept {
            self.keep(node);
        }
    }

    fn keep(&mut self, node: usize) {
        let outputs = &self.nodes[node].outputs;
        if outputs.is_empty() {
            self.features.push(Feature::LearntBy(node));
        }
        self.features.extend(outputs.iter().map(|column| Feature::Column(*column)));
    }

    fn push(
        &mut self,
        kind: &OperatorKind,
        inputs: Vec<ColumnId>,
        delay: Span,
        (names, draft): (Vec<String>, Draft),
    ) -> usize {
        let node = self.nodes.len();
        let mut outputs = Vec::new();
        for name in names {
            outputs.push(ColumnId(self.columns.len()));
            self.columns.push(PlanColumn { name, node: Some(node), is_category: false });
        }
        self.nodes.push(Node {
            operator: kind.name,
            grade: kind.grade,
            sight: kind.sight,
            window: draft.window,
            delay,
            inputs,
            outputs,
            work: draft.work,
            base: String::new(),
        });
        node
    }

    /// The columns that an operator reads, if it may.
    fn inputs(
        &mut self,
        kind: &OperatorKind,
        item: &Item,
        columns: &[String],
    ) -> Option<Vec<ColumnId>> {
        let wants_category = matches!(kind.reads, Reads::Category | Reads::CategoryAndLabel);
        let target = &self.pipeline.file.target;
        let is_nowcast = self.horizons.iter().any(|horizon| horizon.0 == 0);
        let mut inputs = Vec::new();
        for name in columns {
            // A column that passes through has the name of its source; the source is meant.
            let found = self.columns.iter().position(|column| column.name == *name);
            let Some(place) = found else {
                self.unknown_column(&item.columns_pointer, name);
                continue;
            };
            let column = &self.columns[place];
            if column.is_category != wants_category {
                let (is, wants) = if wants_category {
                    ("numbers", "categories")
                } else {
                    ("categories", "numbers")
                };
                let message =
                    format!("`{}` wants {wants}, and column `{name}` holds {is}", kind.name);
                let hint = if wants_category {
                    "encode it with an operator for numbers"
                } else {
                    "encode it first, as in `one_hot`"
                };
                self.mistakes.push(Mistake::new(item.columns_pointer.clone(), message).hint(hint));
                continue;
            }
            if column.node.is_none() && name == target && kind.sight == Sight::At && is_nowcast {
                let message = format!(
                    "`{}` would read the target `{name}` at the very time that is predicted",
                    kind.name
                );
                let hint = "read a lag of it, or predict a later time, as in `targets: { horizons: [1h] }`";
                self.mistakes.push(Mistake::new(item.columns_pointer.clone(), message).hint(hint));
                continue;
            }
            inputs.push(ColumnId(place));
        }
        (inputs.len() == columns.len()).then_some(inputs)
    }

    /// How much later than its event time a column of the table is known; others are as late as what they are made of already.
    fn delay(&self, column: ColumnId) -> Span {
        let PlanColumn { name, node, .. } = &self.columns[column.0];
        let file = &self.pipeline.file;
        if node.is_some() {
            return Span(0);
        }
        if *name == file.target {
            return file.targets.delay;
        }
        match file.covariates.get(name) {
            Some(covariate) if covariate.class == CovariateClass::Observed => covariate.delay,
            Some(_) | None => Span(0),
        }
    }

    /// The column as it is known at the row: where it comes late, the value that was known by then.
    fn known_at_row(&mut self, column: ColumnId) -> ColumnId {
        let delay = self.delay(column);
        if delay.0 == 0 {
            return column;
        }
        let name = format!("{}, as known", self.columns[column.0].name);
        if let Some(place) = self.columns.iter().position(|known| known.name == name) {
            return ColumnId(place);
        }
        let (node, output) = (self.nodes.len(), ColumnId(self.columns.len()));
        self.columns.push(PlanColumn { name, node: Some(node), is_category: false });
        let oldest = if self.step.is_some() { 0 } else { i64::MAX };
        self.nodes.push(Node {
            operator: "known",
            grade: Grade::Causal,
            sight: Sight::At,
            window: Some(Span(0)),
            delay,
            inputs: vec![column],
            outputs: vec![output],
            work: Work::Series(Box::new(move || Box::new(KnownMachine::new(oldest)))),
            base: String::new(),
        });
        output
    }

    /// Cuts and scales the features that are numbers; they keep their names.
    pub(super) fn make_robust(&mut self) {
        let Some(robust) = self.pipeline.file.robust.clone() else { return };
        let winsorise = robust
            .winsorize
            .map(|with| ("winsorise", "/robust/winsorize", serde_json::json!(with)));
        let scale = robust
            .scaler
            .map(|method| ("scale", "/robust", serde_json::json!({ "method": method })));
        let steps: Vec<(&str, &str, Value)> = winsorise.into_iter().chain(scale).collect();
        for index in 0..self.features.len() {
            let Feature::Column(mut column) = self.features[index] else { continue };
            if !self.is_amount(column) {
                continue;
            }
            for (operator, pointer, with) in &steps {
                let Some(kind) = operators::find(operator) else { continue };
                let name = self.columns[column.0].name.clone();
                let site = Site { columns: &[], step: self.step, zone: self.pipeline.zone };
                match (kind.draft)(with.clone(), &site) {
                    Err(mistake) => return self.mistakes.push(mistake.below(pointer)),
                    Ok(draft) => {
                        // The last one of the chain has the name.
                        self.columns[column.0].name = format!("{name}, before `{operator}`");
                        let node = self.push(kind, vec![column], Span(0), (vec![name], draft));
                        column = self.nodes[node].outputs[0];
                    }
                }
            }
            self.features[index] = Feature::Column(column);
        }
    }

    /// Whether a feature is an amount: neither of the calendar, nor an encoding, nor a flag.
    fn is_amount(&self, column: ColumnId) -> bool {
        let PlanColumn { name, node, .. } = &self.columns[column.0];
        let Some(node) = node.map(|node| &self.nodes[node]) else { return true };
        let kind = operators::find(node.operator);
        let is_number =
            kind.is_some_and(|kind| matches!(kind.reads, Reads::Number | Reads::Numbers(_)));
        let is_flag = ["was_missing", "warming", "cooling"].iter().any(|flag| name.ends_with(flag));
        is_number && !is_flag
    }

    pub(super) fn finish(self) -> Result<Plan, Vec<Mistake>> {
        if !self.mistakes.is_empty() {
            return Err(self.mistakes);
        }
        Ok(Plan {
            file: self.pipeline.file.clone(),
            columns: self.columns,
            nodes: self.nodes,
            features: self.features,
            horizons: self.horizons,
            step: self.step,
        })
    }
}
