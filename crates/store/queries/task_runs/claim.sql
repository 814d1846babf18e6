-- Claims ready tasks of one pool. Called by Store::claim, behind the lock of the pool's row, so that
-- what is in use cannot grow meanwhile. Relies on task_runs_claimable for the order, merged over the months, and on
-- task_runs_running for the slots in use: indexes of live rows alone, next to empty in months that are over.
-- The rest knows its run: task_runs_pkey of one month.
-- A task that does not fit is not overtaken; one that fits neither the pool nor the worker at all is passed over.
-- Equals Event::Claimed (tested).
WITH used AS (
    SELECT COALESCE(sum(slots), 0) AS slots
    FROM task_runs
    WHERE pool = $1 AND state = 'running'
), waiting AS (
    SELECT
        run_id,
        id,
        slots,
        ((ready_at - TIMESTAMPTZ '2000-01-01 00:00:00+00') - priority * INTERVAL '1 minute') AS rank
    FROM task_runs
    WHERE pool = $1
      AND state IN ('ready', 'backoff')
      AND ready_at <= COALESCE($7, statement_timestamp())
      AND slots <= LEAST($2::integer, $4::integer)
      AND NOT cancel_requested
    ORDER BY ((ready_at - TIMESTAMPTZ '2000-01-01 00:00:00+00') - priority * INTERVAL '1 minute'), id
    LIMIT $5
    FOR NO KEY UPDATE SKIP LOCKED
), lined_up AS (
    SELECT run_id, id, sum(slots) OVER (ORDER BY rank, id) AS slots_up_to
    FROM waiting
), claimed AS (
    UPDATE task_runs t
    SET
        state = 'running',
        attempt = t.attempt + 1,
        worker_id = $6,
        lease_until = COALESCE($7, statement_timestamp()) + $8::bigint * INTERVAL '1 millisecond',
        queued_until = NULL
    FROM lined_up
    WHERE t.run_id = lined_up.run_id
      AND t.id = lined_up.id
      -- Once for all, and not once for each.
      AND lined_up.slots_up_to <= LEAST($2::integer - (SELECT slots FROM used), $3::integer)
    RETURNING
        t.id, t.run_id, t.position, t.node, t.path, t.kind, t."with", t.item, t.slots, t.priority, t.ready_at,
        t.attempt, t.phase, t.resume, t.lease_until
), tried AS (
    INSERT INTO attempts (run_id, task_id, attempt, worker_id, started_at)
    SELECT run_id, id, attempt, $6, COALESCE($7, statement_timestamp())
    FROM claimed
), starting AS (
    -- A run that is being changed is left alone: the end of the run writes its start, too.
    SELECT id
    FROM dag_runs
    WHERE id IN (SELECT run_id FROM claimed) AND started_at IS NULL
    FOR NO KEY UPDATE SKIP LOCKED
), started AS (
    UPDATE dag_runs r
    SET started_at = COALESCE($7, statement_timestamp())
    FROM starting
    WHERE r.id = starting.id
)
SELECT
    c.id,
    c.run_id,
    c.position,
    c.path,
    c.kind,
    c."with",
    c.item,
    c.slots,
    c.attempt,
    c.phase,
    c.resume,
    c.lease_until AS "lease_until!",
    r.dag,
    r.version_id,
    r.kind::text AS "run_kind!",
    r.interval_start,
    r.interval_end,
    r.params,
    r.use_cache,
    (c.node = ANY (r.fresh_nodes)) AS "is_fresh!"
FROM claimed c
JOIN dag_runs r ON r.id = c.run_id
ORDER BY ((c.ready_at - TIMESTAMPTZ '2000-01-01 00:00:00+00') - c.priority * INTERVAL '1 minute'), c.id
