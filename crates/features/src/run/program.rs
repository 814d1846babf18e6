//! A plan with all that was learnt: what can run.

use std::collections::BTreeMap;
use std::fmt;

use crate::operator::{BadFit, Formula, MakeMachine, Sight, Work};
use crate::panel::Panel;
use crate::pipeline::{ColumnId, Feature, Plan, Provenance};
use crate::run::fit::Fitted;
use crate::time::Span;

/// Why a program cannot be made, or cannot run on a panel.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// What was fitted belongs to something else.
    #[error(
        "what was fitted belongs to another pipeline (`{found}` instead of `{expected}`); fit this one"
    )]
    OtherPlan {
        /// The hash that it was fitted for.
        found: String,
        /// The hash of the plan.
        expected: String,
    },
    /// An operator was not fitted.
    #[error("operator `{operator}` was not fitted; fit the pipeline again")]
    Missing {
        /// Which one.
        operator: &'static str,
    },
    /// What was fitted cannot be read.
    #[error("read what operator `{operator}` learnt")]
    Unreadable {
        /// Which one.
        operator: &'static str,
        /// Why.
        #[source]
        source: BadFit,
    },
    /// A column is not in the panel.
    #[error(
        "the panel has no column `{column}` of {kind}, which the pipeline reads; land it, or plan for the columns that there are"
    )]
    NoColumn {
        /// Which one.
        column: String,
        /// What it should hold.
        kind: &'static str,
    },
}

/// Where the values of a column of a program are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In a column of the panel.
    Source(usize),
    /// In a feature.
    Feature(usize),
    /// Nowhere for long.
    Scratch,
}

/// How a step of a program works.
pub(super) enum Action<'p> {
    /// A machine for each entity; the place of its state.
    Series { make: &'p MakeMachine, state: usize },
    /// One machine for all; the place of its state.
    Pooled { make: &'p MakeMachine, state: usize },
    /// A formula of the row.
    Formula(&'p dyn Formula),
    /// The same, with what was learnt.
    Fitted(Box<dyn Formula>),
}

/// One node with the places of its columns.
pub(super) struct Step<'p> {
    pub(super) action: Action<'p>,
    pub(super) inputs: Vec<usize>,
    /// The source of each input, where it is a column of the panel.
    pub(super) sources: Vec<Option<usize>>,
    pub(super) outputs: Vec<usize>,
    pub(super) delay: i64,
    pub(super) sight: Sight,
}

impl Step<'_> {
    /// The time up to which it sees values, for a row: all before that.
    pub(super) const fn horizon(&self, row: i64) -> i64 {
        match self.sight {
            Sight::Before => row - self.delay,
            Sight::At => row - self.delay + 1,
        }
    }

    /// Whether it emits at the times of rows as they are.
    pub(super) const fn is_plain(&self) -> bool {
        self.delay == 0 && matches!(self.sight, Sight::Before)
    }
}

/// A plan with all that was learnt.
pub struct Program<'p> {
    pub(super) plan: &'p Plan,
    pub(super) steps: Vec<Step<'p>>,
    pub(super) homes: Vec<Home>,
    /// The columns that are read from the panel: name, and whether it holds categories.
    pub(super) sources: Vec<(String, bool)>,
    pub(super) names: Vec<String>,
    pub(super) provenance: Vec<Provenance>,
    /// How many machines an entity has, and how many all have in common.
    pub(super) machines: (usize, usize),
    /// What the states of its machines belong to.
    pub(super) identity: String,
}

impl fmt::Debug for Program<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("names", &self.names).finish_non_exhaustive()
    }
}

impl<'p> Program<'p> {
    /// Puts a plan and what was fitted for it together.
    pub fn new(plan: &'p Plan, fitted: &Fitted) -> Result<Self, Unfit> {
        let expected = plan.hash();
        if fitted.plan != expected {
            return Err(Unfit::OtherPlan { found: fitted.plan.clone(), expected });
        }
        let wanted: Vec<Wanted> =
            plan.features().iter().map(|feature| Wanted::Feature(*feature)).collect();
        Self::compile(plan, &fitted.learnt, &wanted)
    }

    /// The names of its features, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where each feature comes from.
    pub fn provenance(&self) -> &[Provenance] {
        &self.provenance
    }

    /// The features whose window is longer than some history: they never see all of it.
    pub fn windows_beyond(&self, history: Span) -> Vec<&Provenance> {
        let is_beyond =
            |feature: &&Provenance| feature.window.is_some_and(|window| window > history);
        self.provenance.iter().filter(is_beyond).collect()
    }

    /// The part that computes some columns.
    pub(super) fn compile(
        plan: &'p Plan,
        learnt: &BTreeMap<usize, serde_json::Value>,
        wanted: &[Wanted],
    ) -> Result<Self, Unfit> {
        let mut compiler = Compiler {
            program: Self {
                plan,
                steps: Vec::new(),
                homes: Vec::new(),
                sources: Vec::new(),
                names: Vec::new(),
                provenance: Vec::new(),
                machines: (0, 0),
                identity: plan.hash(),
            },
            places: BTreeMap::new(),
            learnt,
            learnt_places: BTreeMap::new(),
        };
        let nodes = wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Feature(Feature::Column(column)) | Wanted::Copy(column) => {
                plan.columns[column.0].node
            }
            Wanted::Feature(Feature::LearntBy(node)) => Some(*node),
        });
        let needed = plan.needed(nodes);
        for node in needed {
            compiler.add(node)?;
        }
        compiler.take(wanted);
        Ok(compiler.program)
    }

    /// The places of its sources in a panel.
    pub(super) fn bind(&self, panel: &Panel) -> Result<Vec<usize>, Unfit> {
        let place = |(name, is_category): &(String, bool)| {
            let found = panel
                .columns
                .iter()
                .position(|column| column.name == *name && column.labels.is_some() == *is_category);
            let kind = if *is_category { "categories" } else { "numbers" };
            found.ok_or_else(|| Unfit::NoColumn { column: name.clone(), kind })
        };
        self.sources.iter().map(place).collect()
    }
}

