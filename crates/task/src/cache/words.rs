//! What people read about hits and misses.

use tidemill_dag::time::Timestamp;

use super::note::{CacheNote, Miss, Origin, Unasked};

/// How many differences are told; the others are counted.
const MOST_TOLD: usize = 3;

impl CacheNote {
    /// The explanation in a sentence, as seen at an instant.
    pub fn words(&self, at: Timestamp) -> String {
        match self {
            Self::Hit { origin, kind, version, inputs } => {
                let inputs = match inputs {
                    0 => String::new(),
                    1 => ", 1 input".to_owned(),
                    inputs => format!(", {inputs} inputs"),
                };
                let made = made(origin, at);
                format!(
                    "cached: same kind {kind} v{version}, params{inputs} and interval as {made}"
                )
            }
            Self::Miss { why, .. } => why.words(at),
        }
    }
}

impl Miss {
    /// The explanation in a sentence, as seen at an instant.
    pub fn words(&self, at: Timestamp) -> String {
        match self {
            Self::NeverRan => "not cached: it never succeeded before".to_owned(),
            Self::Differs { origin, differences } => {
                let told: Vec<String> =
                    differences.iter().take(MOST_TOLD).map(ToString::to_string).collect();
                let rest = match differences.len().saturating_sub(MOST_TOLD) {
                    0 => String::new(),
                    rest => format!("; and {rest} more"),
                };
                let what = if told.is_empty() {
                    "its key is made in another way".to_owned()
                } else {
                    told.join("; ")
                };
                format!("not cached: {what}{rest}; compared with {}", made(origin, at))
            }
            Self::TooOld { origin, max_age } => {
                format!("not cached: the result of {} is older than {max_age}", made(origin, at))
            }
            Self::Forgotten { origin } => {
                format!("not cached: the history of {} was dropped", made(origin, at))
            }
            Self::ArtifactGone { origin, location } => {
                let made = made(origin, at);
                format!("not cached: the artefact `{location}` of {made} is gone")
            }
            Self::Unasked { reason } => match reason {
                Unasked::RunIsFresh => "not cached: the run was started with `--no-cache`",
                Unasked::TaskIsNamed => "not cached: the rerun names it",
                Unasked::Resumed => "not cached: it went on after its children",
            }
            .to_owned(),
            Self::NoAnswer { error } => format!("not cached: the cache did not answer: {error}"),
        }
    }
}

fn made(origin: &Origin, at: Timestamp) -> String {
    format!("{} ({})", origin.run, ago(origin, at))
}

/// How long ago, in one unit.
fn ago(origin: &Origin, at: Timestamp) -> String {
    const UNITS: [(&str, i64); 4] =
        [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
    let seconds = at.signed_duration_since(origin.made_at).num_seconds();
    let unit = UNITS.iter().find(|(_, length)| seconds >= *length);
    let Some((unit, length)) = unit else { return "just now".to_owned() };
    match seconds / length {
        1 => format!("1 {unit} ago"),
        count => format!("{count} {unit}s ago"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;
    use tidemill_dag::state::Attempt;
    use tidemill_dag::time::Lapse;

    use super::*;
    use crate::{Assignment, CacheParts};

    fn origin() -> Origin {
        let assignment = Assignment::example("tune", json!({}));
        let (run, made_at) = (assignment.run.run, assignment.run.interval.start);
        Origin { run, task: assignment.path, attempt: Attempt(1), made_at }
    }

    #[test]
    fn every_hit_and_miss_has_its_words() {
        let parts = |horizon: &str, depth: u32| {
            let params = json!({ "horizon": horizon, "depth": depth, "a": depth, "b": depth });
            CacheParts::of(&Assignment::example("tune", params), 3, None, None)
        };
        let differs = |now: CacheParts| Miss::Differs {
            origin: origin(),
            differences: now.differences_from(&parts("60m", 4)),
        };
        let kind = "tune".parse().unwrap();
        let at = origin().made_at + TimeDelta::hours(50);
        let hit = CacheNote::Hit { origin: origin(), kind, version: 3, inputs: 2 };

        let mut lines = vec![hit.words(at)];
        for why in [
            Miss::NeverRan,
            differs(parts("30m", 4)),
            differs(parts("30m", 6)),
            differs(parts("60m", 4)),
            Miss::TooOld { origin: origin(), max_age: Lapse::seconds(86_400) },
            Miss::Forgotten { origin: origin() },
            Miss::ArtifactGone { origin: origin(), location: "attempts/1/table".into() },
            Miss::Unasked { reason: Unasked::RunIsFresh },
            Miss::Unasked { reason: Unasked::TaskIsNamed },
            Miss::Unasked { reason: Unasked::Resumed },
            Miss::NoAnswer { error: "reach the database".into() },
        ] {
            let text = serde_json::to_string(&why).unwrap();
            assert_eq!(serde_json::from_str::<Miss>(&text).unwrap(), why);
            lines.push(why.words(at));
        }

        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        let words = |seconds| ago(&origin(), origin().made_at + TimeDelta::seconds(seconds));

        assert_eq!(
            [0, 1, 59, 61, 7200, 90_000, 864_000].map(words),
            [
                "just now",
                "1 second ago",
                "59 seconds ago",
                "1 minute ago",
                "2 hours ago",
                "1 day ago",
                "10 days ago"
            ]
        );
    }
}
