-- Writes where tasks stand now, each only while it stands where it was read. Called by Store::apply;
-- fewer rows than given mean that a claim came between, and the whole transaction is tried again.
-- Relies on task_runs_pkey.
UPDATE task_runs AS t
SET
    state = new.state::task_state,
    attempt = new.attempt,
    phase = new.phase,
    failures = new.failures,
    losses = new.losses,
    on_child_failure = new.on_child_failure::on_child_failure,
    cancel_requested = new.cancel_requested,
    ready_at = COALESCE(new.ready_at, t.ready_at),
    queued_until = new.queued_until,
    -- A renewal may have come between.
    lease_until = CASE WHEN new.state = 'running' THEN GREATEST(new.lease_until, t.lease_until) END,
    worker_id = new.worker_id,
    expanded_at = new.expanded_at,
    finished_at = new.finished_at,
    outcome = new.outcome::outcome,
    resume = COALESCE(new.resume, t.resume),
    output = COALESCE(new.output, t.output),
    reason = new.reason
FROM UNNEST(
    $1::uuid[], $2::text[], $3::integer[], $4::text[], $5::integer[], $6::integer[], $7::integer[], $8::integer[],
    $9::text[], $10::boolean[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::uuid[],
    $15::timestamptz[], $16::timestamptz[], $17::text[], $18::jsonb[], $19::jsonb[], $20::jsonb[]
) AS new (
    id, was_state, was_attempt, state, attempt, phase, failures, losses,
    on_child_failure, cancel_requested, ready_at, queued_until, lease_until, worker_id,
    expanded_at, finished_at, outcome, resume, output, reason
)
WHERE t.run_id = $21
  AND t.id = new.id
  AND t.attempt = new.was_attempt
  AND t.state = new.was_state::task_state
