DROP TABLE backfill_intervals;
