DROP TABLE artifact_pins;
