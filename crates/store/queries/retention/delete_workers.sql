-- Deletes workers that nobody heard of for long, and that hold nothing. Called by Store::delete_old.
-- Relies on task_runs_running.
DELETE FROM workers
WHERE id IN (
    SELECT w.id
    FROM workers w
    WHERE w.seen_at <= $1
      AND NOT EXISTS (SELECT FROM task_runs t WHERE t.state = 'running' AND t.worker_id = w.id)
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
