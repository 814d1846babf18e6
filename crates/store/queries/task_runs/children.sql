-- The children that resumed tasks asked for last. Called by Store::claim.
-- Relies on task_runs_position_once_per_run.
SELECT t.run_id, t.parent AS "parent!", t.position, t.id, t.path, t.outcome::text, t.output, t.reason
FROM UNNEST($1::uuid[], $2::integer[], $3::integer[]) AS wanted (run_id, position, wave)
JOIN task_runs t ON t.run_id = wanted.run_id AND t.parent = wanted.position AND t.wave = wanted.wave
ORDER BY t.run_id, t.position
