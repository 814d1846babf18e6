-- The one lock that makes changes of a run happen one after the other. Called by Store::apply,
-- before it reads the tasks. Relies on dag_runs_pkey.
-- The clock is read behind the lock, so that whoever waited does not live in the past.
WITH locked AS MATERIALIZED (
    SELECT id, dag, version_id, kind, interval_start, interval_end, params, priority, state, outcome, finished_at,
        trigger_run, trigger_task
    FROM dag_runs
    WHERE id = $1
    FOR NO KEY UPDATE
)
SELECT
    id,
    dag,
    version_id,
    kind::text AS "kind!",
    interval_start,
    interval_end,
    params,
    priority,
    state AS "state: RunLabel",
    outcome::text,
    finished_at,
    trigger_run,
    trigger_task,
    COALESCE($2, clock_timestamp()) AS "now!"
FROM locked
