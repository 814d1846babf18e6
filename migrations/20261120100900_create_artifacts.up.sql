-- What tasks wrote to the object store. Nobody reads one before `committed_at` is set, which
-- happens in the transaction that ends the attempt.
CREATE TABLE artifacts (
    id           uuid        PRIMARY KEY,
    run_id       uuid        NOT NULL REFERENCES dag_runs (id),
    task_id      uuid        NOT NULL REFERENCES task_runs (id),
    attempt      integer     NOT NULL,
    port         text        NOT NULL,
    -- The place among the artefacts of the port.
    position     integer     NOT NULL DEFAULT 0,
    holds        text        NOT NULL,
    sha256       text        NOT NULL,
    size_bytes   bigint      NOT NULL,
    location     text        NOT NULL,
    media_type   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    committed_at timestamptz,

    CONSTRAINT artifacts_once_per_place UNIQUE (task_id, attempt, port, position),
    CONSTRAINT artifacts_of_an_attempt
        FOREIGN KEY (task_id, attempt) REFERENCES attempts (task_id, attempt),
    CONSTRAINT artifacts_sha256_is_lower_case_hex CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT artifacts_size_not_negative CHECK (size_bytes >= 0),
    CONSTRAINT artifacts_position_not_negative CHECK (position >= 0)
);

CREATE INDEX artifacts_of_a_run ON artifacts (run_id);
