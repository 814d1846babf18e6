-- Runs as lists show them, newest first. Called by Store::runs and Store::run.
-- Relies on dag_runs_newest or dag_runs_of_a_dag, and on task_runs_position_once_per_run for the counts.
-- $1: one run; $2: a DAG; $3: whether it is live; $4: how many.
SELECT
    r.id,
    r.dag,
    v.hash,
    r.version_id,
    r.kind::text AS "kind!",
    r.interval_start,
    r.interval_end,
    r.params,
    r.state AS "state: RunLabel",
    r.outcome::text,
    r.created_at,
    r.started_at,
    r.finished_at,
    r.trigger_run,
    p.path AS "trigger_path?",
    t.total AS "total!",
    t.running AS "running!",
    t.succeeded AS "succeeded!",
    t.failed AS "failed!",
    t.skipped AS "skipped!",
    t.cancelled AS "cancelled!"
FROM dag_runs r
JOIN dag_versions v ON v.id = r.version_id
LEFT JOIN task_runs p ON p.run_id = r.trigger_run AND p.id = r.trigger_task
CROSS JOIN LATERAL (
    SELECT
        count(*) AS total,
        count(*) FILTER (WHERE state = 'running') AS running,
        count(*) FILTER (WHERE outcome = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE outcome = 'failed') AS failed,
        count(*) FILTER (WHERE outcome = 'skipped') AS skipped,
        count(*) FILTER (WHERE outcome = 'cancelled') AS cancelled
    FROM task_runs
    WHERE run_id = r.id
) t
WHERE ($1::uuid IS NULL OR r.id = $1)
  AND ($2::text IS NULL OR r.dag = $2)
  AND ($3::boolean IS NULL OR (r.state <> 'closed') = $3)
ORDER BY r.created_at DESC, r.id DESC
LIMIT $4
