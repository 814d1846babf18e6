-- The artefacts of kept tasks, under the rerun's name; their content is not copied. Called by Store::rerun.
-- Relies on artifacts_once_per_place.
INSERT INTO artifacts (
    id, run_id, task_id, attempt, port, position, holds, sha256, size_bytes, location, media_type, created_at, committed_at
)
SELECT
    gen_random_uuid(), $4, pair.new_id, a.attempt, a.port, a.position, a.holds, a.sha256, a.size_bytes, a.location,
    a.media_type, a.created_at, a.committed_at
FROM UNNEST($1::uuid[], $2::uuid[], $3::boolean[]) AS pair (new_id, old_id, is_kept)
JOIN task_runs old ON old.run_id = $5 AND old.id = pair.old_id
JOIN artifacts a ON a.run_id = $5 AND a.task_id = old.id AND a.attempt = old.attempt
WHERE pair.is_kept AND a.committed_at IS NOT NULL
