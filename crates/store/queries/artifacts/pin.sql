-- Pins those of the locations that something names already. Called by Store::pin_artifacts.
-- Relies on artifacts_at_a_location and artifact_pins_pkey.
WITH wanted AS (
    SELECT DISTINCT location FROM UNNEST($1::text[]) AS wanted (location)
), named AS (
    SELECT w.location
    FROM wanted w
    WHERE EXISTS (SELECT FROM artifacts a WHERE a.location = w.location AND a.committed_at IS NOT NULL)
       OR EXISTS (SELECT FROM artifact_pins p WHERE p.location = w.location)
), pinned AS (
    INSERT INTO artifact_pins (location, pinned_by, reason, pinned_at)
    SELECT location, $2, $3, COALESCE($4, clock_timestamp())
    FROM named
    ON CONFLICT (location, pinned_by) DO NOTHING
)
SELECT location AS "location!" FROM wanted
EXCEPT
SELECT location FROM named
ORDER BY 1
LIMIT 1
