-- All tasks of a run, in the order of their places. Called by Store::apply, behind the run's lock,
-- and by Store::view. Relies on task_runs_position_once_per_run.
-- $2: the nodes whose outputs are read by conditions and lists, or gathered from members.
SELECT
    id,
    parent,
    path,
    state AS "state: TaskLabel",
    attempt,
    phase,
    wave,
    failures,
    losses,
    on_child_failure::text AS "on_child_failure!",
    cancel_requested,
    slots,
    declared_slots,
    learnt_from_bytes,
    ready_at,
    lease_until,
    worker_id,
    expanded_at,
    finished_at,
    outcome::text,
    CASE WHEN node = ANY($2) THEN output END AS output
FROM task_runs
WHERE run_id = $1
ORDER BY position
