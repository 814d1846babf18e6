//! What happens to backfills: they start, open runs as their limit allows, are held, go on, and end.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;
use tidemill_dag::ids::{BackfillId, DagVersionId};
use tidemill_dag::names::{DagName, ParamName};
use tidemill_dag::time::{DataInterval, Timestamp};

use crate::audit::AuditNote;
use crate::backfill_reason::IntervalReason;
use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading, writing};
use crate::labels::{BackfillOrder, BackfillState, Reprocess};
use crate::lead::Lead;
use crate::listen::tell_schedulers;
use crate::open::NewRun;

/// What runs of backfills have less in priority than others of their DAG: at a point a minute, a task of a backfill is
/// overtaken by all scheduled ones that become ready in the 16 hours after it.
const BELOW_OTHERS: i32 = 1000;

/// The heaviest backfill.
pub const MOST_WEIGHT: u32 = 900;

/// A backfill to be started, with its intervals decided.
#[derive(Clone, Debug)]
pub struct NewBackfill {
    /// The DAG.
    pub dag: DagName,
    /// The version that its runs pin.
    pub version: DagVersionId,
    /// The order in which it opens runs.
    pub order: BackfillOrder,
    /// By which policy the intervals were decided.
    pub reprocess: Reprocess,
    /// How many of its runs may be open at once.
    pub parallel_runs: u32,
    /// What puts it before other backfills: a minute of waiting a point, at most [`MOST_WEIGHT`].
    pub weight: u32,
    /// The parameters of its runs, complete and checked.
    pub params: BTreeMap<ParamName, Value>,
    /// Whether earlier results may stand in for the tasks of its runs.
    pub use_cache: bool,
    /// Its intervals with what was decided, oldest first; at least one.
    pub intervals: Vec<(DataInterval, IntervalReason)>,
    /// Who asks for it.
    pub actor: String,
}

/// What one advance of a backfill did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advanced {
    /// Runs that were opened.
    pub opened: usize,
    /// Whether the backfill is over.
    pub is_over: bool,
}

/// A verb that takes a backfill from one state to another.
struct Change {
    verb: &'static str,
    action: &'static str,
    from: BackfillState,
    to: BackfillState,
}

const PAUSE: Change = Change {
    verb: "pause",
    action: "pause_backfill",
    from: BackfillState::Open,
    to: BackfillState::Paused,
};

const RESUME: Change = Change {
    verb: "resume",
    action: "resume_backfill",
    from: BackfillState::Paused,
    to: BackfillState::Open,
};

/// A backfill, locked.
pub(crate) struct Locked {
    pub(crate) state: BackfillState,
    pub(crate) now: Timestamp,
    dag: DagName,
    version: DagVersionId,
    parallel_runs: i32,
    weight: i32,
    params: BTreeMap<ParamName, Value>,
    use_cache: bool,
}

impl Store {
    /// Starts a backfill; its first runs open when a leader advances it.
    pub async fn start_backfill(&self, new: &NewBackfill) -> Result<BackfillId, StoreError> {
        let failed = writing("a backfill");
        let id = BackfillId::generate();
        let mut transaction = self.begin().await.map_err(&failed)?;
        let now = self.insert_backfill(&mut transaction, id, new).await.map_err(&failed)?;
        insert_intervals(&mut transaction, id, new).await.map_err(&failed)?;
        let detail = json!({ "dag": new.dag, "intervals": new.intervals.len() });
        note("start_backfill", id, &new.actor, detail)
            .write(&mut transaction, now)
            .await
            .map_err(&failed)?;
        tell_schedulers(&mut transaction).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(id)
    }

