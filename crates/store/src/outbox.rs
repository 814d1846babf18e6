//! The outbox: messages written with the change that they tell of, to be delivered afterwards.

use serde_json::Value;
use sqlx::PgConnection;
use tidemill_dag::ids::NoticeId;
use tidemill_dag::spec::Recipient;
use tidemill_dag::time::Timestamp;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};

/// A message that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// What it is about, such as `run_failed`.
    pub topic: String,
    /// Who gets it.
    pub recipient: Recipient,
    /// What it says.
    pub payload: Value,
    /// What makes it the same message when it arrives twice.
    pub dedup_key: String,
    /// When it is to be delivered.
    pub due_at: Timestamp,
    /// How often that was tried.
    pub tries: i32,
}

/// A message to each of several recipients, to be written with the change that it tells of.
pub(crate) struct Telling<'a> {
    /// What it is about, such as `run_failed`.
    pub(crate) topic: &'a str,
    /// What it speaks of: the same topic of the same subject is told to nobody twice.
    pub(crate) subject: String,
    /// Who gets it.
    pub(crate) recipients: &'a [Recipient],
    /// What it says.
    pub(crate) payload: &'a Value,
}

impl Telling<'_> {
    /// Writes the messages that are not there yet.
    pub(crate) async fn put(
        self,
        connection: &mut PgConnection,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let Self { topic, subject, recipients, payload } = self;
        let ids: Vec<Uuid> = recipients.iter().map(|_| NoticeId::generate().as_uuid()).collect();
        let names: Vec<String> = recipients.iter().map(ToString::to_string).collect();
        let keys: Vec<String> =
            names.iter().map(|name| format!("{topic}:{subject}:{name}")).collect();
        sqlx::query!(
            "INSERT INTO outbox (id, topic, recipient, payload, dedup_key, created_at, due_at)
             SELECT new.id, $1, new.recipient, $2, new.dedup_key, $3, $3
             FROM UNNEST($4::uuid[], $5::text[], $6::text[]) AS new (id, recipient, dedup_key)
             ON CONFLICT (dedup_key) DO NOTHING",
            topic,
            payload,
            now,
            &ids,
            &names,
            &keys,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl Store {
    /// The last messages, whatever became of them, oldest first.
    pub async fn notices(&self, limit: u32) -> Result<Vec<Notice>, StoreError> {
        let rows = sqlx::query_as!(
            NoticeRow,
            "SELECT id, topic, recipient, payload, dedup_key, due_at, tries
             FROM outbox
             ORDER BY created_at DESC, id DESC
             LIMIT $1",
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the outbox"))?;
        let mut notices = Vec::with_capacity(rows.len());
        for row in rows.into_iter().rev() {
            notices.push(Notice::try_from(row)?);
        }
        Ok(notices)
    }

    /// The messages that wait, in the order in which they are due.
    pub async fn waiting_notices(&self, limit: u32) -> Result<Vec<Notice>, StoreError> {
        let rows = sqlx::query_as!(
            NoticeRow,
            "SELECT id, topic, recipient, payload, dedup_key, due_at, tries
             FROM outbox
             WHERE delivered_at IS NULL AND given_up_at IS NULL
             ORDER BY due_at, id
             LIMIT $1",
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the outbox"))?;
        let mut notices = Vec::with_capacity(rows.len());
        for row in rows {
            notices.push(Notice::try_from(row)?);
        }
        Ok(notices)
    }
}

pub(crate) struct NoticeRow {
    pub(crate) id: Uuid,
    pub(crate) topic: String,
    pub(crate) recipient: String,
    pub(crate) payload: Value,
    pub(crate) dedup_key: String,
    pub(crate) due_at: Timestamp,
    pub(crate) tries: i32,
}

impl TryFrom<NoticeRow> for Notice {
    type Error = CorruptRow;

    fn try_from(row: NoticeRow) -> Result<Self, CorruptRow> {
        let corrupt = |_| CorruptRow::new("outbox", &row.id, "outbox_recipient_is_a_recipient");
        Ok(Self {
            id: NoticeId::from_uuid(row.id),
            topic: row.topic,
            recipient: row.recipient.parse().map_err(corrupt)?,
            payload: row.payload,
            dedup_key: row.dedup_key,
            due_at: row.due_at,
            tries: row.tries,
        })
    }
}
