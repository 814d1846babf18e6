//! Timeouts, and processes that end in all ways.

use std::time::Duration;

use tidemill_dag::advance::Reason;
use tidemill_dag::state::{Outcome, TaskState};
use tidemill_dag::time::Lapse;
use tidemill_scheduler::Program;

use crate::puppets::Gate;
use crate::stage::Stage;

const APART: &str = "{ dag: apart, tasks: { t0: { uses: apart } } }";

/// A program that reads its assignment, and then runs this script. It answers on its standard input.
fn script(text: &str) -> Program {
    let arguments = vec!["-c".into(), format!("read -r assignment; {text}").into()];
    Program { file: "/bin/sh".into(), arguments }
}

async fn exit_of(stage: &Stage) -> anyhow::Result<(String, String)> {
    let attempts = stage.store.attempts(stage.run, stage.task("t0").await?.id).await?;
    let first = &attempts[0];
    let exit = first.exit.map(tidemill_store::ExitCause::label).unwrap_or_default();
    Ok((exit.to_owned(), first.error.clone().unwrap_or_default()))
}

#[tokio::test]
async fn a_task_that_runs_for_too_long_is_stopped_and_has_failed() -> anyhow::Result<()> {
    let dag = "{ dag: long, tasks: { t0: { uses: wait, with: { gate: long }, timeout: { running: 100ms } } } }";
    let stage = Stage::new(dag).await?;

    let _worker = stage.start(stage.options()).await?;

    assert_eq!(stage.closed().await?, Outcome::Failed);
    Gate::named("long").stopped(1).await;
    let expected = ("timed_out".to_owned(), "it ran for longer than 100ms".to_owned());
    assert_eq!(exit_of(&stage).await?, expected);
    Ok(())
}

#[tokio::test]
async fn a_task_without_a_sign_of_life_is_stopped_and_has_failed() -> anyhow::Result<()> {
    let dag = "{ dag: silent, tasks: { t0: { uses: wait, with: { gate: silent }, timeout: { heartbeat: 100ms } } } }";
    let stage = Stage::new(dag).await?;

    let _worker = stage.start(stage.options()).await?;

    assert_eq!(stage.closed().await?, Outcome::Failed);
    let error = "it gave no sign of life for longer than 100ms";
    assert_eq!(exit_of(&stage).await?, ("timed_out".to_owned(), error.to_owned()));
    Ok(())
}

#[tokio::test]
async fn what_a_process_says_in_the_end_is_what_its_attempt_came_to() -> anyhow::Result<()> {
    let stage = Stage::new(APART).await?;
    let mut options = stage.options();
    let told = r#"{"told":"completed","completion":{"verdict":{"verdict":"succeeded","output":7},"manifest":[]},"usage":{"peak_memory_bytes":4096,"cpu_ms":10}}"#;
    options.program = Some(script(&format!("echo '{told}' >&0")));

    let _worker = stage.start(options).await?;

    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    let task = stage.task("t0").await?;
    assert_eq!(task.output, Some(serde_json::json!(7)));
    let attempts = stage.store.attempts(stage.run, task.id).await?;
    assert!(attempts[0].peak_memory_bytes >= Some(4096) && attempts[0].cpu_ms >= Some(10));
    Ok(())
}