    async fn insert_backfill(
        &self,
        connection: &mut PgConnection,
        id: BackfillId,
        new: &NewBackfill,
    ) -> Result<Timestamp, sqlx::Error> {
        let start = new.intervals.iter().map(|(interval, _)| interval.start).min();
        let end = new.intervals.iter().map(|(interval, _)| interval.end).max();
        sqlx::query_scalar!(
            r#"INSERT INTO backfills (
                   id, dag, version_id, range_start, range_end, "order", reprocess, parallel_runs, weight, params,
                   use_cache, created_by, created_at
               )
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, COALESCE($13, clock_timestamp()))
               RETURNING created_at"#,
            id.as_uuid(),
            new.dag.as_str(),
            new.version.as_uuid(),
            start as _,
            end as _,
            new.order as _,
            new.reprocess as _,
            i32::try_from(new.parallel_runs).unwrap_or(i32::MAX),
            i32::try_from(new.weight.min(MOST_WEIGHT)).unwrap_or(i32::MAX),
            Json(&new.params) as _,
            new.use_cache,
            new.actor,
            self.clock.instead(),
        )
        .fetch_one(connection)
        .await
    }

    /// Holds a backfill: what is open goes on, and nothing more opens.
    pub async fn pause_backfill(&self, id: BackfillId, actor: &str) -> Result<(), StoreError> {
        self.change_backfill(id, actor, &PAUSE).await
    }

    /// Lets a backfill go on.
    pub async fn resume_backfill(&self, id: BackfillId, actor: &str) -> Result<(), StoreError> {
        self.change_backfill(id, actor, &RESUME).await
    }

    async fn change_backfill(
        &self,
        id: BackfillId,
        actor: &str,
        change: &Change,
    ) -> Result<(), StoreError> {
        let failed = writing("a backfill");
        let mut transaction = self.begin().await.map_err(&failed)?;
        let locked = self.lock_backfill(&mut transaction, id).await?;
        if locked.state != change.from {
            let (verb, state) = (change.verb, locked.state);
            return Err(StoreError::BackfillStands { verb, backfill: id, state });
        }
        set_state(&mut transaction, id, change.to, None).await.map_err(&failed)?;
        note(change.action, id, actor, json!({}))
            .write(&mut transaction, locked.now)
            .await
            .map_err(&failed)?;
        tell_schedulers(&mut transaction).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)
    }

    /// Opens the next runs of a backfill, as many as its limit allows, and closes it behind its last one.
    pub async fn advance_backfill(
        &self,
        lead: Lead,
        id: BackfillId,
    ) -> Result<Advanced, StoreError> {
        let failed = writing("a backfill");
        let mut transaction = self.begin().await.map_err(&failed)?;
        self.fence(&mut transaction, lead).await?;
        let locked = self.lock_backfill(&mut transaction, id).await?;
        let live = live_runs(&mut transaction, id).await?;
        let mut advanced = Advanced::default();
        let mut is_exhausted = locked.state == BackfillState::Cancelling;
        if locked.state == BackfillState::Open {
            let room = i64::from(locked.parallel_runs).saturating_sub(live).max(0);
            let next = waiting_intervals(&mut transaction, id, room).await?;
            for (position, interval) in &next {
                self.open_interval(&mut transaction, id, &locked, (*position, *interval)).await?;
            }
            advanced.opened = next.len();
            // Without room nothing was asked for; then something is live, and this is not the end.
            is_exhausted = next.is_empty();
        }
        if is_exhausted && live == 0 {
            let closed = BackfillState::Closed;
            set_state(&mut transaction, id, closed, Some(locked.now)).await.map_err(&failed)?;
            advanced.is_over = true;
        }
        transaction.commit().await.map_err(&failed)?;
        Ok(advanced)
    }

    async fn open_interval(
        &self,
        connection: &mut PgConnection,
        id: BackfillId,
        backfill: &Locked,
        (position, interval): (i32, DataInterval),
    ) -> Result<(), StoreError> {
        let new = NewRun {
            params: backfill.params.clone(),
            priority: backfill.weight.saturating_sub(BELOW_OTHERS),
            use_cache: backfill.use_cache,
            ..NewRun::of_backfill(backfill.dag.clone(), id, backfill.version, interval)
        };
        let opened = self.open_in(connection, &new).await?;
        sqlx::query!(
            "UPDATE backfill_intervals SET run_id = $3 WHERE backfill_id = $1 AND position = $2",
            id.as_uuid(),
            position,
            opened.run.as_uuid(),
        )
        .execute(connection)
        .await
        .map_err(writing("a backfill"))?;
        Ok(())
    }

    pub(crate) async fn lock_backfill(
        &self,
        connection: &mut PgConnection,
        id: BackfillId,
    ) -> Result<Locked, StoreError> {
        let row = sqlx::query!(
            r#"SELECT dag, version_id, parallel_runs, weight, params, use_cache, state AS "state: BackfillState",
                   COALESCE($2, clock_timestamp()) AS "now!"
               FROM backfills
               WHERE id = $1
               FOR NO KEY UPDATE"#,
            id.as_uuid(),
            self.clock.instead(),
        )
        .fetch_optional(connection)
        .await
        .map_err(reading("a backfill"))?
        .ok_or_else(|| StoreError::UnknownBackfill { text: id.to_string() })?;
        let corrupt = |constraint| CorruptRow::new("backfills", &id, constraint);
        Ok(Locked {
            state: row.state,
            now: row.now,
            dag: DagName::new(&row.dag).map_err(|_| corrupt("backfills_dag_is_a_name"))?,
            version: DagVersionId::from_uuid(row.version_id),
            parallel_runs: row.parallel_runs,
            weight: row.weight,
            params: serde_json::from_value(row.params)
                .map_err(|_| corrupt("backfills_params_are_an_object"))?,
            use_cache: row.use_cache,
        })
    }
}

