//! Reruns: what failed runs again, what succeeded is taken over with its artefacts.

use std::sync::Arc;

use serde_json::json;
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_dag::rerun::{BadSelection, Selection};
use tidemill_dag::state::{Outcome, RunState};
use tidemill_store::{Exit, Finish, NewRerun, StoreError};
use tidemill_task::{ArtifactRef, ContentHash};
use tidemill_testkit::World;

const MAPPED: &str = "
dag: mapped
tasks:
  ingest: { uses: noop }
  each: { uses: noop, inputs: { table: ingest.table }, for_each: [a, b], with: { output: \"{{ item }}\" } }
  last: { uses: noop, needs: [each] }
";

fn table() -> ArtifactRef {
    ArtifactRef {
        port: "table".parse().expect("`table` is a name"),
        holds: "table".into(),
        sha256: ContentHash::of(b"a table"),
        size_bytes: 10,
        location: "attempts/1/table".into(),
        media_type: "application/vnd.apache.parquet".into(),
        publication: None,
    }
}

/// A run in which one of two members failed.
async fn half_failed() -> anyhow::Result<(World, NewRerun)> {
    let world = World::new().await?.with_dag(MAPPED).await?;
    let run = world.open().await?;
    let ingest = world.claim("ingest").await?;
    let verdict = Verdict::Succeeded { output: Arc::new(json!({ "rows": 1 })) };
    let (run_id, task, attempt) = (ingest.run, ingest.task, ingest.attempt);
    let exit = Exit::default();
    world
        .store
        .finish(Finish {
            run: run_id,
            task,
            attempt,
            verdict,
            exit,
            artifacts: vec![table()],
            cache: None,
        })
        .await?;
    let good = world.claim("each[0]").await?;
    world.succeed(&good, json!("a")).await?;
    let bad = world.claim("each[1]").await?;
    world
        .finish(&bad, Verdict::Failed { error: "broken".into(), retry: Retry::CannotHelp })
        .await?;
    Ok((world, NewRerun { run, version: None, selection: Selection::Failed, use_cache: true }))
}

#[tokio::test]
async fn a_rerun_runs_the_failed_member_with_its_item_and_inputs_and_keeps_the_rest()
-> anyhow::Result<()> {
    let (world, new) = half_failed().await?;

    let run = world.store.rerun(&new).await?;

    let again = world.claim("each[1]").await?;
    assert_eq!((again.run, again.item.clone()), (run, Some(json!("b"))));
    assert_eq!(again.inputs["table"], [table()]);
    world.succeed(&again, json!("b")).await?;
    let last = world.claim("last").await?;
    world.succeed(&last, json!(null)).await?;
    let detail = world.store.run(run).await?;
    assert!(matches!(detail.run.state, RunState::Closed { outcome: Outcome::Succeeded, .. }));
    let each = detail.tasks.iter().find(|task| task.path.to_string() == "each");
    assert_eq!(each.and_then(|task| task.output.clone()), Some(json!(["a", "b"])));
    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn a_plan_of_a_rerun_writes_nothing_and_tells_each_task() -> anyhow::Result<()> {
    let (world, new) = half_failed().await?;

    let plan = world.store.plan_rerun(&new).await?;

    let turns: Vec<String> =
        plan.turns.iter().map(|(task, turn)| format!("{task} {turn}")).collect();
    assert_eq!(
        turns,
        [
            "ingest keeps what it made",
            "each runs in part: only members that need it",
            "last runs: something that it waits for runs"
        ]
    );
    assert_eq!(plan.earlier_hash, plan.hash);
    assert_eq!(world.store.runs(&tidemill_store::RunFilter::default()).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_not_over_cannot_be_rerun() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(MAPPED).await?;
    let run = world.open().await?;

    let refused = world
        .store
        .rerun(&NewRerun { run, version: None, selection: Selection::Failed, use_cache: true })
        .await;

    assert!(
        matches!(refused, Err(StoreError::Rerun { source: BadSelection::StillOpen, .. })),
        "{refused:?}"
    );
    Ok(())
}
