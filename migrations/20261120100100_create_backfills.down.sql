DROP TABLE backfills;
DROP TYPE reprocess;
DROP TYPE backfill_order;
DROP TYPE backfill_state;
