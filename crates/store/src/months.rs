//! Months of history: the partitions that tasks, attempts and artefacts lie in, made ahead and dropped whole.

use chrono::NaiveDate;
use sqlx::PgConnection;
use tidemill_dag::time::{Lapse, Timestamp};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, reading, writing};
use crate::lead::Lead;

/// For whom the store is looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mandate {
    /// The leader of the schedulers: nothing is written once its lead is over.
    Leader(Lead),
    /// Somebody who asks for it by hand. All of it may be done twice, and at the same time.
    Person,
}

/// A month that is over for longer than tasks are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldMonth {
    /// Its first day.
    pub month: NaiveDate,
    /// How many of its runs are alive, or ended since: while there is one, the month stays.
    pub needed_by: u64,
    /// Its tasks, where they were counted.
    pub tasks: u64,
    /// Its attempts, where they were counted.
    pub attempts: u64,
    /// Its artefacts, where they were counted.
    pub artifacts: u64,
    /// What it takes on the database's disk.
    pub size_bytes: u64,
    pub(crate) lowest: Uuid,
    pub(crate) beyond: Uuid,
}

/// Whether months are looked at closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Their rows are counted.
    Counting,
    /// They are not.
    Glancing,
}

impl Store {
    /// Makes the partitions of this month and of the next two, as far as they are not there. Gives how many were made.
    ///
    /// What is written for a month without partitions lies in the default ones, and moves when the month's are made.
    /// Others wait for the locks that this takes, half a second at the most: [`StoreError::Write`] says that somebody
    /// worked for longer, and the next try may find a better moment.
    pub async fn open_months(&self, by: Mandate) -> Result<usize, StoreError> {
        let missing = sqlx::query_scalar!(
            r#"SELECT month AS "month!"
               FROM (
                   SELECT (
                       date_trunc('month', COALESCE($1, clock_timestamp()) AT TIME ZONE 'UTC')
                       + ahead * INTERVAL '1 month'
                   )::date AS month
                   FROM generate_series(0, 2) AS ahead
               ) AS wanted
               WHERE month NOT IN (SELECT month FROM months)
               ORDER BY month"#,
            self.clock.instead(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the months of history"))?;
        let mut made = 0;
        for month in missing {
            let failed = writing("a month of history");
            let mut transaction = self.begin().await.map_err(&failed)?;
            self.entitled(&mut transaction, by).await?;
            wait_briefly(&mut transaction).await.map_err(&failed)?;
            let is_made = sqlx::query_scalar!(r#"SELECT open_month($1) AS "is_made!""#, month)
                .fetch_one(&mut *transaction)
                .await
                .map_err(&failed)?;
            transaction.commit().await.map_err(&failed)?;
            if is_made {
                made += 1;
            } else {
                tracing::debug!("the default partitions hold too much of {month} to be moved");
            }
        }
        Ok(made)
    }

    /// The months that are over for longer than `kept`, oldest first, with what is in them.
    pub async fn old_months(&self, kept: Lapse) -> Result<Vec<OldMonth>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(reading("the months of history"))?;
        let now = self.now_on(&mut connection).await?;
        old_months(&mut connection, now - kept.delta(), Look::Counting).await
    }

    /// Drops the oldest month that is over for longer than `kept` and that no run needs; `None` when there is none.
    ///
    /// Who claims or reports waits for that, half a second at the most, as for [`Self::open_months`].
    pub async fn drop_old_month(
        &self,
        by: Mandate,
        kept: Lapse,
    ) -> Result<Option<NaiveDate>, StoreError> {
        let failed = writing("a month of history");
        let mut transaction = self.begin().await.map_err(&failed)?;
        let before = self.entitled(&mut transaction, by).await? - kept.delta();
        let droppable = |months: Vec<OldMonth>| months.into_iter().find(|one| one.needed_by == 0);
        if droppable(old_months(&mut transaction, before, Look::Glancing).await?).is_none() {
            return Ok(None);
        }
        wait_briefly(&mut transaction).await.map_err(&failed)?;
        // Whoever opens, changes or reruns a run holds some of these until it commits, and who comes later waits. So what is
        // read behind the locks is true until the month is gone. The order is that in which a change takes them.
        sqlx::query!(
            "LOCK TABLE dag_runs, ONLY task_runs, ONLY attempts, ONLY artifacts IN ACCESS EXCLUSIVE MODE"
        )
        .execute(&mut *transaction)
        .await
        .map_err(&failed)?;
        let Some(month) = droppable(old_months(&mut transaction, before, Look::Glancing).await?)
        else {
            return Ok(None);
        };
        sqlx::query!("SELECT FROM drop_month($1)", month.month)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(Some(month.month))
    }

    /// Makes sure that the mandate holds until the transaction ends. Gives the instant.
    pub(crate) async fn entitled(
        &self,
        connection: &mut PgConnection,
        by: Mandate,
    ) -> Result<Timestamp, StoreError> {
        match by {
            Mandate::Leader(lead) => self.fence(connection, lead).await,
            Mandate::Person => self.now_on(connection).await,
        }
    }

    async fn now_on(&self, connection: &mut PgConnection) -> Result<Timestamp, StoreError> {
        sqlx::query_scalar!(
            r#"SELECT COALESCE($1, clock_timestamp()) AS "now!""#,
            self.clock.instead()
        )
        .fetch_one(connection)
        .await
        .map_err(reading("the clock"))
    }
}

/// Whoever waits for a lock on a table has everybody else wait behind it: rather give up, and try again later.
async fn wait_briefly(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("SET LOCAL lock_timeout = '500ms'").execute(connection).await.map(drop)
}

async fn old_months(
    connection: &mut PgConnection,
    before: Timestamp,
    look: Look,
) -> Result<Vec<OldMonth>, StoreError> {
    let rows = sqlx::query_file!("queries/retention/months.sql", before, look == Look::Counting)
        .fetch_all(connection)
        .await
        .map_err(reading("the months of history"))?;
    let count = |count: Option<i64>| u64::try_from(count.unwrap_or(0)).unwrap_or(0);
    let months = rows.into_iter().map(|row| OldMonth {
        month: row.month,
        needed_by: count(Some(row.needed_by)),
        tasks: count(row.tasks),
        attempts: count(row.attempts),
        artifacts: count(row.artifacts),
        size_bytes: count(Some(row.size_bytes)),
        lowest: row.lowest,
        beyond: row.beyond,
    });
    Ok(months.collect())
}
