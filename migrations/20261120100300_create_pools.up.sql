-- Worker slots by name. What is taken is counted from the running tasks and stored nowhere.
CREATE TABLE pools (
    name        text    PRIMARY KEY,
    slots       integer NOT NULL,
    -- The bytes of memory that one slot stands for, where the pool says so.
    memory_per_slot bigint,
    description text    NOT NULL DEFAULT '',

    CONSTRAINT pools_slots_not_negative CHECK (slots >= 0),
    CONSTRAINT pools_memory_per_slot_positive CHECK (memory_per_slot > 0)
) WITH (fillfactor = 50);
