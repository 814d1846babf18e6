-- Runs that are over for long, and whose tasks lie in no month. Called by Store::delete_old.
-- The lock keeps reruns away, which copy what is deleted: their foreign key waits for it.
SELECT r.id
FROM dag_runs r
WHERE r.state = 'closed' AND r.finished_at <= $1
  AND EXISTS (SELECT FROM task_runs_default t WHERE t.run_id = r.id)
ORDER BY r.id
LIMIT $2
FOR UPDATE SKIP LOCKED
