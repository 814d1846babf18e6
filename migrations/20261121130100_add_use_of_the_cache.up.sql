-- Whether the cache is asked, and what it said to each attempt.
ALTER TABLE dag_runs
    ADD COLUMN use_cache boolean NOT NULL DEFAULT true,
    -- Nodes that run whatever the cache has: a rerun names them.
    ADD COLUMN fresh_nodes text[] NOT NULL DEFAULT '{}';

ALTER TABLE backfills ADD COLUMN use_cache boolean NOT NULL DEFAULT true;

-- What the cache said, where it could have a result: a hit with its origin, or a miss with the reason.
ALTER TABLE attempts
    ADD COLUMN cache jsonb,
    ADD CONSTRAINT attempts_cache_tells_of_an_end CHECK (cache IS NULL OR ended_at IS NOT NULL);
