-- Months of history: a partition of `task_runs`, `attempts` and `artifacts` each, made ahead and dropped as one.

-- The lowest id that a run can have that is opened at this instant: 48 bits of milliseconds come first (RFC 9562, 5.7).
CREATE FUNCTION lowest_run_id(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (lpad(to_hex(floor(EXTRACT(EPOCH FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

CREATE FUNCTION month_begins(month date) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT month::timestamp AT TIME ZONE 'UTC'
$$;

-- Makes the partitions of a month, and moves what the default ones hold of it. False when they are there already, or when
-- there is too much to be moved while everybody waits: it stays where it is then, and is deleted from there.
-- Locks `dag_runs` against writers and the default partitions against all, until the transaction ends.
CREATE FUNCTION open_month(month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    most_moved CONSTANT integer := 10000;
    lowest CONSTANT uuid := lowest_run_id(month_begins(month));
    beyond CONSTANT uuid := lowest_run_id(month_begins((month + INTERVAL '1 month')::date));
    tasks CONSTANT text := 'task_runs_' || to_char(month, 'YYYY_MM');
    tries CONSTANT text := 'attempts_' || to_char(month, 'YYYY_MM');
    things CONSTANT text := 'artifacts_' || to_char(month, 'YYYY_MM');
    strays integer;
BEGIN
    IF to_regclass(tasks) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE dag_runs IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE task_runs_default, attempts_default, artifacts_default IN ACCESS EXCLUSIVE MODE;
    SELECT count(*) INTO strays
    FROM (SELECT FROM task_runs_default WHERE run_id >= lowest AND run_id < beyond LIMIT most_moved + 1) AS found;
    IF strays > most_moved THEN
        RETURN false;
    END IF;

    EXECUTE format('CREATE TABLE %I (LIKE task_runs INCLUDING ALL) WITH (fillfactor = 60)', tasks);
    EXECUTE format('CREATE TABLE %I (LIKE attempts INCLUDING ALL) WITH (fillfactor = 70)', tries);
    EXECUTE format('CREATE TABLE %I (LIKE artifacts INCLUDING ALL)', things);
    IF strays > 0 THEN
        EXECUTE format('INSERT INTO %I SELECT * FROM task_runs_default WHERE run_id >= $1 AND run_id < $2', tasks)
        USING lowest, beyond;
        EXECUTE format('INSERT INTO %I SELECT * FROM attempts_default WHERE run_id >= $1 AND run_id < $2', tries)
        USING lowest, beyond;
        EXECUTE format('INSERT INTO %I SELECT * FROM artifacts_default WHERE run_id >= $1 AND run_id < $2', things)
        USING lowest, beyond;
        DELETE FROM artifacts_default WHERE run_id >= lowest AND run_id < beyond;
        DELETE FROM attempts_default WHERE run_id >= lowest AND run_id < beyond;
        DELETE FROM task_runs_default WHERE run_id >= lowest AND run_id < beyond;
    END IF;
    EXECUTE format(
        'ALTER TABLE %I ADD CONSTRAINT task_runs_of_a_run FOREIGN KEY (run_id) REFERENCES dag_runs (id)', tasks
    );
    EXECUTE format(
        'ALTER TABLE %I ADD CONSTRAINT attempts_of_a_task'
        ' FOREIGN KEY (run_id, task_id) REFERENCES %I (run_id, id)', tries, tasks
    );
    EXECUTE format(
        'ALTER TABLE %I ADD CONSTRAINT artifacts_of_an_attempt'
        ' FOREIGN KEY (run_id, task_id, attempt) REFERENCES %I (run_id, task_id, attempt)', things, tries
    );
    EXECUTE format('ALTER TABLE task_runs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', tasks, lowest, beyond);
    EXECUTE format('ALTER TABLE attempts ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', tries, lowest, beyond);
    EXECUTE format('ALTER TABLE artifacts ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', things, lowest, beyond);
    RETURN true;
END
$$;

-- Drops a month with all that is in it: the caller has made sure that nobody needs it.
-- Locks the three tables and `dag_runs` against all, until the transaction ends.
CREATE FUNCTION drop_month(month date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'DROP TABLE IF EXISTS artifacts_%1$s, attempts_%1$s, task_runs_%1$s', to_char(month, 'YYYY_MM')
    );
END
$$;

-- The months that have partitions.
CREATE VIEW months AS
SELECT
    to_date(substr(c.relname, 11), 'YYYY_MM') AS month,
    lowest_run_id(month_begins(to_date(substr(c.relname, 11), 'YYYY_MM'))) AS lowest,
    lowest_run_id(month_begins((to_date(substr(c.relname, 11), 'YYYY_MM') + INTERVAL '1 month')::date)) AS beyond
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'task_runs'::regclass AND c.relname ~ '^task_runs_[0-9]{4}_[0-9]{2}$';

SELECT open_month((date_trunc('month', now() AT TIME ZONE 'UTC') + ahead * INTERVAL '1 month')::date)
FROM generate_series(0, 2) AS ahead;
