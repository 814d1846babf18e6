//! Objects that nobody needs any more, and pins, which keep an object for good.

use sqlx::PgConnection;
use tidemill_dag::time::Timestamp;
use tidemill_task::{Area, StoredObject};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, reading, writing};
use crate::months::OldMonth;

impl Store {
    /// The places in a list of objects that nobody needs: their run is not alive, and neither a row nor a pin names them;
    /// logs are named by the tasks of their run.
    ///
    /// `as_if_dropped`: months whose rows count as gone already, for plans. Nothing of what this gives can be needed
    /// again: rows name only what a run that is alive wrote, or what another row named before.
    pub async fn garbage(
        &self,
        objects: &[StoredObject],
        as_if_dropped: &[OldMonth],
    ) -> Result<Vec<usize>, StoreError> {
        let locations: Vec<&str> = objects.iter().map(|one| one.location.as_str()).collect();
        let runs: Vec<Uuid> = objects.iter().map(|one| one.run.as_uuid()).collect();
        let are_logs: Vec<bool> = objects.iter().map(|one| one.area == Area::Logs).collect();
        let dropped = as_if_dropped.iter().filter(|month| month.needed_by == 0);
        let (lowest, beyond): (Vec<Uuid>, Vec<Uuid>) =
            dropped.map(|month| (month.lowest, month.beyond)).unzip();
        let places = sqlx::query_file_scalar!(
            "queries/artifacts/garbage.sql",
            &locations as _,
            &runs,
            &are_logs,
            &lowest,
            &beyond,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("what names objects"))?;
        let place = |place: i64| usize::try_from(place - 1).unwrap_or(usize::MAX);
        Ok(places.into_iter().map(place).collect())
    }

    /// Keeps objects for good, on behalf of somebody who names them, such as a model. Pinned twice is pinned once.
    ///
    /// Each must be named by an artefact or another pin at this moment, so that nothing deletes it meanwhile; if one is
    /// not, it is [`StoreError::NothingToPin`], and none is pinned.
    pub async fn pin_artifacts(
        &self,
        pinned_by: &str,
        reason: &str,
        locations: &[&str],
    ) -> Result<(), StoreError> {
        let failed = writing("pins");
        let mut transaction = self.begin().await.map_err(&failed)?;
        let now = self.clock.instead();
        match pin(&mut transaction, (pinned_by, reason), locations, now).await.map_err(&failed)? {
            Some(location) => Err(StoreError::NothingToPin { location }),
            None => transaction.commit().await.map_err(&failed),
        }
    }

    /// Takes all pins of somebody away. Gives how many there were.
    pub async fn unpin_artifacts(&self, pinned_by: &str) -> Result<u64, StoreError> {
        let done = sqlx::query!("DELETE FROM artifact_pins WHERE pinned_by = $1", pinned_by)
            .execute(&self.pool)
            .await
            .map_err(writing("pins"))?;
        Ok(done.rows_affected())
    }
}

/// Keeps objects on behalf of somebody, for a reason; gives one that nothing names, if there is any.
pub(crate) async fn pin(
    connection: &mut PgConnection,
    (pinned_by, reason): (&str, &str),
    locations: &[&str],
    now: Option<Timestamp>,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_file_scalar!("queries/artifacts/pin.sql", locations as _, pinned_by, reason, now)
        .fetch_optional(connection)
        .await
}
