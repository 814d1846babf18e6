-- The outputs of tasks that are over. Called by Store::claim for what a claimed task reads.
-- Relies on task_runs_position_once_per_run.
SELECT t.run_id, t.position, t.output AS "output!"
FROM UNNEST($1::uuid[], $2::integer[]) AS wanted (run_id, position)
JOIN task_runs t ON t.run_id = wanted.run_id AND t.position = wanted.position
WHERE t.state = 'done' AND t.output IS NOT NULL
