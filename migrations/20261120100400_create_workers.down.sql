DROP TABLE workers;
DROP TYPE worker_state;
