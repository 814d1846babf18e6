//! Workers as processes, and what is done to processes: kill -9, SIGSTOP, SIGTERM, and a server that crashes under them.

mod support;
mod workers_support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::shown;
use tidemill_dag::state::{Outcome, TaskState};
use workers_support::{Site, is_gone, kill_group_of, soon};

/// Marks its start and its end by a line, and waits for the file `go` between them.
const GATE: &str = "dag: gate\ntasks:\n  t0:\n    uses: command\n    with:\n      argv: [sh, -c, \
'echo $$ >> started; echo waiting; while [ ! -e go ]; do sleep 0.02; done; echo $TIDEMILL_ATTEMPT >> done']\n  \
t1: { uses: noop, needs: [t0] }\n";

fn site() -> Site {
    Site::with(&[("dags/gate.yaml", GATE)])
}

#[tokio::test]
async fn a_worker_killed_in_a_task_costs_a_lease_and_nothing_else() -> anyhow::Result<()> {
    let site = site();
    let store = site.store().await?;
    let run = site.start_run("gate");
    let mut first = site.worker(&["--lease", "1s"]);
    let program = site.line_of("started", 1).await;

    first.kill()?;
    first.wait()?;
    soon("the program dies with its worker", || is_gone(&program)).await;
    let _second = site.worker(&["--lease", "1s"]);
    site.sweep_until(&store, run, |task| task.attempt.0 == 2).await?;
    site.write("go");

    assert_eq!(site.closed(&store, run).await?, Outcome::Succeeded);
    assert_eq!(site.lines("done"), ["2"]);
    Ok(())
}

