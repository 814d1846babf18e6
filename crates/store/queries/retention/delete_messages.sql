-- Deletes messages that arrived, or were given up. Called by Store::delete_old.
DELETE FROM outbox
WHERE id IN (
    SELECT id FROM outbox WHERE COALESCE(delivered_at, given_up_at) <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED
)
