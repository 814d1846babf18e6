-- Deletes backfills that are over and have no runs left, with their intervals. Called by Store::delete_old.
-- Relies on dag_runs_of_a_backfill.
DELETE FROM backfills
WHERE id IN (
    SELECT b.id
    FROM backfills b
    WHERE b.state = 'closed' AND b.finished_at <= $1
      AND NOT EXISTS (SELECT FROM dag_runs r WHERE r.backfill_id = b.id)
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
