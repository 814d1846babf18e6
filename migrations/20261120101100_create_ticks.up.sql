-- Ticks of schedules. Those without a run wait until their DAG may have one more open; those with a deadline are watched.
CREATE TABLE ticks (
    dag            text        NOT NULL REFERENCES dags (name),
    tick           timestamptz NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    run_id         uuid        REFERENCES dag_runs (id) ON DELETE CASCADE,
    finish_by      timestamptz,
    -- When people heard that the deadline is at risk, and when it was kept or missed for good.
    warned_at      timestamptz,
    settled_at     timestamptz,

    PRIMARY KEY (dag, tick),
    CONSTRAINT ticks_interval_runs_forward CHECK (interval_start <= interval_end),
    CONSTRAINT ticks_deadline_columns_agree CHECK (
        finish_by IS NOT NULL OR (warned_at IS NULL AND settled_at IS NULL)
    )
);

CREATE INDEX ticks_waiting ON ticks (dag, tick) WHERE run_id IS NULL;
CREATE INDEX ticks_of_a_run ON ticks (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX ticks_to_be_watched ON ticks (finish_by) WHERE finish_by IS NOT NULL AND settled_at IS NULL;
