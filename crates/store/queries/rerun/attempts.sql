-- The attempt that made what a kept task keeps. Called by Store::rerun. Relies on the primary keys.
INSERT INTO attempts (
    run_id, task_id, attempt, worker_id, started_at, ended_at, exit_cause, error, peak_memory_bytes, cpu_ms, cache
)
SELECT
    $4, pair.new_id, a.attempt, a.worker_id, a.started_at, a.ended_at, a.exit_cause, a.error, a.peak_memory_bytes, a.cpu_ms,
    a.cache
FROM UNNEST($1::uuid[], $2::uuid[], $3::boolean[]) AS pair (new_id, old_id, is_kept)
JOIN task_runs old ON old.run_id = $5 AND old.id = pair.old_id
JOIN attempts a ON a.run_id = $5 AND a.task_id = old.id AND a.attempt = old.attempt
WHERE pair.is_kept
