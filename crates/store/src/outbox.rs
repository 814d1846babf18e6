//! The outbox: messages written with the change that they tell of, to be delivered afterwards.

use serde_json::Value;
use tidemill_dag::ids::NoticeId;
use tidemill_dag::spec::Recipient;
use tidemill_dag::time::Timestamp;

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
    /// When it is to be delivered.
    pub due_at: Timestamp,
    /// How often that was tried.
    pub tries: i32,
}

impl Store {
    /// The messages that wait, in the order in which they are due.
    pub async fn waiting_notices(&self, limit: u32) -> Result<Vec<Notice>, StoreError> {
        let rows = sqlx::query!(
            "SELECT id, topic, recipient, payload, due_at, tries
             FROM outbox
             WHERE delivered_at IS NULL
             ORDER BY due_at, id
             LIMIT $1",
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the outbox"))?;
        let mut notices = Vec::with_capacity(rows.len());
        for row in rows {
            let recipient = row.recipient.parse();
            notices.push(Notice {
                id: NoticeId::from_uuid(row.id),
                topic: row.topic,
                recipient: recipient.map_err(|_| {
                    CorruptRow::new("outbox", &row.id, "outbox_recipient_is_a_recipient")
                })?,
                payload: row.payload,
                due_at: row.due_at,
                tries: row.tries,
            });
        }
        Ok(notices)
    }
}
