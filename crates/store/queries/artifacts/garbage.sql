-- Which of these objects nobody needs. Called by Store::garbage. Relies on artifacts_at_a_location, artifact_pins_pkey,
-- dag_runs_pkey and task_runs_pkey.
-- What a run that is alive writes is needed, whoever names it. Logs go with the tasks of their run. Artefacts go when
-- neither a pin nor a row names them, whichever run's: a rerun names what earlier ones made.
-- $1 to $3: objects by location, with their runs, and whether they are logs; $4 and $5: months to be taken for dropped.
SELECT o.place AS "place!"
FROM UNNEST($1::text[], $2::uuid[], $3::boolean[]) WITH ORDINALITY AS o (location, run_id, is_log, place)
WHERE NOT EXISTS (SELECT FROM dag_runs r WHERE r.id = o.run_id AND r.state <> 'closed')
  AND NOT EXISTS (SELECT FROM artifact_pins p WHERE p.location = o.location)
  AND CASE
      WHEN o.is_log THEN NOT EXISTS (
          SELECT
          FROM task_runs t
          WHERE t.run_id = o.run_id
            AND NOT EXISTS (
                SELECT FROM UNNEST($4::uuid[], $5::uuid[]) AS gone (lowest, beyond)
                WHERE t.run_id >= gone.lowest AND t.run_id < gone.beyond
            )
      )
      ELSE NOT EXISTS (
          SELECT
          FROM artifacts a
          WHERE a.location = o.location AND a.committed_at IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM UNNEST($4::uuid[], $5::uuid[]) AS gone (lowest, beyond)
                WHERE a.run_id >= gone.lowest AND a.run_id < gone.beyond
            )
      )
  END
ORDER BY o.place
