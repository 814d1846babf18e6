-- Messages to people and machines, written with the change that they tell of, delivered afterwards.
CREATE TABLE outbox (
    id           uuid        PRIMARY KEY,
    topic        text        NOT NULL,
    recipient    text        NOT NULL,
    payload      jsonb       NOT NULL,
    -- What makes two messages the same message, so that nobody is told twice.
    dedup_key    text        NOT NULL,
    created_at   timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    tries        integer     NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    given_up_at  timestamptz,
    last_error   text,

    CONSTRAINT outbox_told_once UNIQUE (dedup_key),
    CONSTRAINT outbox_tries_not_negative CHECK (tries >= 0),
    CONSTRAINT outbox_ends_one_way CHECK (delivered_at IS NULL OR given_up_at IS NULL)
) WITH (fillfactor = 70);

CREATE INDEX outbox_due ON outbox (due_at, id) WHERE delivered_at IS NULL AND given_up_at IS NULL;
