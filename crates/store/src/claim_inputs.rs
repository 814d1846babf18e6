//! What a claimed task reads: outputs, artefacts, and the results of its children. All of it is final.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use sqlx::PgConnection;
use tidemill_dag::state::TaskIndex;
use tidemill_task::{ChildResult, Manifest};
use uuid::Uuid;

use crate::artifacts::ArtifactRow;
use crate::claim::Claimed;
use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::labels;
use crate::rows::task_path;

/// A task of a run, by its place.
type Place = (Uuid, i32);

/// Artefacts of the task at a place, by the task's own place and port.
type ArtifactsAt = BTreeMap<Place, Vec<ArtifactRow>>;

impl Store {
    /// Reads what claimed tasks need; tasks without inputs cost nothing here.
    pub(crate) async fn read_inputs(
        &self,
        connection: &mut PgConnection,
        claimed: &mut [Claimed],
    ) -> Result<(), StoreError> {
        read_outputs(connection, claimed).await?;
        let mut artifacts = read_artifacts(connection, claimed).await?;
        for one in claimed.iter_mut() {
            wire_inputs(one, &artifacts)?;
        }
        read_children(connection, claimed, &mut artifacts).await
    }
}

async fn read_outputs(
    connection: &mut PgConnection,
    claimed: &mut [Claimed],
) -> Result<(), StoreError> {
    let wanted: BTreeSet<Place> = claimed
        .iter()
        .flat_map(|one| one.version.outputs_read(one.node).iter().map(|node| one.place_of(*node)))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let (runs, positions): (Vec<Uuid>, Vec<i32>) = wanted.into_iter().unzip();
    let rows = sqlx::query_file!("queries/task_runs/outputs.sql", &runs, &positions)
        .fetch_all(connection)
        .await
        .map_err(reading("the outputs of tasks"))?;
    let outputs: BTreeMap<Place, Arc<Value>> =
        rows.into_iter().map(|row| ((row.run_id, row.position), Arc::new(row.output))).collect();
    for one in claimed {
        for node in one.version.outputs_read(one.node) {
            if let Some(output) = outputs.get(&one.place_of(*node)) {
                let name = one.version.plan.node(*node).name.clone();
                one.claim.outputs.insert(name, Arc::clone(output));
            }
        }
    }
    Ok(())
}

/// Reads the artefacts of all tasks that are wired to a claimed one, and of the children of resumed ones.
async fn read_artifacts(
    connection: &mut PgConnection,
    claimed: &[Claimed],
) -> Result<ArtifactsAt, StoreError> {
    let mut wanted: BTreeSet<(Place, bool)> = BTreeSet::new();
    for one in claimed {
        let plan = &one.version.plan;
        let wires = plan.node(one.node).spec.inputs.values().flat_map(|wires| &wires.0);
        let sources = wires.filter_map(|wire| plan.index_of(&wire.task));
        wanted.extend(
            sources.map(|source| (one.place_of(source), plan.node(source).for_each().is_some())),
        );
        if one.claim.phase > 0 {
            wanted.insert(((one.claim.run.as_uuid(), one.position), true));
        }
    }
    if wanted.is_empty() {
        return Ok(ArtifactsAt::new());
    }
    let runs: Vec<Uuid> = wanted.iter().map(|((run, _), _)| *run).collect();
    let positions: Vec<i32> = wanted.iter().map(|((_, position), _)| *position).collect();
    let of_members: Vec<bool> = wanted.iter().map(|(_, of_members)| *of_members).collect();
    let rows = sqlx::query_file_as!(
        ArtifactRow,
        "queries/artifacts/of_tasks.sql",
        &runs,
        &positions,
        &of_members
    )
    .fetch_all(connection)
    .await
    .map_err(reading("the artefacts of tasks"))?;
    let mut artifacts = ArtifactsAt::new();
    for row in rows {
        artifacts.entry((row.run_id, row.wanted)).or_default().push(row);
    }
    Ok(artifacts)
}

fn wire_inputs(one: &mut Claimed, artifacts: &ArtifactsAt) -> Result<(), CorruptRow> {
    let version = Arc::clone(&one.version);
    for (port, wires) in &version.plan.node(one.node).spec.inputs {
        let mut wired = Vec::new();
        for wire in &wires.0 {
            let Some(source) = version.plan.index_of(&wire.task) else {
                continue;
            };
            let rows = artifacts.get(&one.place_of(source)).into_iter().flatten();
            for row in rows.filter(|row| row.port == wire.port.as_str()) {
                wired.push(row.clone().try_into()?);
            }
        }
        one.claim.inputs.insert(port.clone(), wired);
    }
    Ok(())
}

async fn read_children(
    connection: &mut PgConnection,
    claimed: &mut [Claimed],
    artifacts: &mut ArtifactsAt,
) -> Result<(), StoreError> {
    let resumed: Vec<&Claimed> = claimed.iter().filter(|one| one.claim.phase > 0).collect();
    if resumed.is_empty() {
        return Ok(());
    }
    let runs: Vec<Uuid> = resumed.iter().map(|one| one.claim.run.as_uuid()).collect();
    let positions: Vec<i32> = resumed.iter().map(|one| one.position).collect();
    let waves: Vec<i32> =
        resumed.iter().map(|one| crate::columns::narrow(one.claim.phase - 1)).collect();
    let rows = sqlx::query_file!("queries/task_runs/children.sql", &runs, &positions, &waves)
        .fetch_all(connection)
        .await
        .map_err(reading("the children of a task"))?;
    let mut of_child: BTreeMap<Place, Vec<ArtifactRow>> = BTreeMap::new();
    for row in std::mem::take(artifacts).into_values().flatten() {
        of_child.entry((row.run_id, row.position)).or_default().push(row);
    }
    let mut children: BTreeMap<Place, BTreeMap<Box<str>, ChildResult>> = BTreeMap::new();
    for row in rows {
        let corrupt = |constraint| CorruptRow::new("task_runs", &row.id, constraint);
        let made = of_child.remove(&(row.run_id, row.position)).unwrap_or_default();
        let artifacts =
            made.into_iter().map(TryInto::try_into).collect::<Result<_, CorruptRow>>()?;
        let outcome = row.outcome.as_deref().and_then(labels::outcome);
        let reason = row.reason.map(serde_json::from_value).transpose();
        let result = ChildResult {
            outcome: outcome.ok_or_else(|| corrupt("task_runs_children_are_done"))?,
            output: row.output,
            reason: reason.map_err(|_| corrupt("task_runs_reason_is_a_reason"))?,
            manifest: Manifest { artifacts },
        };
        let label = task_path(row.id, &row.path)?.labels.pop();
        let label = label.ok_or_else(|| corrupt("task_runs_children_have_labels"))?;
        children.entry((row.run_id, row.parent)).or_default().insert(label, result);
    }
    for one in claimed {
        one.claim.children =
            children.remove(&(one.claim.run.as_uuid(), one.position)).unwrap_or_default();
    }
    Ok(())
}

impl Claimed {
    /// The place of a node in the claimed task's run: that in the plan.
    fn place_of(&self, node: TaskIndex) -> Place {
        (
            self.claim.run.as_uuid(),
            i32::try_from(node.0).expect("a plan has at most a few thousand tasks"),
        )
    }
}
