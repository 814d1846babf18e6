-- Data sets, version by version, and which DAGs run after which of them.
CREATE TABLE datasets (
    name         text        PRIMARY KEY,
    last_version integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,

    CONSTRAINT datasets_versions_count_up CHECK (last_version >= 0)
) WITH (fillfactor = 70);

-- A version is one landing: it adds the rows of its interval, or replaces those that the data set had of it.
CREATE TABLE dataset_versions (
    dataset        text        NOT NULL REFERENCES datasets (name),
    version        integer     NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    content        text        NOT NULL,
    rows           bigint      NOT NULL,
    size_bytes     bigint      NOT NULL,
    first_event_at timestamptz,
    last_event_at  timestamptz,
    -- The manifest of its files. The run may be gone when its history is; the files stay.
    manifest       jsonb       NOT NULL,
    run_id         uuid        NOT NULL,
    task_id        uuid        NOT NULL,
    created_at     timestamptz NOT NULL,

    PRIMARY KEY (dataset, version),
    CONSTRAINT dataset_versions_count_from_one CHECK (version > 0),
    CONSTRAINT dataset_versions_interval_runs_forward CHECK (interval_start <= interval_end),
    CONSTRAINT dataset_versions_sizes_not_negative CHECK (rows >= 0 AND size_bytes >= 0),
    CONSTRAINT dataset_versions_events_run_forward CHECK (
        (first_event_at IS NULL) = (last_event_at IS NULL) AND first_event_at <= last_event_at
    )
);

-- What the data set holds is the newest version of each interval.
CREATE INDEX dataset_versions_of_an_interval ON dataset_versions (dataset, interval_start, version DESC);

-- A DAG that runs after a data set, and up to which version it has.
CREATE TABLE dataset_readers (
    dag          text    NOT NULL REFERENCES dags (name) ON DELETE CASCADE,
    dataset      text    NOT NULL,
    needs_all    boolean NOT NULL,
    seen_version integer NOT NULL,

    PRIMARY KEY (dag, dataset),
    CONSTRAINT dataset_readers_see_versions CHECK (seen_version >= 0)
) WITH (fillfactor = 70);
