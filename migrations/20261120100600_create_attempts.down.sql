DROP TABLE attempts;
DROP TYPE exit_cause;
