//! The audit trail: who did what to what, in the transaction that did it.

use serde_json::Value;
use sqlx::PgConnection;
use tidemill_dag::time::Timestamp;

use crate::connect::Store;
use crate::error::{StoreError, reading};

/// A line to be added.
#[derive(Clone, Debug)]
pub(crate) struct AuditNote {
    pub(crate) actor: String,
    pub(crate) action: &'static str,
    pub(crate) subject_kind: &'static str,
    pub(crate) subject_id: String,
    pub(crate) detail: Value,
}

impl AuditNote {
    pub(crate) async fn write(
        &self,
        connection: &mut PgConnection,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "INSERT INTO audit (at, actor, action, subject_kind, subject_id, detail)
             VALUES ($1, $2, $3, $4, $5, $6)",
            now,
            self.actor,
            self.action,
            self.subject_kind,
            self.subject_id,
            self.detail,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// A line of the audit trail.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Did what, such as `cancel_run`.
    pub action: String,
    /// To what sort of thing, such as `run`.
    pub subject_kind: String,
    /// To which one.
    pub subject_id: String,
    /// With which details.
    pub detail: Value,
}

impl Store {
    /// The last lines of the audit trail, oldest first.
    pub async fn audit(&self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let mut entries = sqlx::query_as!(
            AuditEntry,
            "SELECT id, at, actor, action, subject_kind, subject_id, detail
             FROM audit
             ORDER BY id DESC
             LIMIT $1",
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the audit trail"))?;
        entries.reverse();
        Ok(entries)
    }
}