#[tokio::test]
async fn a_worker_that_was_frozen_for_ten_leases_doubles_nothing() -> anyhow::Result<()> {
    let site = site();
    let store = site.store().await?;
    let run = site.start_run("gate");
    let frozen = site.worker(&["--lease", "600ms", "--name", "frozen"]);
    let program = site.line_of("started", 1).await;

    let since = Instant::now();
    frozen.signal(Signal::STOP);
    soon("the program ends with its lease", || is_gone(&program)).await;
    let _other = site.worker(&["--lease", "600ms"]);
    site.sweep_until(&store, run, |task| task.attempt.0 == 2).await?;
    site.write("go");
    assert_eq!(site.closed(&store, run).await?, Outcome::Succeeded);
    soon("ten leases pass", || since.elapsed() > Duration::from_secs(6)).await;
    frozen.signal(Signal::CONT);
    frozen.signal(Signal::TERM);
    let status = frozen.ended().await;

    assert!(status.success(), "{status}");
    assert_eq!(site.lines("done"), ["2"]);
    let task = store.run(run).await?.tasks.swap_remove(0);
    assert_eq!((task.attempt.0, task.state.outcome()), (2, Some(Outcome::Succeeded)));
    Ok(())
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_finishes_what_it_has() -> anyhow::Result<()> {
    let site = site();
    let store = site.store().await?;
    let run = site.start_run("gate");
    let worker = site.worker(&["--lease", "2s"]);
    site.line_of("started", 1).await;

    worker.signal(Signal::TERM);
    site.write("go");
    let status = worker.ended().await;

    assert!(status.success(), "{status}");
    let tasks = store.run(run).await?.tasks;
    assert_eq!((tasks[0].attempt.0, tasks[0].state.outcome()), (1, Some(Outcome::Succeeded)));
    assert!(matches!(tasks[1].state, TaskState::Ready { .. }), "it took something new");
    Ok(())
}

#[tokio::test]
async fn a_worker_without_grace_gives_its_task_back_and_leaves_no_process() -> anyhow::Result<()> {
    let site = site();
    let store = site.store().await?;
    let run = site.start_run("gate");
    let worker = site.worker(&["--grace", "0s"]);
    let program = site.line_of("started", 1).await;

    worker.signal(Signal::TERM);
    let status = worker.ended().await;

    assert!(status.success(), "{status}");
    assert!(is_gone(&program));
    let task = store.run(run).await?.tasks.swap_remove(0);
    assert!(matches!(task.state, TaskState::Ready { .. }), "{:?}", task.state);
    assert_eq!((task.losses, task.failures), (0, 0));
    Ok(())
}

#[tokio::test]
async fn a_cancel_ends_the_process_group_within_two_seconds() -> anyhow::Result<()> {
    let site = site();
    let store = site.store().await?;
    let run = site.start_run("gate");
    let _worker = site.worker(&[]);
    let program = site.line_of("started", 1).await;

    let asked_at = Instant::now();
    let output = site.run(&["run", "cancel", "latest"]);
    assert!(output.status.success(), "{}", shown(&output));
    soon("the program is stopped", || is_gone(&program)).await;

    assert!(asked_at.elapsed() < Duration::from_secs(2), "it took {:?}", asked_at.elapsed());
    assert_eq!(site.closed(&store, run).await?, Outcome::Cancelled);
    Ok(())
}

#[tokio::test]
async fn a_process_of_an_attempt_that_is_killed_is_tried_again_and_its_log_stays()
-> anyhow::Result<()> {
    let site = site();
    let store = site.store().await?;
    let run = site.start_run("gate");
    let _worker = site.worker(&[]);
    let program = site.line_of("started", 1).await;
    soon("the log is there while it runs", || site.log("t0") == "waiting\n").await;

    kill_group_of(&program);
    site.line_of("started", 2).await;
    site.write("go");

    assert_eq!(site.closed(&store, run).await?, Outcome::Succeeded);
    let task = store.run(run).await?.tasks.swap_remove(0);
    assert_eq!((task.attempt.0, task.losses, task.failures), (2, 1, 0));
    let exits = store.attempts(run, task.id).await?;
    assert_eq!(exits[0].exit.map(tidemill_store::ExitCause::label), Some("killed"));
    assert!(exits[1].peak_memory_bytes > Some(1 << 20) && exits[1].cpu_ms.is_some());
    assert_eq!(site.log("t0"), "waiting\nwaiting\n");
    Ok(())
}

#[tokio::test]
async fn a_server_that_crashes_in_a_run_loses_nothing() -> anyhow::Result<()> {
    let site = Site::durable(&[("dags/gate.yaml", GATE)]);
    let store = site.store().await?;
    let run = site.start_run("gate");
    let _worker = site.worker(&["--lease", "60s"]);
    let program = site.line_of("started", 1).await;

    // All connections break, the shared memory is thrown away, and the log is replayed.
    site.crash_the_server();
    assert!(!is_gone(&program), "the work goes on");
    site.write("go");

    assert_eq!(site.closed(&store, run).await?, Outcome::Succeeded);
    assert_eq!(site.lines("done"), ["1"]);
    Ok(())
}

#[tokio::test]
async fn logs_are_followed_to_the_end_of_the_run() -> anyhow::Result<()> {
    let site = site();
    site.start_run("gate");
    let _worker = site.worker(&[]);
    site.line_of("started", 1).await;

    let follow = site.command(&["run", "logs", "latest", "t0", "--follow"]);
    let follow = { follow }.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    site.write("go");
    let output = follow.wait_with_output()?;

    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(String::from_utf8(output.stdout)?, "waiting\n");
    Ok(())
}

#[tokio::test]
async fn everything_in_one_process_tree_carries_runs_out_and_stops_when_told_to()
-> anyhow::Result<()> {
    let site = site();
    let store = site.store().await?;
    let up = site.role("up", &[]);
    let run = site.start_run("gate");
    site.line_of("started", 1).await;
    site.write("go");

    assert_eq!(site.closed(&store, run).await?, Outcome::Succeeded);
    up.signal(Signal::TERM);
    let status = up.ended().await;

    assert!(status.success(), "{status}");
    assert_eq!(store.workers().await?, []);
    Ok(())
}
