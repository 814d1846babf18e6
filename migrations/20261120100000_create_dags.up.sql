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
    name       text        PRIMARY KEY,
    version_id uuid        NOT NULL,
    is_paused  boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,

    CONSTRAINT dags_run_a_version_of_their_own
        FOREIGN KEY (name, version_id) REFERENCES dag_versions (dag, id)
);
