DROP TABLE dataset_readers;
DROP TABLE dataset_versions;
DROP TABLE datasets;