#[tokio::test]
async fn a_process_that_ends_without_a_word_has_failed_with_its_last_words() -> anyhow::Result<()> {
    let stage = Stage::new(APART).await?;
    let mut options = stage.options();
    options.program = Some(script("echo no table >&2; exit 3"));

    let _worker = stage.start(options).await?;

    assert_eq!(stage.closed().await?, Outcome::Failed);
    let (exit, error) = exit_of(&stage).await?;
    assert_eq!(exit, "failed");
    assert!(error.contains("exit status: 3") && error.ends_with("no table"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a8_a_task_that_kills_its_process_is_poison_after_five_times() -> anyhow::Result<()> {
    let stage = Stage::frozen(APART).await?;
    let mut options = stage.options();
    options.program = Some(script("kill -9 $$"));
    let worker = stage.start(options).await?;

    for losses in 1..5 {
        let has_lost = |state: &TaskState| matches!(state, TaskState::Backoff { .. });
        let lost = stage
            .task_is("t0", "it is lost", |task| has_lost(&task.state) && task.losses == losses)
            .await?;
        assert_eq!(lost.failures, 0, "a loss is no failure of the task's own");
        stage.world.clock.advance(Lapse::seconds(86_400));
        worker.wake.wake();
    }

    assert_eq!(stage.closed().await?, Outcome::Failed);
    assert_eq!(stage.task("t0").await?.reason, Some(Reason::Poison { losses: 5 }));
    assert_eq!(exit_of(&stage).await?.0, "killed");
    Ok(())
}

#[tokio::test]
async fn a_process_that_cannot_allocate_is_out_of_memory_and_tried_again() -> anyhow::Result<()> {
    let stage = Stage::frozen(APART).await?;
    let mut options = stage.options();
    options.program = Some(script("echo memory allocation of 8 bytes failed >&2; kill -ABRT $$"));

    let _worker = stage.start(options).await?;

    let has_lost = |state: &TaskState| matches!(state, TaskState::Backoff { .. });
    let task = stage.task_is("t0", "it is lost", |task| has_lost(&task.state)).await?;
    assert_eq!((task.losses, task.failures), (1, 0));
    assert_eq!(exit_of(&stage).await?.0, "out_of_memory");
    Ok(())
}

#[tokio::test]
async fn a_process_that_does_not_stop_when_it_is_asked_to_is_made_to() -> anyhow::Result<()> {
    let stage =
        Stage::new("{ dag: deaf, tasks: { t0: { uses: apart, timeout: { running: 300ms } } } }")
            .await?;
    let pid = stage.spool().join("pid");
    let mut options = stage.options();
    options.timing.kill_grace = Duration::from_millis(100);
    // It is deaf, and so is what it started.
    let text = format!("trap '' TERM; sleep 600 & echo $! > {}; wait; wait", pid.display());
    options.program = Some(script(&text));

    let _worker = stage.start(options).await?;

    assert_eq!(stage.closed().await?, Outcome::Failed);
    assert_eq!(exit_of(&stage).await?.0, "timed_out");
    let pid = std::fs::read_to_string(&pid)?;
    let is_gone = || {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        status.map_or(true, |status| status.contains(") Z "))
    };
    crate::stage::soon("the group is gone", async {
        while !is_gone() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    Ok(())
}

/// Not a test: the work of the next one, which runs it in a process with little memory.
#[test]
#[ignore = "the work of another test, which ends by an abort"]
fn eats_memory_until_there_is_none() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1_u8; 16 << 20]);
        std::hint::black_box(&eaten);
    }
}

#[tokio::test]
async fn a_process_that_ran_out_of_memory_is_tried_again_with_more_slots() -> anyhow::Result<()> {
    let stage = Stage::new(APART).await?;
    let mut options = stage.options();
    let eater = std::env::current_exe()?;
    let eater = eater.display();
    let dies = format!(
        "ulimit -v 400000; exec {eater} --exact limits::eats_memory_until_there_is_none --ignored --nocapture"
    );
    let told = r#"{"told":"completed","completion":{"verdict":{"verdict":"succeeded","output":7},"manifest":[]},"usage":{"peak_memory_bytes":4096,"cpu_ms":10}}"#;
    // The first attempt dies of its limit, the next one has more.
    let text =
        format!("case $assignment in *'\"attempt\":1,'*) {dies};; *) echo '{told}' >&0;; esac");
    options.program = Some(script(&text));

    let _worker = stage.start(options).await?;

    assert_eq!(stage.closed().await?, Outcome::Succeeded);
    let (exit, error) = exit_of(&stage).await?;
    assert_eq!(exit, "out_of_memory");
    assert_eq!(error, "the memory ran out; it had 1 slots, and its next attempt takes 2");
    let task = stage.task("t0").await?;
    assert_eq!((task.slots.declared, task.slots.taken, task.losses), (1, 2, 1));
    Ok(())
}

#[tokio::test]
async fn a_kind_that_wants_longer_to_stop_than_the_worker_gives_has_it() -> anyhow::Result<()> {
    let dag = "{ dag: slow, tasks: { t0: { uses: apart, with: { grace: 1m } } } }";
    let stage = Stage::new(dag).await?;
    let started = stage.spool().join("started");
    let mut options = stage.options();
    options.timing.kill_grace = Duration::from_millis(50);
    let told = r#"{"told":"completed","completion":{"verdict":{"verdict":"succeeded","output":7},"manifest":[]},"usage":{"peak_memory_bytes":4096,"cpu_ms":10}}"#;
    let end = format!("stop() {{ sleep 0.5; echo '{told}' >&0; exit; }}");
    let text = format!("{end}; trap stop TERM; echo > {}; sleep 600 & wait", started.display());
    options.program = Some(script(&text));
    let _worker = stage.start(options).await?;
    crate::stage::soon("it starts", async {
        while !started.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;

    stage.store.cancel_run(stage.run, "test").await?;
    stage.closed().await?;

    let outcome = stage.task("t0").await?.state.outcome();
    assert_eq!(outcome, Some(Outcome::Succeeded), "it was killed before it came to its end");
    Ok(())
}
