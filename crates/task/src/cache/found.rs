//! What is known about earlier results of a task, and whether one may stand in.

use serde_json::Value;
use tidemill_dag::time::{Lapse, Timestamp};

use super::note::{CacheNote, Miss, Origin};
use super::parts::CacheParts;
use crate::artifact::ArtifactRef;

/// A result that may stand in.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedResult {
    /// Where it was made.
    pub origin: Origin,
    /// The output.
    pub output: Value,
    /// The artefacts, by port and place.
    pub artifacts: Vec<ArtifactRef>,
}

/// What is known about earlier results of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// One of the same key.
    Same(CachedResult),
    /// One of the same key, whose rows are gone.
    Forgotten(Origin),
    /// One of another key: the closest.
    Other(Origin, Box<CacheParts>),
    /// None.
    Nothing,
}

impl Found {
    /// The result that stands in for a task with these parts, or why none does.
    pub fn judge(
        self,
        parts: &CacheParts,
        max_age: Option<Lapse>,
        now: Timestamp,
    ) -> Result<CachedResult, Miss> {
        match self {
            Self::Same(result) => match max_age {
                Some(max_age) if now - result.origin.made_at >= max_age.delta() => {
                    Err(Miss::TooOld { origin: result.origin, max_age })
                }
                Some(_) | None => Ok(result),
            },
            Self::Forgotten(origin) => Err(Miss::Forgotten { origin }),
            Self::Other(origin, earlier) => {
                Err(Miss::Differs { origin, differences: parts.differences_from(&earlier) })
            }
            Self::Nothing => Err(Miss::NeverRan),
        }
    }
}

impl CachedResult {
    /// What is noted where this stands in for a task with these parts.
    pub fn note(&self, parts: &CacheParts) -> CacheNote {
        CacheNote::Hit {
            origin: self.origin.clone(),
            kind: parts.kind.clone(),
            version: parts.version,
            inputs: parts.inputs.values().map(Vec::len).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;
    use tidemill_dag::state::Attempt;

    use super::*;
    use crate::Assignment;

    #[test]
    fn a_result_stands_in_until_it_is_as_old_as_it_may_be() {
        let assignment = Assignment::example("tune", json!({}));
        let parts = CacheParts::of(&assignment, 1, None, None);
        let made_at = assignment.run.interval.start;
        let origin =
            Origin { run: assignment.run.run, task: assignment.path, attempt: Attempt(1), made_at };
        let found = Found::Same(CachedResult { origin, output: json!(1), artifacts: Vec::new() });
        let day = Some(Lapse::seconds(86_400));
        let stands_in = |max_age, hours| {
            found.clone().judge(&parts, max_age, made_at + TimeDelta::hours(hours)).is_ok()
        };

        assert!(stands_in(None, 1_000_000));
        assert!(stands_in(day, 23));
        assert!(!stands_in(day, 24));
    }
}
