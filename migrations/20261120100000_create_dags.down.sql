DROP TABLE dags;
DROP TABLE dag_versions;
