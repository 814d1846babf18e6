-- The intervals of a backfill, in the order in which their runs open, and why each runs or not.
CREATE TABLE backfill_intervals (
    backfill_id    uuid        NOT NULL REFERENCES backfills (id) ON DELETE CASCADE,
    position       integer     NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    is_wanted      boolean     NOT NULL,
    why            text        NOT NULL,
    -- An interval without a run waits for one; so it goes with its run.
    run_id         uuid        REFERENCES dag_runs (id) ON DELETE CASCADE,

    PRIMARY KEY (backfill_id, position),
    CONSTRAINT backfill_intervals_once_per_backfill UNIQUE (backfill_id, interval_start),
    CONSTRAINT backfill_intervals_run_forward CHECK (interval_start < interval_end),
    CONSTRAINT backfill_intervals_run_when_wanted CHECK (is_wanted OR run_id IS NULL)
);

CREATE INDEX backfill_intervals_waiting
    ON backfill_intervals (backfill_id, position) WHERE is_wanted AND run_id IS NULL;
CREATE INDEX backfill_intervals_of_a_run ON backfill_intervals (run_id) WHERE run_id IS NOT NULL;
