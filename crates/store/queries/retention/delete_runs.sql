-- Deletes heads of runs, with their ticks and their intervals of backfills: never before their tasks, and not while a
-- backfill still asks for them. Called by Store::delete_old.
-- Relies on dag_runs_newest; on ticks_of_a_run, backfill_intervals_of_a_run and dag_runs_rerun for what refers to them.
DELETE FROM dag_runs
WHERE id IN (
    SELECT r.id
    FROM dag_runs r
    WHERE r.created_at <= $1 AND r.state = 'closed' AND r.finished_at <= $1
      AND NOT EXISTS (SELECT FROM task_runs t WHERE t.run_id = r.id)
      AND NOT EXISTS (SELECT FROM backfills b WHERE b.id = r.backfill_id AND b.state <> 'closed')
    ORDER BY r.created_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
