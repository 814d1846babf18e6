//! The repository's DAGs and the store's: what was added, changed and removed.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use tidemill_dag::names::DagName;
use tidemill_dag::time::Timestamp;

use crate::connect::Store;
use crate::dataset_readers::{self, Since};
use crate::error::{CorruptRow, StoreError, reading, writing};
use crate::lead::Lead;
use crate::versions::NewDagVersion;

/// What the repository holds now.
#[derive(Clone, Debug, Default)]
pub struct Present<'a> {
    /// The DAGs without problems.
    pub dags: Vec<NewDagVersion<'a>>,
    /// The files with problems: their DAGs stay what they were.
    pub broken: Vec<String>,
}

/// What a sync changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// DAGs that are there now and were not before; they tick from now on.
    pub added: Vec<DagName>,
    /// DAGs with another content.
    pub changed: Vec<DagName>,
    /// DAGs whose files are gone; what runs of them goes on with its pinned version.
    pub removed: Vec<DagName>,
}

impl Synced {
    /// Tells whether nothing changed.
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

struct Known {
    hash: String,
    source: String,
    is_present: bool,
}

impl Store {
    /// Makes the store's DAGs those of the repository, in one transaction.
    pub async fn sync_dags(&self, lead: Lead, present: &Present<'_>) -> Result<Synced, StoreError> {
        let mut transaction = self.begin().await.map_err(writing("the DAGs"))?;
        let now = self.fence(&mut transaction, lead).await?;
        let known = known_dags(&mut transaction).await?;
        let mut synced = Synced::default();
        for new in &present.dags {
            let before = known.get(&new.spec.dag);
            if before.is_none_or(|known| known.hash != new.hash || known.source != new.source) {
                self.put_version_in(&mut transaction, new).await?;
            }
            match before {
                Some(known) if known.is_present && known.hash == new.hash => {}
                Some(known) if known.is_present => {
                    dataset_readers::read_from(&mut transaction, new.spec, Since::Seen).await?;
                    synced.changed.push(new.spec.dag.clone());
                }
                Some(_) | None => {
                    appear(&mut transaction, new, now).await?;
                    dataset_readers::read_from(&mut transaction, new.spec, Since::Now).await?;
                    synced.added.push(new.spec.dag.clone());
                }
            }
        }
        synced.removed = vanish(&mut transaction, present, &known).await?;
        transaction.commit().await.map_err(writing("the DAGs"))?;
        Ok(synced)
    }
}

async fn known_dags(connection: &mut PgConnection) -> Result<BTreeMap<DagName, Known>, StoreError> {
    let rows = sqlx::query!(
        "SELECT d.name, v.hash, v.source, d.is_present
         FROM dags d
         JOIN dag_versions v ON v.id = d.version_id
         ORDER BY d.name
         FOR NO KEY UPDATE OF d",
    )
    .fetch_all(connection)
    .await
    .map_err(reading("the DAGs"))?;
    let mut known = BTreeMap::new();
    for row in rows {
        let name = DagName::new(&row.name)
            .map_err(|_| CorruptRow::new("dags", &row.name, "dags_name_is_a_name"))?;
        let before = Known { hash: row.hash, source: row.source, is_present: row.is_present };
        known.insert(name, before);
    }
    Ok(known)
}

/// A DAG that is there now ticks from now on, also when it was there long ago: nobody waits for what it missed.
async fn appear(
    connection: &mut PgConnection,
    new: &NewDagVersion<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let next_tick = new.spec.schedule.as_ref().and_then(|schedule| schedule.next_tick(now));
    sqlx::query!("DELETE FROM ticks WHERE dag = $1 AND run_id IS NULL", new.spec.dag.as_str())
        .execute(&mut *connection)
        .await
        .map_err(writing("ticks"))?;
    sqlx::query!(
        "UPDATE dags
         SET is_present = true, ticked_until = $2, ticked_version_id = version_id, next_tick_at = $3
         WHERE name = $1",
        new.spec.dag.as_str(),
        now,
        next_tick,
    )
    .execute(connection)
    .await
    .map_err(writing("a DAG"))?;
    Ok(())
}

async fn vanish(
    connection: &mut PgConnection,
    present: &Present<'_>,
    known: &BTreeMap<DagName, Known>,
) -> Result<Vec<DagName>, StoreError> {
    let there: BTreeSet<&DagName> = present.dags.iter().map(|new| &new.spec.dag).collect();
    let is_gone = |name: &DagName, before: &Known| {
        before.is_present && !there.contains(name) && !present.broken.contains(&before.source)
    };
    let gone = known.iter().filter(|(name, before)| is_gone(name, before));
    let gone: Vec<DagName> = gone.map(|(name, _)| name.clone()).collect();
    let names: Vec<String> = gone.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "UPDATE dags SET is_present = false, next_tick_at = NULL WHERE name = ANY($1)",
        &names,
    )
    .execute(connection)
    .await
    .map_err(writing("a DAG"))?;
    Ok(gone)
}
