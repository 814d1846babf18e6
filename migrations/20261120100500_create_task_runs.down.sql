DROP TABLE task_runs;
DROP TYPE on_child_failure;
DROP TYPE task_state;
