-- What DAG files said, version by version, and which version each DAG runs now.
CREATE TABLE dag_versions (
    id         uuid        PRIMARY KEY,
    dag        text        NOT NULL,
    hash       text        NOT NULL,
    document   jsonb       NOT NULL,
    source     text        NOT NULL,
    created_at timestamptz NOT NULL,

    CONSTRAINT dag_versions_content_once_per_dag UNIQUE (dag, hash),
    CONSTRAINT dag_versions_of_their_dag UNIQUE (dag, id),
    CONSTRAINT dag_versions_dag_is_named CHECK (dag <> ''),
    CONSTRAINT dag_versions_hash_is_given CHECK (hash <> '')
);

CREATE TABLE dags (
    name              text        PRIMARY KEY,
    version_id        uuid        NOT NULL,
    is_paused         boolean     NOT NULL DEFAULT false,
    -- Whether the repository of the schedulers has its file. Only such DAGs tick.
    is_present        boolean     NOT NULL DEFAULT false,
    -- Ticks up to here are dealt with, by the schedule of this version; the next one, if there is any.
    ticked_until      timestamptz,
    ticked_version_id uuid,
    next_tick_at      timestamptz,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,

    CONSTRAINT dags_run_a_version_of_their_own
        FOREIGN KEY (name, version_id) REFERENCES dag_versions (dag, id),
    CONSTRAINT dags_tick_by_a_version_of_their_own
        FOREIGN KEY (name, ticked_version_id) REFERENCES dag_versions (dag, id),
    CONSTRAINT dags_present_ones_know_their_ticks CHECK (
        NOT is_present OR (ticked_until IS NOT NULL AND ticked_version_id IS NOT NULL)
    )
);
