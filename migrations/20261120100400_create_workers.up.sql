-- Processes that execute tasks.
CREATE TYPE worker_state AS ENUM ('starting', 'running', 'draining', 'stopped');

CREATE TABLE workers (
    id         uuid         PRIMARY KEY,
    name       text         NOT NULL,
    host       text         NOT NULL,
    pid        integer      NOT NULL,
    pools      text[]       NOT NULL,
    slots      integer      NOT NULL,
    state      worker_state NOT NULL DEFAULT 'starting',
    started_at timestamptz  NOT NULL,
    seen_at    timestamptz  NOT NULL,

    CONSTRAINT workers_slots_positive CHECK (slots > 0)
) WITH (fillfactor = 50);

CREATE INDEX workers_live ON workers (name) WHERE state <> 'stopped';
