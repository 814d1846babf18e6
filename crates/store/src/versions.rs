//! DAGs and their versions: what was committed, and what each run pins.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use tidemill_dag::ids::DagVersionId;
use tidemill_dag::names::{DagName, TaskName};
use tidemill_dag::plan::Plan;
use tidemill_dag::schedule::Zone;
use tidemill_dag::spec::DagSpec;
use tidemill_dag::state::TaskIndex;
use tidemill_dag::template::{UseKind, uses_in_template};
use tidemill_dag::time::Timestamp;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading, writing};

/// How many versions are kept in memory; a version is planned again when it is asked for after it fell out.
const MOST_CACHED: usize = 256;

/// What a DAG file says, to be remembered.
#[derive(Clone, Copy, Debug)]
pub struct NewDagVersion<'a> {
    /// The content, with all that it includes.
    pub spec: &'a DagSpec,
    /// The hash of the content.
    pub hash: &'a str,
    /// The file.
    pub source: &'a str,
}

/// One version of a DAG, planned.
#[derive(Debug)]
pub struct DagVersion {
    /// Its id.
    pub id: DagVersionId,
    /// The hash of its content.
    pub hash: String,
    /// The file that it came from.
    pub source: String,
    /// Its content.
    pub spec: DagSpec,
    /// Its tasks, ordered.
    pub plan: Plan,
    /// Per node: the tasks whose outputs its templates read.
    outputs_read: Vec<BTreeSet<TaskIndex>>,
    /// The nodes whose outputs transitions read, or gather.
    outputs_in_view: Vec<String>,
}

impl DagVersion {
    fn new(
        id: DagVersionId,
        hash: String,
        source: String,
        spec: DagSpec,
    ) -> Result<Self, StoreError> {
        let plan =
            Plan::new(&spec).map_err(|source| StoreError::Unplannable { version: id, source })?;
        let outputs_read =
            (0..plan.nodes().len()).map(|node| outputs_read(&plan, TaskIndex(node))).collect();
        let outputs_in_view = outputs_in_view(&plan);
        Ok(Self { id, hash, source, spec, plan, outputs_read, outputs_in_view })
    }

    /// The zone that its intervals are shown in.
    pub fn zone(&self) -> Zone {
        self.spec.schedule.as_ref().map_or(Zone::UTC, |schedule| schedule.timezone)
    }

    /// The tasks whose outputs the templates of a node may read: those that it waits for, and those that it names.
    pub(crate) fn outputs_read(&self, node: TaskIndex) -> &BTreeSet<TaskIndex> {
        &self.outputs_read[node.0]
    }

    /// The nodes whose outputs, and whose members' outputs, a view holds.
    pub(crate) fn outputs_in_view(&self) -> &[String] {
        &self.outputs_in_view
    }
}

fn outputs_read(plan: &Plan, node: TaskIndex) -> BTreeSet<TaskIndex> {
    let node = plan.node(node);
    let mut texts = Vec::new();
    node.spec.with.values().for_each(|value| collect_texts(value, &mut texts));
    let uses = texts.into_iter().flat_map(|text| uses_in_template(text).unwrap_or_default());
    let mut read: BTreeSet<TaskIndex> = node.upstream.iter().copied().collect();
    for found in uses.filter(|found| found.kind == UseKind::Name) {
        if let [root, task, ..] = found.path.as_slice()
            && root == "outputs"
        {
            read.extend(TaskName::new(task).ok().and_then(|task| plan.index_of(&task)));
        }
    }
    read
}

