//! What a table is like, from one scan.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use datafusion::arrow::array::Array;

use super::shape::Shape;
use crate::checks::TypeName;
use crate::quality::measure::{Answers, Asked, Asks, Measure, Rows};
use crate::quality::measures::extent::{Ends, Extent};
use crate::quality::measures::moments::{Moments, Spread};
use crate::quality::measures::order::Order;
use crate::quality::measures::sorted::{Repeats, Sorting, steps};
use crate::quality::measures::test::{Rule, Test, Tested};
use crate::quality::scan::{Pace, scan};
use crate::quality::sorter::{Room, Sorted};
use crate::quality::{AuditError, Class, Column, ColumnInfo, Limits, Table};

/// What is known of a table beside its rows.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// The column of event times; the first column of times unless given.
    pub time: Option<String>,
    /// The columns that tell series apart.
    pub entity: Vec<String>,
    /// The columns with personal data: no value of theirs is written down.
    pub personal: BTreeSet<String>,
    /// The end of the interval that the table is about.
    pub now: Option<DateTime<Utc>>,
}

/// What a table is like.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(super) rows: u64,
    pub(super) columns: Vec<ColumnProfile>,
    pub(super) time: Option<TimeProfile>,
    pub(super) entity: Vec<String>,
    pub(super) now: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub(super) struct ColumnProfile {
    pub(super) name: String,
    pub(super) is: Option<TypeName>,
    pub(super) missing: u64,
    pub(super) personal: bool,
    pub(super) extent: Option<Extent>,
    pub(super) moments: Option<Moments>,
    pub(super) texts: Option<TextProfile>,
    /// Whether it has values, and no value twice; only asked of whole numbers and texts.
    pub(super) unique: bool,
}

#[derive(Clone, Debug)]
pub(super) struct TimeProfile {
    pub(super) column: String,
    pub(super) ticks_per_second: i64,
    pub(super) newest: Option<i64>,
    pub(super) repeated: u64,
    pub(super) rising: bool,
    pub(super) falling: bool,
    /// The distances of times in order, in ticks, with how often they come.
    pub(super) steps: Steps,
}

/// How often each distance comes; only kept while there are few different ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    pub(super) count: u64,
    pub(super) longest: u64,
    counts: BTreeMap<u64, u64>,
}

impl Steps {
    /// More different distances than this are no rhythm.
    const MOST: usize = 10_000;

    fn add(&mut self, ticks: u64) {
        self.count += 1;
        self.longest = self.longest.max(ticks);
        if self.counts.len() < Self::MOST || self.counts.contains_key(&ticks) {
            *self.counts.entry(ticks).or_default() += 1;
        }
    }

    /// The commonest distance, and how often it comes.
    pub(super) fn commonest(&self) -> Option<(u64, u64)> {
        let most = self.counts.iter().max_by_key(|(ticks, count)| (**count, u64::MAX - **ticks));
        most.map(|(ticks, count)| (*ticks, *count))
    }

    /// How many are longer; exact while all different distances are kept.
    pub(super) fn longer_than(&self, ticks: u64) -> Option<u64> {
        let kept: u64 = self.counts.values().sum();
        (kept == self.count).then(|| self.counts.range(ticks + 1..).map(|(_, count)| count).sum())
    }
}

#[derive(Clone, Copy)]
struct Asking {
    present: Asked<Tested>,
    extent: Option<Asked<Option<Extent>>>,
    moments: Option<Asked<Moments>>,
    texts: Option<Asked<TextProfile>>,
    sorted: Option<Asked<Sorted>>,
}

impl Profile {
    /// Looks at a table once. Hints that name no column of the table are left out.
    pub async fn of(table: &Table, hints: &Hints, limits: &Limits) -> Result<Self, AuditError> {
        let mut asks = Asks::default();
        let room = Room::new(limits.memory_bytes / 4, &limits.scratch);
        let asking: Vec<Asking> = table
            .columns
            .iter()
            .map(|column| Asking {
                present: asks
                    .ask(Test { column: column.clone(), rule: Rule::Present, examples: 0 }, None),
                extent: (column.class.is_number() || is_time(column))
                    .then(|| asks.ask(Ends { column: column.clone() }, None)),
                moments: column
                    .class
                    .is_number()
                    .then(|| asks.ask(Spread { column: column.clone() }, None)),
                texts: (column.class == Class::Text)
                    .then(|| asks.ask(Texts { column: column.clone() }, None)),
                sorted: matches!(column.class, Class::Text | Class::Integer)
                    .then(|| asks.ask(Sorting::over(vec![column.clone()], &room), None)),
            })
            .collect();
        let entity: Vec<ColumnInfo> =
            hints.entity.iter().filter_map(|name| table.column(name).cloned()).collect();
        let given = hints.time.as_ref().and_then(|name| table.column(name));
        let time = match given {
            Some(column) => Some(column).filter(|column| is_time(column)),
            None => table.columns.iter().find(|column| is_time(column)),
        };
        let timing = time.map(|time| {
            let order = |falling| Order {
                entity: entity.clone(),
                time: time.clone(),
                falling,
                strict: false,
                examples: 0,
            };
            let (rising, falling) = (asks.ask(order(false), None), asks.ask(order(true), None));
            let then = Some(time.clone());
            let sorting = Sorting { by: entity.clone(), then, room: std::sync::Arc::clone(&room) };
            (time, rising, falling, asks.ask(sorting, None))
        });
        let pace = Pace { threads: limits.threads.max(1), batch_rows: limits.batch_rows.max(1) };
        let answers = scan(table.clone(), asks, pace).await?;
        let columns: Vec<ColumnProfile> = table
            .columns
            .iter()
            .zip(asking)
            .map(|(column, asking)| column_profile(column, asking, &answers, hints))
            .collect::<Result<_, _>>()?;
        let time = match timing {
            None => None,
            Some((time, rising, falling, sorted)) => {
                let ordered = |asked: Asked<Tested>| answers.get(asked).failed == 0;
                let newest = match columns[time.index].extent {
                    Some(Extent::Integers(_, newest)) => Some(newest),
                    Some(Extent::Floats(..)) | None => None,
                };
                Some(TimeProfile {
                    newest,
                    rising: ordered(rising),
                    falling: ordered(falling),
                    ..time_profile(time, answers.get(sorted))?
                })
            }
        };
        let entity = entity.into_iter().map(|info| info.name).collect();
        Ok(Self { rows: table.rows(), columns, time, entity, now: hints.now })
    }
}

