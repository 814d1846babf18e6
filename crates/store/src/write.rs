//! The statements of one change of a run; all inside the caller's transaction.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::PgConnection;
use tidemill_dag::ids::{ArtifactId, RunId, TaskId, WorkerId};
use tidemill_dag::slots::Slots;
use tidemill_dag::spec::Recipient;
use tidemill_dag::state::{Attempt, Outcome, RunState, View};
use tidemill_dag::time::Timestamp;
use tidemill_task::ArtifactRef;

use crate::changes::{Inserts, Updates};
use crate::columns::{narrow, wide};
use crate::labels::ExitCause;
use crate::outbox::Telling;
use crate::versions::DagVersion;

/// Where workers listen; the payload is the name of the pool.
pub(crate) const READY_CHANNEL: &str = "tidemill_ready_";

/// Where workers listen, too; the payload is the worker that runs what is asked to stop.
pub(crate) const STOP_CHANNEL: &str = "tidemill_stop_";

/// How an attempt ended, for its own row.
#[derive(Clone, Debug)]
pub(crate) struct AttemptEnd {
    pub(crate) task: TaskId,
    pub(crate) attempt: Attempt,
    pub(crate) cause: ExitCause,
    pub(crate) error: Option<String>,
    pub(crate) peak_memory_bytes: Option<i64>,
    pub(crate) cpu_ms: Option<i64>,
    /// What the cache said to it, where it could have a result.
    pub(crate) cache: Option<Value>,
}

