-- What the tasks of a run gave that succeeded, and what members of lists stand for, for a plan of a rerun. Called by Store::plan_rerun.
-- Relies on task_runs_path_once_per_run and artifacts_once_per_place.
SELECT
    t.id,
    t.path,
    t.output,
    t.item,
    (t.outcome = 'succeeded') AS "has_succeeded!",
    COALESCE(made.artifacts, '[]') AS "artifacts!: Value"
FROM task_runs t
LEFT JOIN LATERAL (
    SELECT
        jsonb_agg(
            jsonb_build_object(
                'port', a.port,
                'holds', a.holds,
                'sha256', a.sha256,
                'size_bytes', a.size_bytes,
                'location', a.location,
                'media_type', a.media_type
            )
            ORDER BY a.port, a.position
        ) AS artifacts
    FROM artifacts a
    WHERE a.run_id = t.run_id AND a.task_id = t.id AND a.attempt = t.attempt AND a.committed_at IS NOT NULL
) made ON true
WHERE t.run_id = $1 AND t.outcome IS NOT NULL AND (t.outcome = 'succeeded' OR t.item IS NOT NULL)
