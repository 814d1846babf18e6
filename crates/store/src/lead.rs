//! Who leads the schedulers: one row, the database's clock, and an epoch that fences what a leader writes.

use sqlx::PgConnection;
use tidemill_dag::time::{Lapse, Timestamp};

use crate::connect::Store;
use crate::error::{StoreError, writing};
use crate::leases::milliseconds;

/// The lead, as it was won: whoever wins after has a higher epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    epoch: i64,
}

impl Lead {
    /// How often the lead was won up to this time.
    pub const fn epoch(self) -> i64 {
        self.epoch
    }
}

impl Store {
    /// Wins the lead if nobody holds it now; `None` when somebody does.
    ///
    /// Also who held it last wins it anew, with another epoch: what it began before is over.
    pub async fn acquire_lead(
        &self,
        holder: &str,
        lease: Lapse,
    ) -> Result<Option<Lead>, StoreError> {
        let epoch = sqlx::query_scalar!(
            "INSERT INTO leader (name, holder, epoch, until)
             VALUES ('scheduler', $1, 1, COALESCE($2, clock_timestamp()) + $3::bigint * INTERVAL '1 millisecond')
             ON CONFLICT (name) DO UPDATE
             SET holder = excluded.holder, epoch = leader.epoch + 1, until = excluded.until
             WHERE leader.until <= COALESCE($2, clock_timestamp())
             RETURNING epoch",
            holder,
            self.clock.instead(),
            milliseconds(lease),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(writing("the lead"))?;
        Ok(epoch.map(|epoch| Lead { epoch }))
    }

    /// Keeps the lead for longer. [`StoreError::NotLeader`] when it ran out, even if nobody else won it since.
    pub async fn renew_lead(&self, lead: Lead, lease: Lapse) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "UPDATE leader
             SET until = COALESCE($1, clock_timestamp()) + $2::bigint * INTERVAL '1 millisecond'
             WHERE epoch = $3 AND until > COALESCE($1, clock_timestamp())",
            self.clock.instead(),
            milliseconds(lease),
            lead.epoch,
        )
        .execute(&self.pool)
        .await
        .map_err(writing("the lead"))?;
        if done.rows_affected() == 0 { Err(StoreError::NotLeader { lead }) } else { Ok(()) }
    }

    /// Gives the lead up, so that another scheduler need not wait for its end. Nothing happens when it is lost already.
    pub async fn resign_lead(&self, lead: Lead) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE leader
             SET until = COALESCE($1, clock_timestamp())
             WHERE epoch = $2 AND until > COALESCE($1, clock_timestamp())",
            self.clock.instead(),
            lead.epoch,
        )
        .execute(&self.pool)
        .await
        .map_err(writing("the lead"))?;
        Ok(())
    }

    /// Makes sure that the lead is held, until the transaction ends: nobody can win it meanwhile. Gives the instant.
    pub(crate) async fn fence(
        &self,
        connection: &mut PgConnection,
        lead: Lead,
    ) -> Result<Timestamp, StoreError> {
        // The lock is what makes this exact: whoever wins the lead updates the row, and waits for our commit.
        sqlx::query_scalar!(
            r#"SELECT COALESCE($1, clock_timestamp()) AS "now!"
               FROM leader
               WHERE epoch = $2 AND until > COALESCE($1, clock_timestamp())
               FOR SHARE"#,
            self.clock.instead(),
            lead.epoch,
        )
        .fetch_optional(connection)
        .await
        .map_err(writing("what the leader does"))?
        .ok_or(StoreError::NotLeader { lead })
    }
}
