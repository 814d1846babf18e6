-- The months that are over for longer than their tasks are kept, and why one of them stays all the same.
-- Called by Store::old_months. Relies on dag_runs_pkey: ids of runs are in the order of their opening.
-- $1: what ended before is old. $2: whether rows are counted, which takes a moment.
SELECT
    m.month AS "month!",
    (
        SELECT count(*)
        FROM dag_runs r
        WHERE r.id >= m.lowest AND r.id < m.beyond AND (r.state <> 'closed' OR r.finished_at > $1)
    ) AS "needed_by!",
    m.lowest AS "lowest!",
    m.beyond AS "beyond!",
    CASE WHEN $2 THEN (
        SELECT count(*) FROM task_runs t WHERE t.run_id >= m.lowest AND t.run_id < m.beyond
    ) END AS tasks,
    CASE WHEN $2 THEN (
        SELECT count(*) FROM attempts a WHERE a.run_id >= m.lowest AND a.run_id < m.beyond
    ) END AS attempts,
    CASE WHEN $2 THEN (
        SELECT count(*) FROM artifacts a WHERE a.run_id >= m.lowest AND a.run_id < m.beyond
    ) END AS artifacts,
    (
        SELECT COALESCE(sum(pg_total_relation_size(to_regclass(history || to_char(m.month, '_YYYY_MM')))), 0)::bigint
        FROM UNNEST(ARRAY['task_runs', 'attempts', 'artifacts']) AS history
    ) AS "size_bytes!"
FROM months m
WHERE month_begins((m.month + INTERVAL '1 month')::date) <= $1
ORDER BY m.month
