//! Delivery of the outbox: at least once, by one process at a time, each message with a key that tells repeats apart.

use tidemill_dag::ids::NoticeId;
use tidemill_dag::time::Lapse;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, writing};
use crate::leases::milliseconds;
use crate::outbox::{Notice, NoticeRow};

impl Store {
    /// Takes messages that are due. Nobody else takes them until `lease` is over; then they are due again.
    pub async fn claim_notices(&self, limit: u32, lease: Lapse) -> Result<Vec<Notice>, StoreError> {
        let rows = sqlx::query_as!(
            NoticeRow,
            "UPDATE outbox
             SET tries = tries + 1,
                 due_at = COALESCE($1, statement_timestamp()) + $2::bigint * INTERVAL '1 millisecond'
             WHERE id IN (
                 SELECT id
                 FROM outbox
                 WHERE delivered_at IS NULL
                   AND given_up_at IS NULL
                   AND due_at <= COALESCE($1, statement_timestamp())
                 ORDER BY due_at, id
                 LIMIT $3
                 FOR NO KEY UPDATE SKIP LOCKED
             )
             RETURNING id, topic, recipient, payload, dedup_key, due_at, tries",
            self.clock.instead(),
            milliseconds(lease),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(writing("the outbox"))?;
        let mut notices = Vec::with_capacity(rows.len());
        for row in rows {
            notices.push(Notice::try_from(row)?);
        }
        notices.sort_by_key(|notice| notice.id);
        Ok(notices)
    }

    /// Writes down that a message arrived. Says whether this try still counted.
    pub async fn notice_delivered(&self, id: NoticeId, tries: i32) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "UPDATE outbox
             SET delivered_at = COALESCE($3, statement_timestamp()), last_error = NULL
             WHERE id = $1 AND tries = $2 AND delivered_at IS NULL AND given_up_at IS NULL",
            id.as_uuid(),
            tries,
            self.clock.instead(),
        )
        .execute(&self.pool)
        .await
        .map_err(writing("the outbox"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Writes down that a message did not arrive: it is due again after `retry_in`, or given up without it.
    pub async fn notice_failed(
        &self,
        id: NoticeId,
        tries: i32,
        error: &str,
        retry_in: Option<Lapse>,
    ) -> Result<bool, StoreError> {
        let id: Uuid = id.as_uuid();
        let done = sqlx::query!(
            "UPDATE outbox
             SET last_error = $3,
                 due_at = COALESCE($4, statement_timestamp()) + COALESCE($5::bigint, 0) * INTERVAL '1 millisecond',
                 given_up_at = CASE WHEN $5::bigint IS NULL THEN COALESCE($4, statement_timestamp()) END
             WHERE id = $1 AND tries = $2 AND delivered_at IS NULL AND given_up_at IS NULL",
            id,
            tries,
            error.replace('\0', "\u{fffd}"),
            self.clock.instead(),
            retry_in.map(milliseconds),
        )
        .execute(&self.pool)
        .await
        .map_err(writing("the outbox"))?;
        Ok(done.rows_affected() > 0)
    }
}