fn collect_texts<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(list) => list.iter().for_each(|member| collect_texts(member, texts)),
        Value::Object(map) => map.values().for_each(|member| collect_texts(member, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What expressions read, and every mapped node: its output is the list of its members' outputs.
fn outputs_in_view(plan: &Plan) -> Vec<String> {
    let mut nodes = plan.outputs_read();
    let mapped = plan.nodes().iter().enumerate().filter(|(_, node)| node.for_each().is_some());
    nodes.extend(mapped.map(|(index, _)| TaskIndex(index)));
    nodes.into_iter().map(|node| plan.node(node).name.to_string()).collect()
}

/// A DAG, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DagSummary {
    /// Its name.
    pub name: DagName,
    /// The version that new runs pin.
    pub version: DagVersionId,
    /// The hash of that version.
    pub hash: String,
    /// The file that it came from.
    pub source: String,
    /// Whether its schedule is held.
    pub is_paused: bool,
    /// Whether the repository of the schedulers has its file: only then it ticks.
    pub is_present: bool,
    /// When it ticks next, where it has a schedule.
    pub next_tick_at: Option<Timestamp>,
    /// When its content last changed.
    pub updated_at: Timestamp,
}

/// The versions that were read: they never change, so that one copy serves all.
#[derive(Debug, Default)]
pub(crate) struct VersionCache(Mutex<HashMap<DagVersionId, Arc<DagVersion>>>);

impl VersionCache {
    fn get(&self, id: DagVersionId) -> Option<Arc<DagVersion>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn put(&self, version: Arc<DagVersion>) {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if versions.len() >= MOST_CACHED {
            versions.clear();
        }
        versions.insert(version.id, version);
    }

    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Store {
    /// Remembers what a DAG file says and makes it the version that new runs pin.
    ///
    /// The same content again is the same version.
    pub async fn put_dag_version(
        &self,
        new: &NewDagVersion<'_>,
    ) -> Result<DagVersionId, StoreError> {
        let mut transaction = self.begin().await.map_err(writing("a version of a DAG"))?;
        let id = self.put_version_in(&mut transaction, new).await?;
        transaction.commit().await.map_err(writing("a version of a DAG"))?;
        Ok(id)
    }

    pub(crate) async fn put_version_in(
        &self,
        connection: &mut PgConnection,
        new: &NewDagVersion<'_>,
    ) -> Result<DagVersionId, StoreError> {
        let dag = new.spec.dag.as_str();
        // The update makes RETURNING see the row of an earlier call, and leaves its keys unlocked for those who refer to it.
        let id = sqlx::query_scalar!(
            "INSERT INTO dag_versions (id, dag, hash, document, source, created_at)
             VALUES ($1, $2, $3, $4, $5, COALESCE($6, now()))
             ON CONFLICT (dag, hash) DO UPDATE SET source = excluded.source
             RETURNING id",
            DagVersionId::generate().as_uuid(),
            dag,
            new.hash,
            Json(new.spec) as _,
            new.source,
            self.clock.instead(),
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(writing("a version of a DAG"))?;
        sqlx::query!(
            "INSERT INTO dags (name, version_id, created_at, updated_at)
             VALUES ($1, $2, COALESCE($3, now()), COALESCE($3, now()))
             ON CONFLICT (name) DO UPDATE SET version_id = excluded.version_id, updated_at = excluded.updated_at
             WHERE dags.version_id <> excluded.version_id",
            dag,
            id,
            self.clock.instead(),
        )
        .execute(connection)
        .await
        .map_err(writing("a DAG"))?;
        Ok(DagVersionId::from_uuid(id))
    }

    /// One version, planned.
    pub async fn dag_version(&self, id: DagVersionId) -> Result<Arc<DagVersion>, StoreError> {
        if let Some(version) = self.versions.get(id) {
            return Ok(version);
        }
        let mut connection = self.pool.acquire().await.map_err(reading("a version of a DAG"))?;
        self.version_by(&mut connection, id).await
    }

    /// One DAG.
    pub async fn dag(&self, name: &DagName) -> Result<DagSummary, StoreError> {
        let found = self.dags_named(Some(name)).await?.pop();
        found.ok_or_else(|| StoreError::UnknownDag { dag: name.clone() })
    }

    /// All DAGs, by name.
    pub async fn dags(&self) -> Result<Vec<DagSummary>, StoreError> {
        self.dags_named(None).await
    }

    async fn dags_named(&self, name: Option<&DagName>) -> Result<Vec<DagSummary>, StoreError> {
        let rows = sqlx::query_as!(
            DagRow,
            "SELECT d.name, d.version_id, v.hash, v.source, d.is_paused, d.is_present, d.next_tick_at, d.updated_at
             FROM dags d
             JOIN dag_versions v ON v.id = d.version_id
             WHERE $1::text IS NULL OR d.name = $1
             ORDER BY d.name",
            name.map(DagName::as_str),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the DAGs"))?;
        rows.into_iter().map(|row| DagSummary::try_from(row).map_err(StoreError::from)).collect()
    }

    pub(crate) async fn version_by(
        &self,
        connection: &mut PgConnection,
        id: DagVersionId,
    ) -> Result<Arc<DagVersion>, StoreError> {
        if let Some(version) = self.versions.get(id) {
            return Ok(version);
        }
        let row = sqlx::query!(
            r#"SELECT hash, source, document FROM dag_versions WHERE id = $1"#,
            id.as_uuid(),
        )
        .fetch_optional(connection)
        .await
        .map_err(reading("a version of a DAG"))?
        .ok_or(StoreError::UnknownVersion { version: id })?;
        let spec: DagSpec = serde_json::from_value(row.document)
            .map_err(|_| CorruptRow::new("dag_versions", &id, "dag_versions_document_is_a_dag"))?;
        let version = Arc::new(DagVersion::new(id, row.hash, row.source, spec)?);
        self.versions.put(Arc::clone(&version));
        Ok(version)
    }
}

struct DagRow {
    name: String,
    version_id: Uuid,
    hash: String,
    source: String,
    is_paused: bool,
    is_present: bool,
    next_tick_at: Option<Timestamp>,
    updated_at: Timestamp,
}

impl TryFrom<DagRow> for DagSummary {
    type Error = CorruptRow;

    fn try_from(row: DagRow) -> Result<Self, CorruptRow> {
        let name = DagName::new(&row.name)
            .map_err(|_| CorruptRow::new("dags", &row.name, "dags_name_is_a_name"))?;
        Ok(Self {
            name,
            version: DagVersionId::from_uuid(row.version_id),
            hash: row.hash,
            source: row.source,
            is_paused: row.is_paused,
            is_present: row.is_present,
            next_tick_at: row.next_tick_at,
            updated_at: row.updated_at,
        })
    }
}
