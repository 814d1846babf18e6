-- Backfills as lists show them, newest first. Called by Store::backfills and Store::backfill.
-- Relies on backfills_pkey, and on backfill_intervals_pkey for the counts.
-- $1: one backfill; $2: a DAG; $3: whether it is live; $4: how many.
SELECT
    b.id,
    b.dag,
    b.version_id,
    v.hash,
    b.range_start,
    b.range_end,
    b."order" AS "order: BackfillOrder",
    b.reprocess AS "reprocess: Reprocess",
    b.parallel_runs,
    b.weight,
    b.params,
    b.state AS "state: BackfillState",
    b.created_by,
    b.created_at,
    b.finished_at,
    i.total AS "total!",
    i.wanted AS "wanted!",
    i.waiting AS "waiting!",
    i.open AS "open!",
    i.succeeded AS "succeeded!",
    i.failed AS "failed!",
    i.cancelled AS "cancelled!"
FROM backfills b
JOIN dag_versions v ON v.id = b.version_id
CROSS JOIN LATERAL (
    SELECT
        count(*) AS total,
        count(*) FILTER (WHERE n.is_wanted) AS wanted,
        count(*) FILTER (WHERE n.is_wanted AND n.run_id IS NULL) AS waiting,
        count(*) FILTER (WHERE r.state <> 'closed') AS open,
        count(*) FILTER (WHERE r.outcome IN ('succeeded', 'skipped')) AS succeeded,
        count(*) FILTER (WHERE r.outcome = 'failed') AS failed,
        count(*) FILTER (WHERE r.outcome = 'cancelled') AS cancelled
    FROM backfill_intervals n
    LEFT JOIN dag_runs r ON r.id = n.run_id
    WHERE n.backfill_id = b.id
) i
WHERE ($1::uuid IS NULL OR b.id = $1)
  AND ($2::text IS NULL OR b.dag = $2)
  AND ($3::boolean IS NULL OR (b.state <> 'closed') = $3)
ORDER BY b.created_at DESC, b.id DESC
LIMIT $4
