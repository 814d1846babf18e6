-- Who leads the schedulers, until when by this database's clock. Its writes are fenced by the epoch.
CREATE TABLE leader (
    name   text        PRIMARY KEY,
    holder text        NOT NULL,
    epoch  bigint      NOT NULL,
    until  timestamptz NOT NULL,

    CONSTRAINT leader_is_one CHECK (name = 'scheduler'),
    CONSTRAINT leader_epoch_positive CHECK (epoch > 0)
) WITH (fillfactor = 50);