/// Writes where tasks stand, and says how many rows still stood where they were read.
pub(crate) async fn update_tasks(
    connection: &mut PgConnection,
    run: RunId,
    updates: &Updates,
) -> Result<u64, sqlx::Error> {
    let new = &updates.columns;
    let done = sqlx::query_file!(
        "queries/task_runs/update.sql",
        &new.id,
        &updates.was_state as _,
        &updates.was_attempt,
        &new.state as _,
        &new.attempt,
        &new.phase,
        &new.failures,
        &new.losses,
        &new.on_child_failure as _,
        &new.cancel_requested,
        &new.ready_at as _,
        &new.queued_until as _,
        &new.lease_until as _,
        &new.worker_id as _,
        &new.expanded_at as _,
        &new.finished_at as _,
        &new.outcome as _,
        &new.resume as _,
        &new.output as _,
        &new.reason as _,
        run.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Adds tasks.
pub(crate) async fn insert_tasks(
    connection: &mut PgConnection,
    run: RunId,
    inserts: &Inserts,
) -> Result<(), sqlx::Error> {
    let (new, birth) = (&inserts.columns, &inserts.birth);
    sqlx::query_file!(
        "queries/task_runs/insert.sql",
        run.as_uuid(),
        &new.id,
        &birth.position,
        &birth.parent as _,
        &birth.wave,
        &birth.node,
        &birth.path,
        &birth.kind,
        &birth.with as _,
        &birth.item as _,
        &birth.pool,
        &birth.slots,
        &birth.priority,
        &new.state as _,
        &new.attempt,
        &new.phase,
        &new.failures,
        &new.losses,
        &new.on_child_failure as _,
        &new.cancel_requested,
        &new.ready_at as _,
        &new.queued_until as _,
        &new.lease_until as _,
        &new.worker_id as _,
        &new.expanded_at as _,
        &new.finished_at as _,
        &new.outcome as _,
        &new.resume as _,
        &new.output as _,
        &new.reason as _,
        &birth.declared_slots,
        &birth.learnt_from_bytes as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what the next attempts of tasks take.
pub(crate) async fn resize_tasks(
    connection: &mut PgConnection,
    run: RunId,
    sizes: &[(TaskId, Slots)],
) -> Result<(), sqlx::Error> {
    for (task, slots) in sizes {
        sqlx::query!(
            "UPDATE task_runs SET slots = $3, learnt_from_bytes = $4 WHERE run_id = $1 AND id = $2",
            run.as_uuid(),
            task.as_uuid(),
            narrow(slots.taken),
            slots.learnt_from.map(wide),
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Writes how attempts ended. One that has ended keeps its first end.
pub(crate) async fn end_attempts(
    connection: &mut PgConnection,
    run: RunId,
    ends: &[AttemptEnd],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let tasks: Vec<_> = ends.iter().map(|end| end.task.as_uuid()).collect();
    let attempts: Vec<_> = ends.iter().map(|end| end.attempt.0).collect();
    let causes: Vec<_> = ends.iter().map(|end| end.cause.label()).collect();
    let errors: Vec<_> = ends.iter().map(|end| end.error.as_deref()).collect();
    let memory: Vec<_> = ends.iter().map(|end| end.peak_memory_bytes).collect();
    let cpu: Vec<_> = ends.iter().map(|end| end.cpu_ms).collect();
    let cache: Vec<_> = ends.iter().map(|end| end.cache.as_ref()).collect();
    sqlx::query!(
        "UPDATE attempts AS a
         SET ended_at = $7, exit_cause = new.cause::exit_cause, error = new.error,
             peak_memory_bytes = new.peak_memory_bytes, cpu_ms = new.cpu_ms, cache = new.cache
         FROM UNNEST($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
             $9::jsonb[]) AS new (task_id, attempt, cause, error, peak_memory_bytes, cpu_ms, cache)
         WHERE a.run_id = $8
           AND a.task_id = new.task_id
           AND a.attempt = new.attempt
           AND a.ended_at IS NULL",
        &tasks,
        &attempts,
        &causes as _,
        &errors as _,
        &memory as _,
        &cpu as _,
        now,
        run.as_uuid(),
        &cache as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes artefacts visible: with the commit of this transaction, and not before.
pub(crate) async fn commit_artifacts(
    connection: &mut PgConnection,
    run: RunId,
    artifacts: &[(TaskId, Attempt, &ArtifactRef)],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let ids: Vec<_> = artifacts.iter().map(|_| ArtifactId::generate().as_uuid()).collect();
    let tasks: Vec<_> = artifacts.iter().map(|(task, _, _)| task.as_uuid()).collect();
    let attempts: Vec<_> = artifacts.iter().map(|(_, attempt, _)| attempt.0).collect();
    let ports: Vec<_> = artifacts.iter().map(|(_, _, new)| new.port.as_str()).collect();
    let positions = places_in_ports(artifacts);
    let holds: Vec<_> = artifacts.iter().map(|(_, _, new)| new.holds.as_str()).collect();
    let hashes: Vec<_> = artifacts.iter().map(|(_, _, new)| new.sha256.to_string()).collect();
    let sizes: Vec<_> = artifacts
        .iter()
        .map(|(_, _, new)| i64::try_from(new.size_bytes).unwrap_or(i64::MAX))
        .collect();
    let locations: Vec<_> = artifacts.iter().map(|(_, _, new)| new.location.as_str()).collect();
    let media_types: Vec<_> = artifacts.iter().map(|(_, _, new)| new.media_type.as_str()).collect();
    sqlx::query!(
        "INSERT INTO artifacts (
             id, run_id, task_id, attempt, port, position, holds, sha256, size_bytes, location, media_type,
             created_at, committed_at
         )
         SELECT new.id, $1, new.task_id, new.attempt, new.port, new.position, new.holds, new.sha256, new.size_bytes,
             new.location, new.media_type, $12, $12
         FROM UNNEST($2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::integer[], $7::text[], $8::text[],
             $9::bigint[], $10::text[], $11::text[])
             AS new (id, task_id, attempt, port, position, holds, sha256, size_bytes, location, media_type)",
        run.as_uuid(),
        &ids,
        &tasks,
        &attempts,
        &ports as _,
        &positions,
        &holds as _,
        &hashes,
        &sizes,
        &locations as _,
        &media_types as _,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The place of each artefact among those of its attempt and port.
fn places_in_ports(artifacts: &[(TaskId, Attempt, &ArtifactRef)]) -> Vec<i32> {
    let mut next: BTreeMap<(TaskId, &str), i32> = BTreeMap::new();
    let places = artifacts.iter().map(|(task, _, artifact)| {
        let place = next.entry((*task, artifact.port.as_str())).or_default();
        *place += 1;
        *place - 1
    });
    places.collect()
}

/// Writes where the run stands.
pub(crate) async fn update_run(
    connection: &mut PgConnection,
    run: RunId,
    state: &RunState,
) -> Result<(), sqlx::Error> {
    let (label, outcome, finished_at) = match state {
        RunState::Open { cancelling: false } => ("open", None, None),
        RunState::Open { cancelling: true } => ("cancelling", None, None),
        RunState::Closed { outcome, at } => ("closed", Some(outcome.label()), Some(*at)),
    };
    sqlx::query!(
        "UPDATE dag_runs
         SET state = ($2::text)::run_state, outcome = ($3::text)::outcome, finished_at = $4,
             started_at = COALESCE(started_at, (
                 SELECT min(started_at) FROM attempts WHERE run_id = $1
             ))
         WHERE id = $1 AND state <> 'closed'",
        run.as_uuid(),
        label,
        outcome,
        finished_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells those whom the DAG names how its run ended.
pub(crate) async fn tell_end(
    connection: &mut PgConnection,
    version: &DagVersion,
    view: &View,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let RunState::Closed { outcome, .. } = view.run else {
        return Ok(());
    };
    let notify = &version.spec.notify;
    let (topic, recipients): (_, &[Recipient]) = match outcome {
        Outcome::Failed => ("run_failed", &notify.on_failure),
        Outcome::Succeeded => ("run_succeeded", &notify.on_success),
        Outcome::Skipped | Outcome::Cancelled => return Ok(()),
    };
    let subject = view.facts.run.to_string();
    let payload = end_payload(view, outcome);
    Telling { topic, subject, recipients, payload: &payload }.put(connection, now).await
}

fn end_payload(view: &View, outcome: Outcome) -> Value {
    let with_outcome = |wanted| {
        let tasks = view.tasks.iter().filter(move |task| task.state.outcome() == Some(wanted));
        tasks.map(|task| task.path.to_string()).collect::<Vec<_>>()
    };
    let facts = &view.facts;
    json!({
        "dag": facts.dag,
        "run": facts.run,
        "kind": facts.kind,
        "interval": facts.interval,
        "outcome": outcome,
        "failed": with_outcome(Outcome::Failed),
    })
}

/// Wakes the workers of pools; they hear it when the transaction commits.
pub(crate) async fn wake(
    connection: &mut PgConnection,
    pools: impl IntoIterator<Item = tidemill_dag::names::PoolName>,
) -> Result<(), sqlx::Error> {
    let pools: Vec<String> = pools.into_iter().map(String::from).collect();
    if pools.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "SELECT pg_notify($1 || quote_ident(current_schema())::regnamespace::oid::text, pool)
         FROM UNNEST($2::text[]) AS pool",
        READY_CHANNEL,
        &pools
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells workers that something they run is asked to stop; they hear it when the transaction commits.
pub(crate) async fn ask_to_stop(
    connection: &mut PgConnection,
    workers: &BTreeSet<WorkerId>,
) -> Result<(), sqlx::Error> {
    if workers.is_empty() {
        return Ok(());
    }
    let workers: Vec<String> = workers.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "SELECT pg_notify($1 || quote_ident(current_schema())::regnamespace::oid::text, worker)
         FROM UNNEST($2::text[]) AS worker",
        STOP_CHANNEL,
        &workers
    )
    .execute(connection)
    .await?;
    Ok(())
}
