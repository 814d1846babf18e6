//! Runs that tasks ask for: once each, by who may, and what ends with whom.

use std::collections::BTreeMap;

use serde_json::json;
use tidemill_dag::advance::Verdict;
use tidemill_dag::ids::RunId;
use tidemill_dag::state::{RunState, TaskState};
use tidemill_store::{Claim, MOST_TRIGGERS_DEEP};
use tidemill_task::{Asker, PortError, RunRequest, Runs, TaskError};
use tidemill_testkit::World;

const CHILD: &str = "
dag: child
params: { days: 180, site: { type: string, default: oslo } }
tasks: { work: { uses: noop } }
";

const PARENT: &str =
    "{ dag: parent, tasks: { ask: { uses: trigger }, after: { uses: noop, needs: [ask] } } }";

/// A run whose first task may ask for a run of `child`.
async fn asking() -> anyhow::Result<(World, Claim)> {
    let world = World::new().await?.with_dag(CHILD).await?.with_dag(PARENT).await?;
    world.open().await?;
    let claim = world.claim("ask").await?;
    Ok((world, claim))
}

fn asker(claim: &Claim) -> Asker {
    Asker { run: claim.run, path: claim.path.clone(), attempt: claim.attempt }
}

fn request(dag: &str) -> RunRequest {
    RunRequest {
        dag: dag.parse().expect("a name"),
        params: BTreeMap::new(),
        interval: World::interval(),
        ends_with_asker: true,
    }
}

async fn ask(world: &World, claim: &Claim) -> Result<RunId, PortError> {
    world.store.start(&asker(claim), &request("child")).await
}

async fn wait(world: &World, claim: &Claim, run: RunId) -> anyhow::Result<()> {
    Ok(world.finish(claim, Verdict::Awaits { run, state: json!(run) }).await?)
}

async fn refusal(world: &World, claim: &Claim, request: &RunRequest) -> String {
    let started = world.store.start(&asker(claim), request).await;
    TaskError::from(started.expect_err("it cannot be started")).chain()
}

async fn is_open(world: &World, run: RunId) -> anyhow::Result<bool> {
    Ok(matches!(Runs::state(&world.store, run).await?, RunState::Open { .. }))
}

#[tokio::test]
async fn every_attempt_of_a_task_that_asks_gets_the_same_run() -> anyhow::Result<()> {
    let (world, claim) = asking().await?;

    let first = ask(&world, &claim).await?;
    let again = ask(&world, &claim).await?;
    world.store.lose(claim.run, claim.task, claim.attempt).await?;
    world.clock.advance(tidemill_dag::time::Lapse::seconds(3600));
    let claims = world.claim_all().await?;
    let retried = claims.iter().find(|other| other.task == claim.task).expect("it is tried again");
    let by_another = ask(&world, retried).await?;

    assert_eq!((first, first), (again, by_another));
    let run = world.store.run(first).await?.run;
    let by = run.triggered_by.expect("a task asked for it");
    assert_eq!((by.run, by.task), (claim.run, Some(claim.path.clone())));
    assert_eq!(run.params["days"], json!(180));
    Ok(())
}

