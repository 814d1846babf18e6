-- The visible artefacts of tasks that succeeded, or of their members. Called by Store::claim for what
-- is wired to a claimed task. Relies on task_runs_position_once_per_run and artifacts_once_per_place.
SELECT
    t.run_id,
    wanted.position AS "wanted!",
    t.position,
    a.port,
    a.id,
    a.holds,
    a.sha256,
    a.size_bytes,
    a.location,
    a.media_type
FROM UNNEST($1::uuid[], $2::integer[], $3::boolean[]) AS wanted (run_id, position, of_members)
JOIN task_runs t
    ON t.run_id = wanted.run_id
    AND CASE WHEN wanted.of_members THEN t.parent ELSE t.position END = wanted.position
JOIN artifacts a ON a.run_id = t.run_id AND a.task_id = t.id
WHERE t.outcome = 'succeeded' AND a.attempt = t.attempt AND a.committed_at IS NOT NULL
ORDER BY t.run_id, t.position, a.port, a.position
