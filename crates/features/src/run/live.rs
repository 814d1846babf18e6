//! Nights and single rows: states that are kept between passes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::batch::{Limits, Shared};
use super::features::Features;
use super::pool::PooledState;
use super::program::{Program, Unfit};
use super::series::EntityState;
use crate::panel::Panel;
use crate::state::{BadState, StateReader, StateWriter};
use crate::time::Timestamp;

/// Why rows are not taken in.
#[derive(Debug, thiserror::Error)]
pub enum LateRow {
    /// They are not later than what is known.
    #[error(
        "a row of `{entity}` at {at} is not later than its last one at {last}; compute that range again from the full history"
    )]
    NotLater {
        /// Whose.
        entity: Arc<str>,
        /// When.
        at: Timestamp,
        /// The last time that is known.
        last: Timestamp,
    },
    /// They do not fit the program.
    #[error("bind the rows to the program")]
    Unfit(#[from] Unfit),
}

/// The state of a program: what it remembers of each entity, and of all together.
pub struct Live {
    pub(super) entities: BTreeMap<Arc<str>, EntityState>,
    pub(super) pooled: Vec<PooledState>,
    identity: String,
}

/// Changes with the layout of the bytes.
const VERSION: u32 = 1;

impl Live {
    /// Remembers nothing.
    pub fn new(program: &Program<'_>) -> Self {
        Self {
            entities: BTreeMap::new(),
            pooled: PooledState::all(program),
            identity: program.identity.clone(),
        }
    }

    /// Computes the features of new rows, and remembers what later rows need. The full history is the same call with all rows.
    pub fn advance(
        &mut self,
        program: &Program<'_>,
        panel: &Panel,
        limits: Limits,
    ) -> Result<Features, LateRow> {
        let places = program.bind(panel)?;
        self.refuse_late(panel)?;
        let pools = program.pool(panel, &places, &mut self.pooled, true);
        let take = |name: &Arc<str>| {
            self.entities.remove(name).unwrap_or_else(|| EntityState::new(program))
        };
        let mut states: Vec<EntityState> = panel.entities().iter().map(take).collect();
        let firsts: Vec<Option<i64>> = states.iter().map(|state| state.first).collect();
        let shared = Shared { program, panel, places, pools };
        let mut features = Features::default();
        program.prepare(panel, &mut features);
        shared.run(limits, &mut features.columns, &mut states);
        features.cold = shared.cold(&firsts);
        self.entities.extend(panel.entities().iter().cloned().zip(states));
        Ok(features)
    }

    fn refuse_late(&self, panel: &Panel) -> Result<(), LateRow> {
        let of_all = self.pooled.iter().filter_map(PooledState::newest).max();
        for (index, entity) in panel.entities().iter().enumerate() {
            let own = self.entities.get(entity).and_then(|state| state.last);
            let first = panel.times[panel.rows_of(index)].first();
            if let (Some(last), Some(at)) = (own.max(of_all), first)
                && *at <= last
            {
                let (at, last) = (Timestamp(*at), Timestamp(last));
                return Err(LateRow::NotLater { entity: Arc::clone(entity), at, last });
            }
        }
        Ok(())
    }

    /// The entities that it remembers.
    pub fn entities(&self) -> impl Iterator<Item = &Arc<str>> {
        self.entities.keys()
    }

    /// How many bytes the state of an entity takes.
    pub fn bytes_of(&self, entity: &str) -> Option<usize> {
        let mut writer = StateWriter::default();
        self.entities.get(entity)?.save(&mut writer);
        Some(writer.0.len())
    }

    /// Writes all states.
    pub fn save(&self) -> Vec<u8> {
        let mut writer = StateWriter::default();
        writer.count(VERSION);
        writer.text(&self.identity);
        self.pooled.iter().for_each(|state| state.save(&mut writer));
        writer.length(self.entities.len());
        for (name, state) in &self.entities {
            writer.text(name);
            state.save(&mut writer);
        }
        writer.0
    }

    /// Reads what [`Self::save`] wrote, for the same program.
    pub fn restore(program: &Program<'_>, bytes: &[u8]) -> Result<Self, BadState> {
        let mut reader = StateReader(bytes);
        let found = reader.count()?;
        if found != VERSION {
            return Err(BadState::Version { found, known: VERSION });
        }
        if reader.text()? != program.identity {
            return Err(BadState::OtherPlan);
        }
        let mut live = Self::new(program);
        for state in &mut live.pooled {
            state.restore(&mut reader)?;
        }
        for _ in 0..reader.length()? {
            let name = Arc::from(reader.text()?);
            let state = EntityState::restore(program, &mut reader)?;
            live.entities.insert(name, state);
        }
        reader.end()?;
        Ok(live)
    }
}

impl EntityState {
    fn save(&self, state: &mut StateWriter) {
        state.whole(self.first.unwrap_or(i64::MIN));
        state.whole(self.last.unwrap_or(i64::MIN));
        self.followers.iter().for_each(|follower| follower.save(state));
    }

    fn restore(program: &Program<'_>, state: &mut StateReader<'_>) -> Result<Self, BadState> {
        let mut restored = Self::new(program);
        restored.first = Some(state.whole()?).filter(|first| *first != i64::MIN);
        restored.last = Some(state.whole()?).filter(|last| *last != i64::MIN);
        for follower in &mut restored.followers {
            follower.restore(state)?;
        }
        Ok(restored)
    }
}
