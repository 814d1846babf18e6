//! One run with all its tasks and attempts.

use serde_json::Value;
use tidemill_dag::advance::Reason;
use tidemill_dag::ids::{RunId, TaskId, WorkerId};
use tidemill_dag::names::{KindName, PoolName};
use tidemill_dag::slots::Slots;
use tidemill_dag::state::{Attempt, TaskIndex, TaskPath, TaskState};
use tidemill_dag::time::{Lapse, Timestamp};
use tidemill_task::CacheNote;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::labels::{ExitCause, TaskLabel};
use crate::rows::{TaskStateRow, slots, task_path};
use crate::runs::{RunFilter, RunSummary};

/// A run with its tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct RunDetail {
    /// The run.
    pub run: RunSummary,
    /// Its tasks, in the order of its view.
    pub tasks: Vec<TaskDetail>,
}

/// One task of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDetail {
    /// Its id.
    pub id: TaskId,
    /// Its name in the run.
    pub path: TaskPath,
    /// The task that it is a child of.
    pub parent: Option<TaskIndex>,
    /// Its kind.
    pub kind: KindName,
    /// The pool that it takes from.
    pub pool: PoolName,
    /// The slots that it takes.
    pub slots: Slots,
    /// The run that it started.
    pub started_run: Option<RunId>,
    /// Where it stands.
    pub state: TaskState,
    /// The last attempt.
    pub attempt: Attempt,
    /// How often it was resumed.
    pub phase: u32,
    /// Failures of its own.
    pub failures: u32,
    /// Attempts lost with their workers.
    pub losses: u32,
    /// Whether its attempt was asked to stop.
    pub cancel_requested: bool,
    /// When it became ready the last time.
    pub ready_at: Option<Timestamp>,
    /// When its first attempt started.
    pub started_at: Option<Timestamp>,
    /// How long its attempts took together.
    pub busy: Lapse,
    /// Its output.
    pub output: Option<Value>,
    /// Why it ended, unless it succeeded.
    pub reason: Option<Reason>,
    /// What the cache said to the last attempt, where it could have a result.
    pub cache: Option<CacheNote>,
}

/// One try of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptDetail {
    /// Its number.
    pub attempt: Attempt,
    /// Who ran it.
    pub worker: WorkerId,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub exit: Option<ExitCause>,
    /// What it said when it failed.
    pub error: Option<String>,
    /// The most memory that it held.
    pub peak_memory_bytes: Option<i64>,
    /// The processor time that it used.
    pub cpu_ms: Option<i64>,
    /// What the cache said to it, where it could have a result.
    pub cache: Option<CacheNote>,
}

struct TaskDetailRow {
    id: Uuid,
    parent: Option<i32>,
    path: String,
    kind: String,
    pool: String,
    slots: i32,
    declared_slots: i32,
    learnt_from_bytes: Option<i64>,
    started_run: Option<Uuid>,
    state: TaskLabel,
    attempt: i32,
    phase: i32,
    failures: i32,
    losses: i32,
    cancel_requested: bool,
    ready_at: Option<Timestamp>,
    lease_until: Option<Timestamp>,
    worker_id: Option<Uuid>,
    expanded_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    outcome: Option<String>,
    output: Option<Value>,
    reason: Option<Value>,
    first_started_at: Option<Timestamp>,
    busy_ms: Option<i64>,
    cache: Option<Value>,
}

impl Store {
    /// Reads one run with its tasks.
    pub async fn run(&self, run: RunId) -> Result<RunDetail, StoreError> {
        let one = RunFilter { limit: 1, ..RunFilter::default() };
        let summary = self.summaries(Some(run), &one).await?.pop();
        let summary = summary.ok_or_else(|| StoreError::UnknownRun { text: run.to_string() })?;
        let rows = sqlx::query_file_as!(
            TaskDetailRow,
            "queries/task_runs/of_run.sql",
            run.as_uuid(),
            self.clock.instead(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the tasks of a run"))?;
        let tasks = rows.into_iter().map(TaskDetail::try_from).collect::<Result<_, _>>()?;
        Ok(RunDetail { run: summary, tasks })
    }

    /// The attempts of a task of a run, first to last.
    pub async fn attempts(
        &self,
        run: RunId,
        task: TaskId,
    ) -> Result<Vec<AttemptDetail>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT attempt, worker_id, started_at, ended_at, exit_cause AS "exit: ExitCause", error,
                   peak_memory_bytes, cpu_ms, cache
               FROM attempts
               WHERE run_id = $1 AND task_id = $2
               ORDER BY attempt"#,
            run.as_uuid(),
            task.as_uuid(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the attempts of a task"))?;
        let mut attempts = Vec::with_capacity(rows.len());
        for row in rows {
            attempts.push(AttemptDetail {
                attempt: Attempt(row.attempt),
                worker: WorkerId::from_uuid(row.worker_id),
                started_at: row.started_at,
                ended_at: row.ended_at,
                exit: row.exit,
                error: row.error,
                peak_memory_bytes: row.peak_memory_bytes,
                cpu_ms: row.cpu_ms,
                cache: cache_note(task.as_uuid(), row.cache)?,
            });
        }
        Ok(attempts)
    }
}

impl TryFrom<TaskDetailRow> for TaskDetail {
    type Error = CorruptRow;

    fn try_from(row: TaskDetailRow) -> Result<Self, CorruptRow> {
        let id = row.id;
        let corrupt = |constraint| CorruptRow::new("task_runs", &id, constraint);
        let count =
            |value: i32| u32::try_from(value).map_err(|_| corrupt("task_runs_counts_not_negative"));
        let parent = row.parent.map(usize::try_from).transpose();
        let reason = row.reason.map(serde_json::from_value).transpose();
        let state = TaskStateRow {
            id,
            state: row.state,
            attempt: row.attempt,
            ready_at: row.ready_at,
            lease_until: row.lease_until,
            worker_id: row.worker_id,
            expanded_at: row.expanded_at,
            finished_at: row.finished_at,
            outcome: row.outcome,
        };
        Ok(Self {
            id: TaskId::from_uuid(id),
            path: task_path(id, &row.path)?,
            parent: parent.map_err(|_| corrupt("task_runs_parent_comes_first"))?.map(TaskIndex),
            kind: KindName::new(&row.kind).map_err(|_| corrupt("task_runs_kind_is_a_name"))?,
            pool: PoolName::new(&row.pool).map_err(|_| corrupt("task_runs_pool_is_a_name"))?,
            slots: slots(id, row.slots, row.declared_slots, row.learnt_from_bytes)?,
            started_run: row.started_run.map(RunId::from_uuid),
            state: state.try_into()?,
            attempt: Attempt(row.attempt),
            phase: count(row.phase)?,
            failures: count(row.failures)?,
            losses: count(row.losses)?,
            cancel_requested: row.cancel_requested,
            ready_at: row.ready_at,
            started_at: row.first_started_at,
            busy: Lapse::milliseconds(
                row.busy_ms.and_then(|busy| u64::try_from(busy).ok()).unwrap_or(0),
            ),
            output: row.output,
            reason: reason.map_err(|_| corrupt("task_runs_reason_is_a_reason"))?,
            cache: cache_note(id, row.cache)?,
        })
    }
}

fn cache_note(task: Uuid, note: Option<Value>) -> Result<Option<CacheNote>, CorruptRow> {
    let note = note.map(serde_json::from_value).transpose();
    note.map_err(|_| CorruptRow::new("attempts", &task, "attempts_cache_is_a_note"))
}
