SELECT drop_month(month) FROM months;
DROP VIEW months;
DROP FUNCTION drop_month, open_month, month_begins, lowest_run_id;
