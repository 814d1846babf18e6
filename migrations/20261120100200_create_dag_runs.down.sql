DROP TABLE dag_runs;
DROP TYPE run_state;
DROP TYPE run_kind;
DROP TYPE outcome;
