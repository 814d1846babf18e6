-- Pools in which a task may be claimed, whether it fits or not. Called by Store::pools_that_wait, often and without a lock.
-- Relies on task_runs_claimable; says of a task what claim.sql says of it.
-- $1: the pools; $2: now, in place of the server's clock.
SELECT pool AS "pool!"
FROM unnest($1::text[]) AS asked (pool)
WHERE EXISTS (
    SELECT FROM task_runs t
    WHERE t.pool = asked.pool
      AND t.state IN ('ready', 'backoff')
      AND t.ready_at <= COALESCE($2, statement_timestamp())
      AND NOT t.cancel_requested
)
