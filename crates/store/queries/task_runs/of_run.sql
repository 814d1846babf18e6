-- All tasks of a run with their last attempt, in the order of their places. Called by Store::run.
-- Relies on task_runs_position_once_per_run, attempts_pkey and dag_runs_of_a_trigger.
SELECT
    t.id,
    t.parent,
    t.path,
    t.kind,
    t.pool,
    t.slots,
    t.declared_slots,
    t.learnt_from_bytes,
    (SELECT c.id FROM dag_runs c WHERE c.trigger_run = t.run_id AND c.trigger_task = t.id LIMIT 1) AS "started_run?",
    t.state AS "state: TaskLabel",
    t.attempt,
    t.phase,
    t.failures,
    t.losses,
    t.cancel_requested,
    t.ready_at,
    t.lease_until,
    t.worker_id,
    t.expanded_at,
    t.finished_at,
    t.outcome::text,
    t.output,
    t.reason,
    a.first_started_at,
    a.busy_ms,
    (SELECT cache FROM attempts WHERE run_id = t.run_id AND task_id = t.id AND attempt = t.attempt) AS cache
FROM task_runs t
CROSS JOIN LATERAL (
    SELECT
        min(started_at) AS first_started_at,
        (sum(EXTRACT(EPOCH FROM COALESCE(ended_at, $2, clock_timestamp()) - started_at)) * 1000)::bigint AS busy_ms
    FROM attempts
    WHERE run_id = $1 AND task_id = t.id
) a
WHERE t.run_id = $1
ORDER BY t.position
