-- The tasks of runs, which are also the queue: a task that is ready or in backoff may be claimed.
-- Ids of runs begin with the time at which the run was opened, so that ranges of them are months; all rows of a run lie
-- in one partition of each of the tables `task_runs`, `attempts` and `artifacts`. Foreign keys are those of partitions:
-- each month refers to itself alone, and goes in one statement.
CREATE TYPE task_state AS ENUM ('blocked', 'ready', 'running', 'backoff', 'expanded', 'done');
CREATE TYPE on_child_failure AS ENUM ('fail', 'resume');

CREATE TABLE task_runs (
    run_id           uuid             NOT NULL,
    id               uuid             NOT NULL,
    -- The place in the run's list, which only grows; `parent` is such a place.
    position         integer          NOT NULL,
    parent           integer,
    node             text             NOT NULL,
    path             text             NOT NULL,
    kind             text             NOT NULL,
    -- What a child was given by its parent; a node's own words are in its version's document.
    "with"           jsonb,
    item             jsonb,
    pool             text             NOT NULL,
    slots            integer          NOT NULL DEFAULT 1,
    -- What the DAG says, and the peak of memory in bytes for which the task takes more, where that is known.
    declared_slots   integer          NOT NULL DEFAULT 1,
    learnt_from_bytes bigint,
    priority         integer          NOT NULL DEFAULT 0,
    state            task_state       NOT NULL DEFAULT 'blocked',
    attempt          integer          NOT NULL DEFAULT 0,
    phase            integer          NOT NULL DEFAULT 0,
    wave             integer          NOT NULL DEFAULT 0,
    failures         integer          NOT NULL DEFAULT 0,
    losses           integer          NOT NULL DEFAULT 0,
    on_child_failure on_child_failure NOT NULL DEFAULT 'fail',
    cancel_requested boolean          NOT NULL DEFAULT false,
    ready_at         timestamptz,
    queued_until     timestamptz,
    lease_until      timestamptz,
    worker_id        uuid,
    expanded_at      timestamptz,
    finished_at      timestamptz,
    outcome          outcome,
    resume           jsonb,
    output           jsonb,
    reason           jsonb,

    PRIMARY KEY (run_id, id),
    CONSTRAINT task_runs_path_once_per_run UNIQUE (run_id, path),
    CONSTRAINT task_runs_position_once_per_run UNIQUE (run_id, position),
    CONSTRAINT task_runs_parent_comes_first CHECK (parent >= 0 AND parent < position),
    CONSTRAINT task_runs_counts_not_negative CHECK (
        position >= 0 AND attempt >= 0 AND phase >= 0 AND wave >= 0
        AND failures >= 0 AND losses >= 0
    ),
    CONSTRAINT task_runs_slots_positive CHECK (declared_slots > 0 AND slots >= declared_slots AND learnt_from_bytes >= 0),
    CONSTRAINT task_runs_state_columns_agree CHECK (
        (state = 'running') = (lease_until IS NOT NULL)
        AND (state = 'running') = (worker_id IS NOT NULL)
        AND (state = 'expanded') = (expanded_at IS NOT NULL)
        AND (state = 'done') = (finished_at IS NOT NULL)
        AND (state = 'done') = (outcome IS NOT NULL)
        AND (state <> 'blocked' OR ready_at IS NULL)
        AND (state NOT IN ('ready', 'backoff') OR ready_at IS NOT NULL)
    ),
    CONSTRAINT task_runs_started_tasks_have_an_attempt CHECK (
        state NOT IN ('running', 'backoff') OR attempt > 0
    ),
    CONSTRAINT task_runs_reason_tells_an_end CHECK (
        reason IS NULL OR (state = 'done' AND outcome <> 'succeeded')
    )
) PARTITION BY RANGE (run_id);

-- The claim query walks exactly this order: a point of priority is worth a minute of waiting, so
-- that whoever waits long enough comes first. `lease_until` is in no index: a renewal is one small
-- write to the row's own page.
CREATE INDEX task_runs_claimable ON task_runs (
    pool,
    ((ready_at - TIMESTAMPTZ '2000-01-01 00:00:00+00') - priority * INTERVAL '1 minute'),
    id
) WHERE state IN ('ready', 'backoff');

-- The slots in use, leases that ran out, and what a worker holds: few rows, whatever the history.
CREATE INDEX task_runs_running ON task_runs (pool, worker_id) WHERE state = 'running';

-- Catches what belongs to no month that is there, such as runs that a machine with a wrong clock opened.
CREATE TABLE task_runs_default PARTITION OF task_runs (
    CONSTRAINT task_runs_of_a_run FOREIGN KEY (run_id) REFERENCES dag_runs (id)
) DEFAULT WITH (fillfactor = 60);
