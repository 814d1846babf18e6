DROP TABLE audit;
DROP FUNCTION refuse_change_of_audit;
