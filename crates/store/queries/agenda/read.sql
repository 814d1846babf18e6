-- What there is to do for schedulers. Called by Store::agenda, every second or two.
-- Relies on ticks_waiting, dag_runs_live, dag_runs_ending_with_a_trigger, backfills_live, backfill_intervals_waiting,
-- task_runs_running, task_runs_claimable, ticks_to_be_watched and outbox_due, and on the keys of datasets and
-- dataset_readers: all of them are small, whatever the history.
WITH clock AS (
    SELECT COALESCE($1, statement_timestamp()) AS now
), ticking AS (
    SELECT d.name
    FROM dags d, clock
    WHERE d.is_present
      AND NOT d.is_paused
      AND (
          d.next_tick_at <= clock.now
          OR d.ticked_version_id IS DISTINCT FROM d.version_id
          OR (
              EXISTS (SELECT FROM ticks t WHERE t.dag = d.name AND t.run_id IS NULL)
              AND (
                  SELECT count(*) FROM dag_runs r
                  WHERE r.dag = d.name AND r.state <> 'closed' AND r.kind <> 'backfill'
              ) < (SELECT (v.document ->> 'parallel_runs')::integer FROM dag_versions v WHERE v.id = d.version_id)
          )
      )
), advancing AS (
    SELECT b.id
    FROM backfills b
    CROSS JOIN LATERAL (
        SELECT count(*) AS live FROM dag_runs r WHERE r.backfill_id = b.id AND r.state <> 'closed'
    ) runs
    WHERE (b.state = 'cancelling' AND runs.live = 0)
       OR (b.state = 'open' AND runs.live < b.parallel_runs AND EXISTS (
           SELECT FROM backfill_intervals i WHERE i.backfill_id = b.id AND i.is_wanted AND i.run_id IS NULL
       ))
       OR (b.state = 'open' AND runs.live = 0)
), reacting AS (
    -- A DAG that waits for room is not asked about again before it has some.
    SELECT d.name
    FROM dags d
    JOIN dag_versions v ON v.id = d.version_id
    CROSS JOIN LATERAL (
        SELECT
            bool_and(COALESCE(s.last_version, 0) > r.seen_version) AS have_all_changed,
            bool_or(s.last_version > r.seen_version AND NOT r.needs_all) AS has_any_changed
        FROM dataset_readers r
        LEFT JOIN datasets s ON s.name = r.dataset
        WHERE r.dag = d.name
    ) sets
    WHERE d.is_present
      AND NOT d.is_paused
      AND (sets.have_all_changed OR sets.has_any_changed)
      AND (
          SELECT count(*) FROM dag_runs r
          WHERE r.dag = d.name AND r.state <> 'closed' AND r.kind <> 'backfill'
      ) < (v.document ->> 'parallel_runs')::integer
)
SELECT
    ARRAY(SELECT name FROM ticking ORDER BY name) AS "ticking!",
    ARRAY(SELECT id FROM advancing ORDER BY id) AS "backfills!",
    ARRAY(SELECT name FROM reacting ORDER BY name) AS "reacting!",
    EXISTS (
        SELECT FROM task_runs
        WHERE state = 'running' AND lease_until <= (SELECT now FROM clock)
    ) OR EXISTS (
        SELECT FROM task_runs
        WHERE state IN ('ready', 'backoff') AND queued_until <= (SELECT now FROM clock)
    ) AS "has_expired_leases!",
    ARRAY(
        SELECT r.id FROM dag_runs r
        JOIN task_runs t ON t.run_id = r.trigger_run AND t.id = r.trigger_task
        WHERE r.state = 'open' AND r.ends_with_trigger AND t.outcome = 'cancelled'
        ORDER BY r.id
    ) AS "strays!",
    EXISTS (
        SELECT FROM ticks WHERE finish_by IS NOT NULL AND settled_at IS NULL
    ) AS "has_open_deadlines!",
    EXISTS (
        SELECT FROM outbox
        WHERE delivered_at IS NULL AND given_up_at IS NULL AND due_at <= (SELECT now FROM clock)
    ) AS "has_due_notices!",
    (SELECT min(next_tick_at) FROM dags WHERE is_present AND NOT is_paused) AS next_tick_at,
    (SELECT now FROM clock) AS "now!"
