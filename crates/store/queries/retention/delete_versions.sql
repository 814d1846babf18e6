-- Deletes versions of DAGs that nothing names: neither the DAG itself, nor a run, nor a backfill. Called by
-- Store::delete_old. Relies on dag_runs_of_a_dag. The lock passes over those that somebody is about to name.
DELETE FROM dag_versions
WHERE id IN (
    SELECT v.id
    FROM dag_versions v
    WHERE v.created_at <= $1
      AND NOT EXISTS (SELECT FROM dags d WHERE d.version_id = v.id OR d.ticked_version_id = v.id)
      AND NOT EXISTS (SELECT FROM dag_runs r WHERE r.dag = v.dag AND r.version_id = v.id)
      AND NOT EXISTS (SELECT FROM backfills b WHERE b.version_id = v.id)
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
