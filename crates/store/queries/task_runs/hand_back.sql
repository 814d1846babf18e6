-- Gives an attempt back unfinished: the task is as ready as before the claim, and keeps its place in the queue.
-- Called by Store::hand_back. Relies on task_runs_pkey. An attempt that was asked to stop is not given back:
-- nobody else would take it. The counterpart of the claim, and like it no event of the run.
WITH back AS (
    UPDATE task_runs
    SET state = 'ready', worker_id = NULL, lease_until = NULL
    WHERE run_id = $6 AND id = $2 AND attempt = $3 AND state = 'running' AND worker_id = $1 AND NOT cancel_requested
    RETURNING run_id, id, attempt, pool
), ended AS (
    UPDATE attempts a
    SET ended_at = COALESCE($4, statement_timestamp()), exit_cause = 'lost', error = 'its worker stopped and gave it back'
    FROM back
    WHERE a.run_id = back.run_id AND a.task_id = back.id AND a.attempt = back.attempt AND a.ended_at IS NULL
)
SELECT pg_notify($5 || quote_ident(current_schema())::regnamespace::oid::text, pool)::text AS told
FROM back
