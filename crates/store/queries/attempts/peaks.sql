-- The memory that the last attempts of nodes held at their peak: that of 19 in 20. Called when a run opens.
-- Nothing is read for nodes whose pool does not say what memory a slot stands for. Relies on dag_runs_of_a_dag,
-- task_runs_path_once_per_run and attempts_pkey; looks at the last 20 runs and attempts only.
-- $1: the DAG; then, for each node: its name, its pool, and whether its members do its work; $5: the run that opens.
WITH asked AS (
    SELECT asked.*, p.memory_per_slot, LEAST(p.slots, w.slots) AS most
    FROM UNNEST($2::text[], $3::text[], $4::boolean[]) WITH ORDINALITY AS asked (node, pool, is_mapped, place)
    JOIN pools p ON p.name = asked.pool AND p.memory_per_slot IS NOT NULL
    CROSS JOIN LATERAL (
        SELECT max(slots) AS slots
        FROM workers
        WHERE state <> 'stopped' AND p.name = ANY(pools)
          AND seen_at > (SELECT max(seen_at) FROM workers) - INTERVAL '5 minutes'
    ) w
)
SELECT
    asked.place AS "place!",
    asked.memory_per_slot,
    asked.most AS "most!",
    h.peak AS "peak!"
FROM asked
CROSS JOIN LATERAL (
    SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY last.peak_memory_bytes) AS peak
    FROM (
        SELECT a.peak_memory_bytes
        FROM (SELECT id FROM dag_runs WHERE dag = $1 AND id <> $5 ORDER BY created_at DESC, id DESC LIMIT 20) r
        JOIN task_runs t ON t.run_id = r.id AND t.node = asked.node AND (t.parent IS NOT NULL) = asked.is_mapped
        JOIN attempts a ON a.run_id = t.run_id AND a.task_id = t.id
        WHERE a.peak_memory_bytes IS NOT NULL
        ORDER BY a.started_at DESC
        LIMIT 20
    ) last
) h
WHERE h.peak IS NOT NULL