pub(crate) fn note(action: &'static str, id: BackfillId, actor: &str, detail: Value) -> AuditNote {
    let (actor, subject_id) = (actor.to_owned(), id.to_string());
    AuditNote { actor, action, subject_kind: "backfill", subject_id, detail }
}

pub(crate) async fn set_state(
    connection: &mut PgConnection,
    id: BackfillId,
    state: BackfillState,
    finished_at: Option<Timestamp>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "UPDATE backfills SET state = $2, finished_at = $3 WHERE id = $1",
        id.as_uuid(),
        state as _,
        finished_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_intervals(
    connection: &mut PgConnection,
    id: BackfillId,
    new: &NewBackfill,
) -> Result<(), sqlx::Error> {
    let mut intervals: Vec<&(DataInterval, IntervalReason)> = new.intervals.iter().collect();
    if new.order == BackfillOrder::Desc {
        intervals.reverse();
    }
    let starts: Vec<_> = intervals.iter().map(|(interval, _)| interval.start).collect();
    let ends: Vec<_> = intervals.iter().map(|(interval, _)| interval.end).collect();
    let wanted: Vec<_> = intervals.iter().map(|(_, why)| why.is_wanted()).collect();
    let reasons: Vec<_> = intervals.iter().map(|(_, why)| why.label()).collect();
    sqlx::query!(
        "INSERT INTO backfill_intervals (backfill_id, position, interval_start, interval_end, is_wanted, why)
         SELECT $1, new.position, new.interval_start, new.interval_end, new.is_wanted, new.why
         FROM UNNEST($2::timestamptz[], $3::timestamptz[], $4::boolean[], $5::text[]) WITH ORDINALITY
             AS new (interval_start, interval_end, is_wanted, why, position)",
        id.as_uuid(),
        &starts,
        &ends,
        &wanted,
        &reasons as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn live_runs(connection: &mut PgConnection, id: BackfillId) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "live!" FROM dag_runs WHERE backfill_id = $1 AND state <> 'closed'"#,
        id.as_uuid(),
    )
    .fetch_one(connection)
    .await
    .map_err(reading("the runs of a backfill"))
}

async fn waiting_intervals(
    connection: &mut PgConnection,
    id: BackfillId,
    limit: i64,
) -> Result<Vec<(i32, DataInterval)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT position, interval_start, interval_end
         FROM backfill_intervals
         WHERE backfill_id = $1 AND is_wanted AND run_id IS NULL
         ORDER BY position
         LIMIT $2",
        id.as_uuid(),
        limit,
    )
    .fetch_all(connection)
    .await
    .map_err(reading("the intervals of a backfill"))?;
    let interval =
        |start: Timestamp, end: Timestamp| -> DataInterval { DataInterval { start, end } };
    Ok(rows
        .into_iter()
        .map(|row| (row.position, interval(row.interval_start, row.interval_end)))
        .collect())
}
