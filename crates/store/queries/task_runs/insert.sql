-- Adds tasks, whether one or ten thousand. Called by Store::open_run and Store::apply. Relies on no index.
INSERT INTO task_runs (
    id, run_id, position, parent, wave, node, path, kind, "with", item, pool, slots, priority,
    state, attempt, phase, failures, losses, on_child_failure, cancel_requested,
    ready_at, queued_until, lease_until, worker_id, expanded_at, finished_at, outcome, resume, output, reason,
    declared_slots, learnt_from_bytes
)
SELECT
    new.id, $1, new.position, new.parent, new.wave, new.node, new.path, new.kind, new."with", new.item,
    new.pool, new.slots, new.priority,
    new.state::task_state, new.attempt, new.phase, new.failures, new.losses,
    new.on_child_failure::on_child_failure, new.cancel_requested,
    new.ready_at, new.queued_until, new.lease_until, new.worker_id, new.expanded_at, new.finished_at,
    new.outcome::outcome, new.resume, new.output, new.reason, new.declared_slots, new.learnt_from_bytes
FROM UNNEST(
    $2::uuid[], $3::integer[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::jsonb[],
    $10::jsonb[], $11::text[], $12::integer[], $13::integer[],
    $14::text[], $15::integer[], $16::integer[], $17::integer[], $18::integer[], $19::text[], $20::boolean[],
    $21::timestamptz[], $22::timestamptz[], $23::timestamptz[], $24::uuid[], $25::timestamptz[],
    $26::timestamptz[], $27::text[], $28::jsonb[], $29::jsonb[], $30::jsonb[],
    $31::integer[], $32::bigint[]
) AS new (
    id, position, parent, wave, node, path, kind, "with",
    item, pool, slots, priority,
    state, attempt, phase, failures, losses, on_child_failure, cancel_requested,
    ready_at, queued_until, lease_until, worker_id, expanded_at,
    finished_at, outcome, resume, output, reason, declared_slots, learnt_from_bytes
)
