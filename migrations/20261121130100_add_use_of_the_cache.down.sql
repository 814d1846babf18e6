ALTER TABLE attempts DROP COLUMN cache;
ALTER TABLE backfills DROP COLUMN use_cache;
ALTER TABLE dag_runs DROP COLUMN use_cache, DROP COLUMN fresh_nodes;
