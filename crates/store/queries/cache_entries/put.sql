-- Remembers results by their keys; a newer one takes the place of an older one. Called by Store::apply with the end of
-- the attempts that made them. Relies on cache_entries_pkey and attempts_pkey.
-- A task that went on after its children is remembered only if all its attempts had the same key: a kind that changed
-- between its phases made a result that no version alone would make.
INSERT INTO cache_entries (
    key, dag, path, interval_start, interval_end, parts, run_id, task_id, attempt, made_at
)
SELECT
    new.key, new.dag, new.path, new.interval_start, new.interval_end, new.parts, $1, new.task_id, new.attempt, $2
FROM UNNEST(
    $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::jsonb[], $9::uuid[], $10::integer[]
) AS new (key, dag, path, interval_start, interval_end, parts, task_id, attempt)
WHERE NOT EXISTS (
    SELECT 1
    FROM attempts a
    WHERE a.run_id = $1 AND a.task_id = new.task_id AND a.exit_cause = 'expanded' AND a.cache ->> 'key' IS DISTINCT FROM new.key
)
ON CONFLICT (key) DO UPDATE
SET parts = excluded.parts, run_id = excluded.run_id, task_id = excluded.task_id, attempt = excluded.attempt,
    made_at = excluded.made_at
