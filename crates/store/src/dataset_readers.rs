//! DAGs that run after data sets which changed.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use tidemill_dag::ids::DagVersionId;
use tidemill_dag::names::DagName;
use tidemill_dag::spec::{Changed, DagSpec};
use tidemill_dag::time::{DataInterval, Timestamp};

use crate::connect::Store;
use crate::error::{StoreError, reading, writing};
use crate::lead::Lead;
use crate::open::{NewRun, with_defaults};

/// From which version on a DAG hears of a data set that it knows already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// From the one after the last that it has seen.
    Seen,
    /// From the next one on: nobody waits for what came before.
    Now,
}

/// What a DAG runs after next.
struct Change {
    key: String,
    interval: DataInterval,
    /// The data sets with the versions that are dealt with then.
    seen: BTreeMap<String, i32>,
}

struct UnseenRow {
    dataset: String,
    version: i32,
    interval_start: Timestamp,
    interval_end: Timestamp,
}

impl Store {
    /// Opens the runs of a DAG that data sets ask for, oldest changes first, as many as it may have open.
    ///
    /// However often and by however many it is called, a change is one run. A DAG that is paused, or that the repository
    /// does not have, is left alone; its changes wait.
    pub async fn run_after_datasets(&self, lead: Lead, dag: &DagName) -> Result<usize, StoreError> {
        let mut transaction = self.begin().await.map_err(writing("a triggered run"))?;
        self.fence(&mut transaction, lead).await?;
        let Some(row) = sqlx::query!(
            r#"SELECT version_id, (
                   SELECT count(*) FROM dag_runs WHERE dag = $1 AND state <> 'closed' AND kind <> 'backfill'
               ) AS "open!"
               FROM dags
               WHERE name = $1 AND is_present AND NOT is_paused
               FOR NO KEY UPDATE"#,
            dag.as_str(),
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(reading("a DAG"))?
        else {
            return Ok(0);
        };
        let version =
            self.version_by(&mut transaction, DagVersionId::from_uuid(row.version_id)).await?;
        let Some(runs_after) = &version.spec.runs_after else { return Ok(0) };
        let room = u64::from(version.spec.parallel_runs).saturating_sub(row.open.unsigned_abs());
        let mut opened = 0;
        for _ in 0..room {
            let unseen = unseen(&mut transaction, dag).await?;
            let Some(change) = next_change(runs_after.when, runs_after.datasets.len(), &unseen)
            else {
                break;
            };
            let new = NewRun {
                params: with_defaults(&version.spec, BTreeMap::new()),
                version: Some(version.id),
                ..NewRun::triggered(dag.clone(), &change.key, change.interval)
            };
            opened += usize::from(self.open_in(&mut transaction, &new).await?.is_new);
            set_seen(&mut transaction, dag, &change.seen).await?;
        }
        transaction.commit().await.map_err(writing("a triggered run"))?;
        Ok(opened)
    }
}

/// Makes the data sets that a DAG runs after those of its file.
pub(crate) async fn read_from(
    connection: &mut PgConnection,
    dag: &DagSpec,
    since: Since,
) -> Result<(), StoreError> {
    let failed = writing("what a DAG runs after");
    let runs_after = dag.runs_after.as_ref();
    let names: Vec<String> = runs_after
        .map(|runs_after| runs_after.datasets.iter().map(ToString::to_string).collect())
        .unwrap_or_default();
    sqlx::query!(
        "DELETE FROM dataset_readers WHERE dag = $1 AND dataset <> ALL ($2)",
        dag.dag.as_str(),
        &names,
    )
    .execute(&mut *connection)
    .await
    .map_err(&failed)?;
    if names.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO dataset_readers (dag, dataset, needs_all, seen_version)
         SELECT $1, new.name, $3, COALESCE(d.last_version, 0)
         FROM UNNEST($2::text[]) AS new (name)
         LEFT JOIN datasets d ON d.name = new.name
         ON CONFLICT (dag, dataset) DO UPDATE
         SET needs_all = excluded.needs_all,
             seen_version = CASE WHEN $4 THEN excluded.seen_version ELSE dataset_readers.seen_version END",
        dag.dag.as_str(),
        &names,
        runs_after.is_some_and(|runs_after| runs_after.when == Changed::All),
        since == Since::Now,
    )
    .execute(connection)
    .await
    .map_err(&failed)?;
    Ok(())
}

/// The next version of each data set that the DAG has not seen, and where it takes all, those after it too.
async fn unseen(
    connection: &mut PgConnection,
    dag: &DagName,
) -> Result<Vec<UnseenRow>, StoreError> {
    sqlx::query_as!(
        UnseenRow,
        "SELECT v.dataset, v.version, v.interval_start, v.interval_end
         FROM dataset_readers r
         JOIN dataset_versions v ON v.dataset = r.dataset
             AND v.version > r.seen_version
             AND (r.needs_all OR v.version = r.seen_version + 1)
         WHERE r.dag = $1
         ORDER BY v.created_at, v.dataset, v.version",
        dag.as_str(),
    )
    .fetch_all(connection)
    .await
    .map_err(reading("the versions of data sets"))
}

/// What to run after: the oldest change, or all of them once each data set has one.
fn next_change(when: Changed, datasets: usize, unseen: &[UnseenRow]) -> Option<Change> {
    let taken = match when {
        Changed::Any => unseen.get(..1)?,
        Changed::All => unseen,
    };
    let mut seen: BTreeMap<String, i32> = BTreeMap::new();
    for row in taken {
        let version = seen.entry(row.dataset.clone()).or_default();
        *version = row.version.max(*version);
    }
    if when == Changed::All && seen.len() < datasets {
        return None;
    }
    let names: Vec<String> =
        seen.iter().map(|(dataset, version)| format!("{dataset} v{version}")).collect();
    Some(Change {
        key: format!("after {}", names.join(", ")),
        interval: DataInterval {
            start: taken.iter().map(|row| row.interval_start).min()?,
            end: taken.iter().map(|row| row.interval_end).max()?,
        },
        seen,
    })
}

async fn set_seen(
    connection: &mut PgConnection,
    dag: &DagName,
    seen: &BTreeMap<String, i32>,
) -> Result<(), StoreError> {
    let names: Vec<String> = seen.keys().cloned().collect();
    let versions: Vec<i32> = seen.values().copied().collect();
    sqlx::query!(
        "UPDATE dataset_readers AS r
         SET seen_version = new.version
         FROM UNNEST($2::text[], $3::integer[]) AS new (dataset, version)
         WHERE r.dag = $1 AND r.dataset = new.dataset",
        dag.as_str(),
        &names,
        &versions,
    )
    .execute(connection)
    .await
    .map_err(writing("what a DAG has seen"))?;
    Ok(())
}
