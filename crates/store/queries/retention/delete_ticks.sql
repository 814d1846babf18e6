-- Deletes ticks whose run is over and whose deadline is settled. Called by Store::delete_old.
DELETE FROM ticks
WHERE (dag, tick) IN (
    SELECT t.dag, t.tick
    FROM ticks t
    JOIN dag_runs r ON r.id = t.run_id
    WHERE t.created_at <= $1 AND r.state = 'closed' AND (t.finish_by IS NULL OR t.settled_at IS NOT NULL)
    LIMIT $2
    FOR UPDATE OF t SKIP LOCKED
)
