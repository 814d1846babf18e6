-- The head of a run, without a lock. Called by Store::view. Relies on dag_runs_pkey.
WITH head AS (
    SELECT id, dag, version_id, kind, interval_start, interval_end, params, priority, state, outcome, finished_at,
        trigger_run, trigger_task
    FROM dag_runs
    WHERE id = $1
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
FROM head
