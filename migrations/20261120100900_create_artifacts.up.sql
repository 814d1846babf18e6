-- What tasks wrote to the object store. Nobody reads one before `committed_at` is set, which
-- happens in the transaction that ends the attempt.
CREATE TABLE artifacts (
    run_id       uuid        NOT NULL,
    id           uuid        NOT NULL,
    task_id      uuid        NOT NULL,
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

    PRIMARY KEY (run_id, id),
    CONSTRAINT artifacts_once_per_place UNIQUE (run_id, task_id, attempt, port, position),
    CONSTRAINT artifacts_sha256_is_lower_case_hex CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT artifacts_size_not_negative CHECK (size_bytes >= 0),
    CONSTRAINT artifacts_position_not_negative CHECK (position >= 0)
) PARTITION BY RANGE (run_id);

-- Whether anything names an object: reruns name those of earlier runs.
CREATE INDEX artifacts_at_a_location ON artifacts USING hash (location);

CREATE TABLE artifacts_default PARTITION OF artifacts (
    CONSTRAINT artifacts_of_an_attempt
        FOREIGN KEY (run_id, task_id, attempt) REFERENCES attempts_default (run_id, task_id, attempt)
) DEFAULT;
