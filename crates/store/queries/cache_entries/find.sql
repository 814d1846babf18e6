-- For each key the result that is kept by it; without one, the result of the same task that is closest: the newest of
-- the same interval, else of the latest one. Called by Store::cached, by workers before a task that can be cached runs,
-- and by plans. Relies on cache_entries_pkey and cache_entries_of_a_task.
-- A result counts only while its task and artefacts are still rows.
SELECT
    wanted.place AS "place!",
    found.is_hit AS "is_hit?",
    found.path AS "path?",
    found.run_id AS "run_id?",
    found.attempt AS "attempt?",
    found.made_at AS "made_at?",
    found.parts AS "parts?",
    t.output AS "output?",
    (t.id IS NOT NULL) AS "is_there!",
    made.artifacts AS "artifacts?",
    COALESCE($6, clock_timestamp()) AS "now!"
FROM UNNEST($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) WITH ORDINALITY
    AS wanted (key, dag, path, interval_start, interval_end, place)
LEFT JOIN LATERAL (
    (
        SELECT e.path, e.run_id, e.task_id, e.attempt, e.made_at, e.parts, true AS is_hit, 0 AS rank
        FROM cache_entries e
        WHERE e.key = wanted.key
    )
    UNION ALL
    (
        SELECT e.path, e.run_id, e.task_id, e.attempt, e.made_at, e.parts, false, 1
        FROM cache_entries e
        WHERE e.dag = wanted.dag AND e.path = wanted.path
          AND e.interval_start = wanted.interval_start AND e.interval_end = wanted.interval_end
        ORDER BY e.made_at DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT e.path, e.run_id, e.task_id, e.attempt, e.made_at, e.parts, false, 2
        FROM cache_entries e
        WHERE e.dag = wanted.dag AND e.path = wanted.path
        ORDER BY e.interval_start DESC, e.interval_end DESC, e.made_at DESC
        LIMIT 1
    )
    ORDER BY rank
    LIMIT 1
) found ON true
LEFT JOIN task_runs t
    ON t.id = found.task_id AND t.run_id = found.run_id AND t.attempt = found.attempt
    AND t.outcome = 'succeeded' AND found.is_hit
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
ORDER BY wanted.place
