//! Expansion: a task asks for children and goes on when they are over.

use std::sync::Arc;

use serde_json::json;
use sqlx::{ConnectOptions, Executor, Row};
use tidemill_dag::advance::Verdict;
use tidemill_dag::state::Outcome;
use tidemill_store::{Finish, With};
use tidemill_testkit::World;

use crate::ONE_STEP;

#[tokio::test]
async fn an_expanded_task_goes_on_with_the_results_of_its_children() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    let parent = world.claim("only").await?;
    world.expand(&parent, 2).await?;
    let waiting = world.describe().await?;
    for path in ["only[0]", "only[1]"] {
        let child = world.claim(path).await?;
        assert!(matches!(child.with, With::Rendered(_)));
        world.succeed(&child, json!({ "from": path })).await?;
    }

    let resumed = world.claim("only").await?;

    assert_eq!((resumed.phase, resumed.attempt.0), (1, 2));
    assert_eq!(resumed.resume, Some(json!({ "asked": 2 })));
    let results: Vec<_> =
        resumed.children.iter().map(|(label, child)| (&**label, child.outcome)).collect();
    assert_eq!(results, [("0", Outcome::Succeeded), ("1", Outcome::Succeeded)]);
    assert_eq!(resumed.children["1"].output, Some(json!({ "from": "only[1]" })));
    insta::assert_snapshot!("expand_waiting", waiting);
    insta::assert_snapshot!("expand_resumed", world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn five_hundred_children_are_one_statement() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let run = world.open().await?;
    let parent = world.claim("only").await?;
    let mut connection = world.database.options().connect().await?;
    connection
        .execute(
            "CREATE TABLE inserts (n serial);
             CREATE FUNCTION count_insert() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO inserts DEFAULT VALUES; RETURN NULL; END';
             CREATE TRIGGER count_insert AFTER INSERT ON task_runs FOR EACH STATEMENT EXECUTE FUNCTION count_insert()",
        )
        .await?;

    world.expand(&parent, 500).await?;

    let inserts = connection.fetch_one("SELECT count(*) FROM inserts").await?;
    assert_eq!(inserts.get::<i64, _>(0), 1);
    assert_eq!(world.store.run(run).await?.run.tasks.total, 501);
    Ok(())
}

#[tokio::test]
async fn five_hundred_children_are_run_in_batches() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.store.put_pool(&World::pool(), 100, "").await?;
    let run = world.open().await?;
    let parent = world.claim("only").await?;
    world.expand(&parent, 500).await?;

    for _ in 0..5 {
        let claims = world.claim_all().await?;
        let ends: Vec<Finish> = claims
            .iter()
            .map(|claim| {
                Finish::new(claim.held(), Verdict::Succeeded { output: Arc::new(json!(1)) })
            })
            .collect();
        assert_eq!((ends.len(), world.store.finish_all(run, &ends).await?.len()), (100, 0));
    }

    let resumed = world.claim("only").await?;
    assert_eq!(resumed.children.len(), 500);
    Ok(())
}

#[tokio::test]
async fn a_mapped_task_gives_its_members_one_item_each() -> anyhow::Result<()> {
    let dag = "
dag: mapped
tasks:
  score: { uses: noop, for_each: [north, south], with: { site: '{{ item }}' } }
  join: { uses: noop, needs: [score] }
";
    let world = World::new().await?.with_dag(dag).await?;
    world.open().await?;

    let members = world.claim_all().await?;
    for member in &members {
        world.succeed(member, json!({ "site": member.item })).await?;
    }
    let join = world.claim("join").await?;

    let items: Vec<_> = members.iter().map(|member| member.item.clone()).collect();
    assert_eq!(items, [Some(json!("north")), Some(json!("south"))]);
    assert!(members.iter().all(|member| matches!(member.with, With::Templates(_))));
    assert_eq!(*join.outputs["score"], json!([{ "site": "north" }, { "site": "south" }]));
    Ok(())
}
