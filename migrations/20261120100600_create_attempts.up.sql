-- Each try of a task: who, when, how it ended, what it cost.
CREATE TYPE exit_cause AS ENUM (
    'succeeded', 'expanded', 'failed', 'cancelled', 'timed_out', 'out_of_memory', 'killed', 'lost', 'fenced'
);

CREATE TABLE attempts (
    run_id            uuid        NOT NULL,
    task_id           uuid        NOT NULL,
    attempt           integer     NOT NULL,
    worker_id         uuid        NOT NULL,
    started_at        timestamptz NOT NULL,
    ended_at          timestamptz,
    exit_cause        exit_cause,
    error             text,
    peak_memory_bytes bigint,
    cpu_ms            bigint,

    PRIMARY KEY (run_id, task_id, attempt),
    CONSTRAINT attempts_count_from_one CHECK (attempt > 0),
    CONSTRAINT attempts_end_columns_agree CHECK ((ended_at IS NULL) = (exit_cause IS NULL)),
    CONSTRAINT attempts_costs_not_negative CHECK (peak_memory_bytes >= 0 AND cpu_ms >= 0)
) PARTITION BY RANGE (run_id);

CREATE TABLE attempts_default PARTITION OF attempts (
    CONSTRAINT attempts_of_a_task FOREIGN KEY (run_id, task_id) REFERENCES task_runs_default (run_id, id)
) DEFAULT WITH (fillfactor = 70);
