-- What a repeated task is, and what a kept one made. Called by Store::rerun. Relies on the primary keys.
UPDATE task_runs AS new
SET kind = old.kind,
    "with" = old."with",
    item = old.item,
    output = CASE WHEN pair.is_kept THEN old.output END,
    reason = CASE WHEN pair.is_kept THEN old.reason END
FROM UNNEST($1::uuid[], $2::uuid[], $3::boolean[]) AS pair (new_id, old_id, is_kept)
JOIN task_runs old ON old.run_id = $5 AND old.id = pair.old_id
WHERE new.run_id = $4 AND new.id = pair.new_id
