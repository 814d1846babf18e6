-- Worker slots by name. What is taken is counted from the running tasks and stored nowhere.
CREATE TABLE pools (
    name        text    PRIMARY KEY,
    slots       integer NOT NULL,
    description text    NOT NULL DEFAULT '',

    CONSTRAINT pools_slots_not_negative CHECK (slots >= 0)
) WITH (fillfactor = 50);
