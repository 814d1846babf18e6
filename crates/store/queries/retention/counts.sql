-- How much there is that is old, by the same conditions as the deletions beside this file. Called by Store::count_old.
-- $1 to $6: what ended before is old, of tasks, runs, ticks, backfills, messages, workers.
SELECT
    (
        SELECT count(*)
        FROM dag_runs r
        WHERE r.state = 'closed' AND r.finished_at <= $1
          AND EXISTS (SELECT FROM task_runs_default t WHERE t.run_id = r.id)
    ) AS "stray_runs!",
    (
        SELECT count(*)
        FROM cache_entries e
        WHERE e.made_at <= $1
          AND NOT EXISTS (SELECT FROM task_runs t WHERE t.run_id = e.run_id AND t.id = e.task_id)
    ) AS "results!",
    (
        SELECT count(*)
        FROM ticks t
        JOIN dag_runs r ON r.id = t.run_id
        WHERE t.created_at <= $3 AND r.state = 'closed' AND (t.finish_by IS NULL OR t.settled_at IS NOT NULL)
    ) AS "ticks!",
    (
        SELECT count(*)
        FROM dag_runs r
        WHERE r.state = 'closed' AND r.finished_at <= $2
          AND NOT EXISTS (SELECT FROM task_runs t WHERE t.run_id = r.id)
          AND NOT EXISTS (SELECT FROM backfills b WHERE b.id = r.backfill_id AND b.state <> 'closed')
    ) AS "runs!",
    (
        SELECT count(*)
        FROM backfills b
        WHERE b.state = 'closed' AND b.finished_at <= $4
          AND NOT EXISTS (SELECT FROM dag_runs r WHERE r.backfill_id = b.id)
    ) AS "backfills!",
    (
        SELECT count(*) FROM outbox WHERE COALESCE(delivered_at, given_up_at) <= $5
    ) AS "messages!",
    (
        SELECT count(*)
        FROM workers w
        WHERE w.seen_at <= $6
          AND NOT EXISTS (SELECT FROM task_runs t WHERE t.state = 'running' AND t.worker_id = w.id)
    ) AS "workers!",
    (
        SELECT count(*)
        FROM dag_versions v
        WHERE v.created_at <= $1
          AND NOT EXISTS (SELECT FROM dags d WHERE d.version_id = v.id OR d.ticked_version_id = v.id)
          AND NOT EXISTS (SELECT FROM dag_runs r WHERE r.dag = v.dag AND r.version_id = v.id)
          AND NOT EXISTS (SELECT FROM backfills b WHERE b.version_id = v.id)
    ) AS "versions!"
