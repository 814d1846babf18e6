-- Ranges of intervals that somebody wants run again or at all.
CREATE TYPE backfill_state AS ENUM ('open', 'paused', 'cancelling', 'closed');
CREATE TYPE backfill_order AS ENUM ('asc', 'desc');
CREATE TYPE reprocess AS ENUM ('missing', 'failed', 'all', 'stale');

CREATE TABLE backfills (
    id             uuid           PRIMARY KEY,
    dag            text           NOT NULL REFERENCES dags (name),
    -- The version that all its runs pin.
    version_id     uuid           NOT NULL,
    range_start    timestamptz    NOT NULL,
    range_end      timestamptz    NOT NULL,
    "order"        backfill_order NOT NULL DEFAULT 'asc',
    reprocess      reprocess      NOT NULL DEFAULT 'missing',
    parallel_runs  integer        NOT NULL DEFAULT 1,
    weight         integer        NOT NULL DEFAULT 1,
    params         jsonb          NOT NULL DEFAULT '{}',
    state          backfill_state NOT NULL DEFAULT 'open',
    created_by     text           NOT NULL,
    created_at     timestamptz    NOT NULL,
    finished_at    timestamptz,

    CONSTRAINT backfills_pin_a_version_of_their_dag
        FOREIGN KEY (dag, version_id) REFERENCES dag_versions (dag, id),
    CONSTRAINT backfills_params_are_an_object CHECK (jsonb_typeof(params) = 'object'),
    CONSTRAINT backfills_range_runs_forward CHECK (range_start < range_end),
    CONSTRAINT backfills_parallel_runs_positive CHECK (parallel_runs > 0),
    CONSTRAINT backfills_weight_positive CHECK (weight > 0),
    CONSTRAINT backfills_state_columns_agree CHECK ((state = 'closed') = (finished_at IS NOT NULL))
);

CREATE INDEX backfills_live ON backfills (dag) WHERE state <> 'closed';