/// A column that a program shall give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A feature.
    Feature(Feature),
    /// A column of a plan, also one of the table.
    Copy(ColumnId),
}

/// Copies a column of the table where a program shall give it.
struct Same;

impl Formula for Same {
    fn apply(&self, rows: &crate::operator::Rows<'_>, out: &mut [&mut [f64]]) {
        out[0].copy_from_slice(rows.inputs[0]);
    }
}

static SAME: Same = Same;

struct Compiler<'p, 'l> {
    program: Program<'p>,
    /// The places of the plan's columns.
    places: BTreeMap<ColumnId, usize>,
    learnt: &'l BTreeMap<usize, serde_json::Value>,
    /// The places of columns that nodes learnt.
    learnt_places: BTreeMap<usize, (Vec<usize>, Vec<String>)>,
}

impl Compiler<'_, '_> {
    fn add(&mut self, index: usize) -> Result<(), Unfit> {
        let node = &self.program.plan.nodes[index];
        let inputs: Vec<usize> = node.inputs.iter().map(|input| self.place(*input)).collect();
        let sources = inputs.iter().map(|place| self.source(*place)).collect();
        let mut outputs: Vec<usize> =
            node.outputs.iter().map(|output| self.place(*output)).collect();
        let operator = node.operator;
        let action = match &node.work {
            Work::Series(make) => {
                self.program.machines.0 += 1;
                Action::Series { make, state: self.program.machines.0 - 1 }
            }
            Work::Pooled(make) => {
                self.program.machines.1 += 1;
                Action::Pooled { make, state: self.program.machines.1 - 1 }
            }
            Work::Rows(formula) => Action::Formula(&**formula),
            Work::Fitted(fit) => {
                let learnt = self.learnt.get(&index).ok_or(Unfit::Missing { operator })?;
                if let Some(ends) = fit.outputs(learnt) {
                    let names: Vec<String> =
                        ends.iter().map(|end| format!("{}_{end}", node.base)).collect();
                    outputs = names.iter().map(|_| self.new_place(Home::Scratch)).collect();
                    self.learnt_places.insert(index, (outputs.clone(), names));
                }
                let formula =
                    fit.formula(learnt).map_err(|source| Unfit::Unreadable { operator, source })?;
                Action::Fitted(formula)
            }
        };
        let (delay, sight) = (node.delay.0, node.sight);
        self.program.steps.push(Step { action, inputs, sources, outputs, delay, sight });
        Ok(())
    }

    fn source(&self, place: usize) -> Option<usize> {
        match self.program.homes[place] {
            Home::Source(source) => Some(source),
            Home::Feature(_) | Home::Scratch => None,
        }
    }

    fn new_place(&mut self, home: Home) -> usize {
        self.program.homes.push(home);
        self.program.homes.len() - 1
    }

    fn place(&mut self, column: ColumnId) -> usize {
        if let Some(place) = self.places.get(&column) {
            return *place;
        }
        let known = &self.program.plan.columns[column.0];
        let home = if known.node.is_some() {
            Home::Scratch
        } else {
            self.program.sources.push((known.name.clone(), known.is_category));
            Home::Source(self.program.sources.len() - 1)
        };
        let place = self.new_place(home);
        self.places.insert(column, place);
        place
    }

    /// Makes features of what is wanted.
    fn take(&mut self, wanted: &[Wanted]) {
        let plan = self.program.plan;
        for wanted in wanted {
            match wanted {
                Wanted::Feature(Feature::LearntBy(node)) => {
                    let (places, names) = self.learnt_places.remove(node).unwrap_or_default();
                    for (place, name) in places.into_iter().zip(names) {
                        self.program.provenance.push(plan.provenance_of_node(&name, *node));
                        self.make_feature(place, name);
                    }
                }
                Wanted::Feature(Feature::Column(column)) | Wanted::Copy(column) => {
                    let name = plan.name(*column).to_owned();
                    self.program.provenance.push(plan.provenance(&name, *column));
                    let mut place = self.place(*column);
                    if self.program.homes[place] != Home::Scratch {
                        let copy = self.new_place(Home::Scratch);
                        self.program.steps.push(Step {
                            action: Action::Formula(&SAME),
                            inputs: vec![place],
                            sources: vec![self.source(place)],
                            outputs: vec![copy],
                            delay: 0,
                            sight: Sight::At,
                        });
                        place = copy;
                    }
                    self.make_feature(place, name);
                }
            }
        }
    }

    fn make_feature(&mut self, place: usize, name: String) {
        self.program.homes[place] = Home::Feature(self.program.names.len());
        self.program.names.push(name);
    }
}