#[tokio::test]
async fn a_task_waits_for_its_run_without_a_slot_and_goes_on_after_it() -> anyhow::Result<()> {
    let (world, claim) = asking().await?;
    let run = ask(&world, &claim).await?;

    wait(&world, &claim, run).await?;
    let waiting = world.describe().await?;
    let work = world.claim("work").await?;
    world.succeed(&work, json!(null)).await?;
    let resumed = world.claim("ask").await?;
    world.succeed(&resumed, json!("done")).await?;

    assert_eq!((resumed.phase, resumed.resume), (1, Some(json!(run))));
    insta::assert_snapshot!("trigger_waiting", waiting);
    insta::assert_snapshot!("trigger_done", world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn a_run_that_was_over_before_its_task_waited_does_not_keep_it_waiting() -> anyhow::Result<()>
{
    let (world, claim) = asking().await?;
    let run = ask(&world, &claim).await?;
    let work = world.claim("work").await?;
    world.succeed(&work, json!(null)).await?;

    wait(&world, &claim, run).await?;

    assert_eq!(world.claim("ask").await?.phase, 1);
    Ok(())
}

#[tokio::test]
async fn a_run_that_ends_in_the_moment_in_which_its_task_begins_to_wait_is_not_missed()
-> anyhow::Result<()> {
    let (world, mut claim) = asking().await?;
    for _ in 0..10 {
        let run = ask(&world, &claim).await?;
        let work = world.claim("work").await?;

        let (waits, ends) =
            tokio::join!(wait(&world, &claim, run), world.succeed(&work, json!(null)));

        waits?;
        ends?;
        let resumed = world.claim("ask").await?;
        assert_eq!(resumed.phase, 1);
        world.store.cancel_run(resumed.run, "test").await?;
        world.finish(&resumed, Verdict::Cancelled).await?;
        world.open().await?;
        claim = world.claim("ask").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_waiting_task_that_is_cancelled_takes_its_run_along() -> anyhow::Result<()> {
    let (world, claim) = asking().await?;
    let run = ask(&world, &claim).await?;
    wait(&world, &claim, run).await?;
    let work = world.claim("work").await?;

    world.store.cancel_run(claim.run, "ada").await?;

    let asked = world.describe().await?;
    world.finish(&work, Verdict::Cancelled).await?;
    assert!(!is_open(&world, run).await?);
    insta::assert_snapshot!("trigger_cancelled", asked);
    Ok(())
}

#[tokio::test]
async fn a_task_that_stops_when_it_is_asked_to_takes_its_run_along() -> anyhow::Result<()> {
    let (world, claim) = asking().await?;
    let run = ask(&world, &claim).await?;

    world.store.cancel_task(claim.run, claim.task, "ada").await?;
    assert!(is_open(&world, run).await?, "the task may still succeed");
    world.finish(&claim, Verdict::Cancelled).await?;

    assert!(!is_open(&world, run).await?);
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_to_be_left_goes_on_without_its_task() -> anyhow::Result<()> {
    let (world, claim) = asking().await?;
    let left = RunRequest { ends_with_asker: false, ..request("child") };
    let run = world.store.start(&asker(&claim), &left).await?;
    wait(&world, &claim, run).await?;

    world.store.cancel_run(claim.run, "ada").await?;

    assert!(is_open(&world, run).await?);
    let work = world.claim("work").await?;
    world.succeed(&work, json!(null)).await?;
    assert!(!is_open(&world, run).await?);
    Ok(())
}

#[tokio::test]
async fn a_run_that_outlived_its_task_by_a_crash_is_cancelled_by_the_leader() -> anyhow::Result<()>
{
    let (world, claim) = asking().await?;
    let left = RunRequest { ends_with_asker: false, ..request("child") };
    let run = world.store.start(&asker(&claim), &left).await?;
    wait(&world, &claim, run).await?;
    world.store.cancel_run(claim.run, "ada").await?;
    assert_eq!(world.store.agenda().await?.strays, []);
    // As it is where the process dies right after its commit.
    let pool = sqlx::PgPool::connect(&world.database.url()).await?;
    sqlx::query("UPDATE dag_runs SET ends_with_trigger = true WHERE trigger_run IS NOT NULL")
        .execute(&pool)
        .await?;
    pool.close().await;

    let strays = world.store.agenda().await?.strays;
    world.store.cancel_strays(&strays).await?;

    assert_eq!(strays, [run]);
    assert!(!is_open(&world, run).await?);
    assert_eq!(world.store.agenda().await?.strays, []);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_is_over_or_asked_to_stop_starts_nothing() -> anyhow::Result<()> {
    let (world, claim) = asking().await?;
    let late = Claim { attempt: claim.attempt.next(), ..claim.clone() };

    assert!(matches!(ask(&world, &late).await, Err(PortError::Over)));
    world.store.cancel_run(claim.run, "ada").await?;
    assert!(matches!(ask(&world, &claim).await, Err(PortError::Over)));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_started_says_why_and_what_to_do() -> anyhow::Result<()> {
    let (world, claim) = asking().await?;
    let bad = json!({ "dayz": 1, "days": "many" });
    let with_bad = RunRequest { params: serde_json::from_value(bad)?, ..request("child") };

    let unknown = refusal(&world, &claim, &request("nobody")).await;
    let unfit = refusal(&world, &claim, &with_bad).await;
    world.store.pause_dag(&"child".parse()?, "ada").await?;
    let paused = refusal(&world, &claim, &request("child")).await;

    assert_eq!(
        unknown,
        "start a run of `nobody`: there is no such DAG (known DAGs are `child`, `parent`)"
    );
    assert_eq!(
        unfit,
        "start a run of `child`: the parameter `days` is not a whole number; \
         it has no parameter `dayz` (did you mean `days`?)"
    );
    assert_eq!(
        paused,
        "start a run of `child`: it is paused (`tidemill dag unpause child` lets it go on)"
    );
    Ok(())
}

#[tokio::test]
async fn a_dag_that_triggers_itself_comes_to_an_end() -> anyhow::Result<()> {
    let world = World::new().await?;
    let world = world.with_dag("{ dag: again, tasks: { ask: { uses: trigger } } }").await?;
    world.open().await?;
    let again = request("again");
    for _ in 0..MOST_TRIGGERS_DEEP {
        let claim = world.claim("ask").await?;
        world.store.start(&asker(&claim), &again).await?;
        world.succeed(&claim, json!(null)).await?;
    }

    let last = world.claim("ask").await?;

    assert_eq!(
        refusal(&world, &last, &again).await,
        "start a run of `again`: 10 runs asked for each other before this one \
         (a DAG that triggers itself needs an end)"
    );
    Ok(())
}

#[tokio::test]
async fn a_task_cannot_wait_for_a_run_that_it_did_not_start() -> anyhow::Result<()> {
    let (world, claim) = asking().await?;
    let other = world.open().await?;

    wait(&world, &claim, other).await?;

    let tasks = world.store.run(claim.run).await?.tasks;
    let task = tasks.iter().find(|task| task.id == claim.task).unwrap();
    assert!(matches!(task.state, TaskState::Done { .. }), "{:?}", task.state);
    let attempts = world.store.attempts(claim.run, claim.task).await?;
    let error = format!("wait for {other}: the task did not start it");
    assert_eq!(attempts[0].error, Some(error));
    Ok(())
}
