-- Deletes results of the cache whose tasks are gone: they count for nothing. Called by Store::delete_old.
-- Relies on task_runs_pkey.
DELETE FROM cache_entries
WHERE key IN (
    SELECT e.key
    FROM cache_entries e
    WHERE e.made_at <= $1
      AND NOT EXISTS (SELECT FROM task_runs t WHERE t.run_id = e.run_id AND t.id = e.task_id)
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
