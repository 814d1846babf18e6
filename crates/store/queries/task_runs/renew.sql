-- Moves the leases of what a worker holds. Called by Store::renew, every few seconds per worker.
-- Relies on task_runs_pkey. Rows that a change of their run has locked are left to the next round,
-- so that two transactions never wait for each other; whether they are still held is read without a lock.
WITH held AS (
    SELECT * FROM UNNEST($6::uuid[], $2::uuid[], $3::integer[]) AS held (run_id, id, attempt)
), renewable AS (
    SELECT t.run_id, t.id
    FROM task_runs t
    JOIN held ON held.run_id = t.run_id AND held.id = t.id AND held.attempt = t.attempt
    WHERE t.state = 'running' AND t.worker_id = $1
    FOR NO KEY UPDATE OF t SKIP LOCKED
), renewed AS (
    UPDATE task_runs t
    SET lease_until = COALESCE($4, statement_timestamp()) + $5::bigint * INTERVAL '1 millisecond'
    FROM renewable
    WHERE t.run_id = renewable.run_id AND t.id = renewable.id
), seen AS (
    UPDATE workers
    SET seen_at = COALESCE($4, statement_timestamp())
    WHERE id = $1
)
SELECT
    held.run_id AS "run_id!",
    held.id AS "id!",
    held.attempt AS "attempt!",
    (t.id IS NOT NULL) AS "is_held!",
    COALESCE(t.cancel_requested, false) AS "cancel_requested!"
FROM held
LEFT JOIN task_runs t
    ON t.run_id = held.run_id AND t.id = held.id AND t.attempt = held.attempt AND t.state = 'running' AND t.worker_id = $1
