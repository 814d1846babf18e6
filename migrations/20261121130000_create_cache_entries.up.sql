-- Results that may stand in for another run of the same work, by the hash of all that they depend on. There is one for
-- each key: the newest. What a result is stays in the rows of its run; once these are dropped, the entry counts for
-- nothing, so nothing here holds them.
CREATE TABLE cache_entries (
    key            text        PRIMARY KEY,
    dag            text        NOT NULL,
    path           text        NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    -- What the key is the hash of, to tell in what another task differs.
    parts          jsonb       NOT NULL,
    run_id         uuid        NOT NULL,
    task_id        uuid        NOT NULL,
    attempt        integer     NOT NULL,
    made_at        timestamptz NOT NULL,

    CONSTRAINT cache_entries_key_is_lower_case_hex CHECK (key ~ '^[0-9a-f]{64}$'),
    CONSTRAINT cache_entries_attempts_count_from_one CHECK (attempt > 0)
);

-- What a miss is compared with: the newest result of the same interval, else of the latest one.
CREATE INDEX cache_entries_of_a_task
    ON cache_entries (dag, path, interval_start DESC, interval_end DESC, made_at DESC);
-- For dropping history.
CREATE INDEX cache_entries_of_a_run ON cache_entries (run_id);