fn is_time(column: &ColumnInfo) -> bool {
    matches!(column.class, Class::Time { .. })
}

fn column_profile(
    column: &ColumnInfo,
    asking: Asking,
    answers: &Answers,
    hints: &Hints,
) -> Result<ColumnProfile, AuditError> {
    let present = answers.get(asking.present);
    let unique = match asking.sorted {
        Some(sorted) => {
            let repeats = Repeats::of(answers.get(sorted), 0)?;
            repeats.rows > 0 && repeats.repeated() == 0
        }
        None => false,
    };
    Ok(ColumnProfile {
        name: column.name.clone(),
        is: type_name(column.class),
        missing: present.failed,
        personal: hints.personal.contains(&column.name),
        extent: asking.extent.and_then(|asked| *answers.get(asked)),
        moments: asking.moments.map(|asked| *answers.get(asked)),
        texts: asking.texts.map(|asked| answers.get(asked).clone()),
        unique,
    })
}

fn type_name(class: Class) -> Option<TypeName> {
    match class {
        Class::Integer => Some(TypeName::Integer),
        Class::Float => Some(TypeName::Float),
        Class::Text => Some(TypeName::Text),
        Class::Boolean => Some(TypeName::Boolean),
        Class::Time { date: true, .. } => Some(TypeName::Date),
        Class::Time { date: false, .. } => Some(TypeName::Time),
        Class::Other => None,
    }
}

fn time_profile(time: &ColumnInfo, sorted: &Sorted) -> Result<TimeProfile, AuditError> {
    let Class::Time { ticks_per_second, .. } = time.class else {
        unreachable!("a column of times has ticks");
    };
    let mut found = Steps::default();
    steps(sorted, |step| found.add(step.ticks()))?;
    Ok(TimeProfile {
        column: time.name.clone(),
        ticks_per_second,
        newest: None,
        repeated: Repeats::of(sorted, 0)?.repeated(),
        rising: false,
        falling: false,
        steps: found,
    })
}

/// What the texts of a column are like.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextProfile {
    pub(super) count: u64,
    pub(super) shortest: usize,
    pub(super) longest: usize,
    /// The different texts, while they are few.
    pub(super) members: Option<BTreeSet<String>>,
    /// The form that all have.
    pub(super) shape: Option<Shape>,
}

struct Texts {
    column: ColumnInfo,
}

impl Texts {
    /// A set of more members is listed by nobody.
    const MOST_MEMBERS: usize = 20;
}

impl TextProfile {
    fn add(&mut self, text: &str) {
        let length = text.chars().count();
        let new = Self {
            count: 1,
            shortest: length,
            longest: length,
            members: Some(BTreeSet::from([text.to_owned()])),
            shape: Shape::of(text),
        };
        self.merge(new);
    }

    fn merge(&mut self, later: Self) {
        if self.count == 0 {
            *self = later;
            return;
        }
        if later.count == 0 {
            return;
        }
        self.count += later.count;
        self.shortest = self.shortest.min(later.shortest);
        self.longest = self.longest.max(later.longest);
        self.members = match (self.members.take(), later.members) {
            (Some(mut members), Some(more)) => {
                members.extend(more);
                (members.len() <= Texts::MOST_MEMBERS).then_some(members)
            }
            _ => None,
        };
        self.shape = match (self.shape.take(), later.shape) {
            (Some(shape), Some(more)) => shape.with(&more),
            _ => None,
        };
    }
}

impl Measure for Texts {
    type State = TextProfile;
    type Answer = TextProfile;

    fn key(&self) -> Option<String> {
        None
    }

    fn columns(&self) -> Vec<usize> {
        vec![self.column.index]
    }

    fn start(&self) -> TextProfile {
        TextProfile::default()
    }

    fn absorb(&self, state: &mut TextProfile, rows: &Rows) -> Result<(), AuditError> {
        let Column::Texts(texts) = rows.column(&self.column) else {
            unreachable!("texts are only asked of a column of text");
        };
        for row in (0..texts.len()).filter(|row| texts.is_valid(*row)) {
            let text = texts.value(row);
            // Texts that were seen change only the count.
            match &state.members {
                Some(members) if members.contains(text) => state.count += 1,
                _ => state.add(text),
            }
        }
        Ok(())
    }

    fn merge(&self, state: &mut TextProfile, later: TextProfile) {
        state.merge(later);
    }

    fn answer(&self, state: TextProfile) -> Result<TextProfile, AuditError> {
        Ok(state)
    }
}
