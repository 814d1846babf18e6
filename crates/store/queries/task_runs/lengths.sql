-- How long the members and children of some nodes took in the last run of a DAG that succeeded. Called by
-- new_ids::hand_out when a task expands. Relies on dag_runs_of_a_dag, task_runs_position_once_per_run and attempts_pkey.
SELECT
    t.path,
    EXTRACT(EPOCH FROM max(a.ended_at - a.started_at))::double precision AS "seconds!"
FROM task_runs t
JOIN attempts a ON a.run_id = t.run_id AND a.task_id = t.id AND a.exit_cause = 'succeeded'
WHERE t.run_id = (
      SELECT id
      FROM dag_runs
      WHERE dag = $1 AND outcome = 'succeeded'
      ORDER BY created_at DESC, id DESC
      LIMIT 1
  )
  AND t.parent IS NOT NULL
  AND t.node = ANY($2)
GROUP BY t.path
