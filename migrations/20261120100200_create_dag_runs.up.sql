-- One run of a DAG over one interval.
CREATE TYPE outcome AS ENUM ('succeeded', 'failed', 'skipped', 'cancelled');
CREATE TYPE run_kind AS ENUM ('scheduled', 'manual', 'backfill', 'triggered');
CREATE TYPE run_state AS ENUM ('open', 'cancelling', 'closed');

CREATE TABLE dag_runs (
    id             uuid        PRIMARY KEY,
    dag            text        NOT NULL REFERENCES dags (name),
    version_id     uuid        NOT NULL,
    kind           run_kind    NOT NULL,
    -- What makes the run the same run when it is asked for twice, such as its tick.
    key            text        NOT NULL,
    tick           timestamptz,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    params         jsonb       NOT NULL DEFAULT '{}',
    priority       integer     NOT NULL DEFAULT 0,
    backfill_id    uuid        REFERENCES backfills (id),
    -- The run that this one repeats in part.
    rerun_of       uuid        REFERENCES dag_runs (id) ON DELETE SET NULL,
    -- The run and the task that asked for it, how many runs asked for each other down to it, and whether it is cancelled
    -- with that task. No references: the history of who asked may be dropped first.
    trigger_run       uuid,
    trigger_task      uuid,
    trigger_depth     integer NOT NULL DEFAULT 0,
    ends_with_trigger boolean NOT NULL DEFAULT false,
    state          run_state   NOT NULL DEFAULT 'open',
    outcome        outcome,
    created_at     timestamptz NOT NULL,
    started_at     timestamptz,
    finished_at    timestamptz,

    CONSTRAINT dag_runs_key_once_per_dag UNIQUE (dag, key),
    CONSTRAINT dag_runs_pin_a_version_of_their_dag
        FOREIGN KEY (dag, version_id) REFERENCES dag_versions (dag, id),
    CONSTRAINT dag_runs_interval_runs_forward CHECK (interval_start <= interval_end),
    CONSTRAINT dag_runs_kind_columns_agree CHECK (
        (kind = 'backfill') = (backfill_id IS NOT NULL)
        AND (kind <> 'scheduled' OR tick IS NOT NULL)
    ),
    CONSTRAINT dag_runs_trigger_columns_agree CHECK (
        (trigger_run IS NULL) = (trigger_task IS NULL)
        AND (trigger_run IS NULL) = (trigger_depth = 0)
        AND trigger_depth >= 0
        AND (trigger_run IS NOT NULL OR NOT ends_with_trigger)
    ),
    CONSTRAINT dag_runs_params_are_an_object CHECK (jsonb_typeof(params) = 'object'),
    CONSTRAINT dag_runs_state_columns_agree CHECK (
        (state = 'closed') = (finished_at IS NOT NULL)
        AND (state = 'closed') = (outcome IS NOT NULL)
    )
) WITH (fillfactor = 70);

CREATE INDEX dag_runs_of_a_dag ON dag_runs (dag, created_at DESC, id DESC);
CREATE INDEX dag_runs_newest ON dag_runs (created_at DESC, id DESC);
CREATE INDEX dag_runs_live ON dag_runs (dag) WHERE state <> 'closed';
CREATE INDEX dag_runs_of_a_backfill ON dag_runs (backfill_id) WHERE backfill_id IS NOT NULL;
-- For the foreign key, when an old run goes.
CREATE INDEX dag_runs_rerun ON dag_runs (rerun_of) WHERE rerun_of IS NOT NULL;
CREATE INDEX dag_runs_of_a_trigger ON dag_runs (trigger_run) WHERE trigger_run IS NOT NULL;
CREATE INDEX dag_runs_ending_with_a_trigger ON dag_runs (id) WHERE ends_with_trigger AND state = 'open';
