//! Why intervals of a backfill run or not.

/// Why an interval of a backfill runs, or does not.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum IntervalReason {
    /// Runs: it never ran.
    NeverRan,
    /// Runs: its last run failed.
    Failed,
    /// Runs: its last run was stopped.
    Cancelled,
    /// Runs: its last run pinned another content of the DAG.
    Stale,
    /// Runs: all intervals were asked for.
    Asked,
    /// Does not run: its last run succeeded.
    Succeeded,
    /// Does not run: its last run failed, and that was not asked for.
    LeftFailed,
    /// Does not run: its last run pinned the same content.
    Fresh,
    /// Does not run: a run of it is open.
    IsOpen,
    /// Does not run: it is not over yet.
    NotOver,
}

impl IntervalReason {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::NeverRan,
        Self::Failed,
        Self::Cancelled,
        Self::Stale,
        Self::Asked,
        Self::Succeeded,
        Self::LeftFailed,
        Self::Fresh,
        Self::IsOpen,
        Self::NotOver,
    ];

    /// The name in rows and JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NeverRan => "never_ran",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Stale => "stale",
            Self::Asked => "asked",
            Self::Succeeded => "succeeded",
            Self::LeftFailed => "left_failed",
            Self::Fresh => "fresh",
            Self::IsOpen => "is_open",
            Self::NotOver => "not_over",
        }
    }

    /// The reason for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NeverRan => "it never ran",
            Self::Failed => "its last run failed",
            Self::Cancelled => "its last run was stopped",
            Self::Stale => "its last run pinned another content",
            Self::Asked => "all were asked for",
            Self::Succeeded => "its last run succeeded",
            Self::LeftFailed => "its last run failed; `--reprocess failed` runs it again",
            Self::Fresh => "its last run pinned the same content",
            Self::IsOpen => "a run of it is open",
            Self::NotOver => "it is not over yet",
        }
    }

    /// Whether the interval runs.
    pub const fn is_wanted(self) -> bool {
        match self {
            Self::NeverRan | Self::Failed | Self::Cancelled | Self::Stale | Self::Asked => true,
            Self::Succeeded | Self::LeftFailed | Self::Fresh | Self::IsOpen | Self::NotOver => {
                false
            }
        }
    }
}
