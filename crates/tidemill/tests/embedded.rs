//! Runs on the private database: from an empty folder to success, and across kills.

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Folder, shown, text};

const FLOW: &str = "dag: flow\nparams: { days: { type: integer, default: 3, max: 30 } }\ntasks:\n  \
first: { uses: noop, with: { output: { n: \"{{ params.days }}\" } } }\n  \
each: { uses: noop, needs: [first], for_each: [a, b], with: { output: \"{{ item }}{{ outputs.first.n }}\" } }\n  \
last: { uses: noop, needs: [each], when: outputs.first.n > 2 }\n";

const FAILING: &str = "dag: failing\ntasks:\n  bad: { uses: fail, with: { error: the gauge is broken, retry: cannot_help } }\n  \
after: { uses: noop, needs: [bad] }\n  clean: { uses: noop, finally: true }\n";

const SLOW: &str = "dag: slow\ntasks:\n  wait: { uses: sleep, with: { for: 10m } }\n";

fn folder() -> Folder {
    Folder::with(&[
        ("dags/flow.yaml", FLOW),
        ("dags/failing.yaml", FAILING),
        ("dags/slow.yaml", SLOW),
    ])
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let output = folder.run(&[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", shown(&output)))
}

/// `task: state` of each task of the last run, in order of their names.
fn tasks(folder: &Folder) -> Vec<String> {
    let run = json(folder, &["run", "show", "latest"]);
    let tasks = run["task_runs"].as_array().expect("a run has tasks").iter();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines: Vec<String> =
        tasks.map(|task| format!("{}: {}", word(&task["task"]), word(&task["state"]))).collect();
    lines.sort();
    lines
}

#[test]
fn a_run_is_carried_out_from_an_empty_folder_to_success() {
    let folder = folder();

    let output = folder.run(&[
        "run",
        "start",
        "flow",
        "--wait",
        "--param",
        "days=7",
        "--interval",
        "2026-11-19",
    ]);

    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(
        tasks(&folder),
        [
            "each: succeeded",
            "each[0]: succeeded",
            "each[1]: succeeded",
            "first: succeeded",
            "last: succeeded"
        ]
    );
    let run = json(&folder, &["run", "show", "latest"]);
    assert_eq!(run["interval"]["start"], "2026-11-19T00:00:00Z");
    let each =
        run["task_runs"].as_array().unwrap().iter().find(|task| task["task"] == "each").unwrap();
    assert_eq!(each["output"], serde_json::json!(["a7", "b7"]));
    assert_eq!(json(&folder, &["run", "list"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_condition_that_is_false_skips_its_task() {
    let folder = folder();

    assert!(folder.run(&["run", "start", "flow", "--wait", "--param", "days=1"]).status.success());

    assert!(tasks(&folder).contains(&"last: skipped".to_owned()));
}

#[test]
fn a_run_that_fails_exits_30_and_still_runs_its_finaliser() {
    let folder = folder();

    let output = folder.run(&["run", "start", "failing", "--wait"]);

    assert_eq!(output.status.code(), Some(30));
    assert!(text(&output.stdout).contains("the gauge is broken"), "{}", shown(&output));
    assert_eq!(tasks(&folder), ["after: skipped", "bad: failed", "clean: succeeded"]);
}

#[test]
fn wrong_parameters_are_refused_before_a_database_is_made() {
    let folder = folder();

    for (param, fault) in [
        ("days=40", "is more than 30"),
        ("days=x", "is not a whole number"),
        ("day=1", "did you mean `days`?"),
    ] {
        let output = folder.run(&["run", "start", "flow", "--param", param]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(fault), "{}", shown(&output));
    }
    assert!(!folder.path().join(".tidemill").exists());
}

#[test]
fn after_kill_9_in_a_task_the_database_is_found_again_and_the_run_is_still_there() {
    let folder = folder();
    let mut command = folder.command(&["run", "start", "slow", "--wait", "-v"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let started =
        stderr.lines().map_while(Result::ok).find(|line| line.contains("task `wait` started"));
    assert!(started.is_some(), "the task never started");

    child.kill().unwrap();
    child.wait().unwrap();

    let runs = json(&folder, &["run", "list"]);
    assert_eq!(runs[0]["state"], "open");
    assert_eq!(tasks(&folder), ["wait: running"]);
}

#[test]
fn the_private_database_stops_with_the_program() {
    let folder = folder();

    assert!(folder.run(&["db", "status"]).status.code().is_some());

    let pid_file = folder.path().join(".tidemill/pg/data/postmaster.pid");
    assert!(!pid_file.exists(), "a server was left running");
}

#[test]
fn a_reset_with_yes_empties_the_database() {
    let folder = folder();
    assert!(folder.run(&["run", "start", "flow", "--wait"]).status.success());

    assert!(folder.run(&["db", "reset", "--yes"]).status.success());

    assert_eq!(json(&folder, &["run", "list"]), serde_json::json!([]));
}

/// Marks each start and each end, and waits for the file `go` between them.
const GATE: &str = "dag: gate\ntasks:\n  gate: { uses: command, with: { argv: [sh, -c, \
'echo $TIDEMILL_ATTEMPT >> started; while [ ! -e go ]; do sleep 0.02; done; echo $TIDEMILL_ATTEMPT >> ended'] } }\n";

/// The lines of a file, once there are so many.
fn lines(folder: &Folder, name: &str, count: usize) -> Vec<String> {
    let since = std::time::Instant::now();
    loop {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(since.elapsed().as_secs() < 60, "waited too long: {count} lines of `{name}`");
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
}

#[test]
fn everything_killed_in_a_run_and_started_again_ends_the_run_right_and_once() {
    let folder = Folder::with(&[("dags/gate.yaml", GATE)]);
    let up = || {
        let mut command = folder.command(&["up", "--lease", "2s"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut first = up();
    assert!(folder.run(&["run", "start", "gate"]).status.success());
    lines(&folder, "started", 1);

    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = up();
    lines(&folder, "started", 2);
    std::fs::write(folder.path().join("go"), "").unwrap();
    lines(&folder, "ended", 1);
    let is_over = || json(&folder, &["run", "list"])[0]["state"] == "succeeded";
    while !is_over() {
        assert!(second.try_wait().unwrap().is_none(), "it ended by itself");
    }

    assert_eq!(tasks(&folder), ["gate: succeeded"]);
    assert_eq!(lines(&folder, "started", 2), ["1", "2"]);
    assert_eq!(lines(&folder, "ended", 1), ["2"]);
    // In order, so that the database stops, too.
    let id = Pid::from_raw(i32::try_from(second.id()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert!(second.wait().unwrap().success());
    assert!(!folder.path().join(".tidemill/pg/data/postmaster.pid").exists());
}

const ASKS: &str = "dag: asks\ntasks:\n  ask: { uses: trigger, with: { dag: asked, params: { days: 7 }, wait: true } }\n";
const ASKED: &str =
    "dag: asked\nparams: { days: { type: integer, max: 30 } }\ntasks:\n  work: { uses: noop }\n";

#[test]
fn a_run_that_another_one_asked_for_is_carried_out_with_it_and_says_who_asked() {
    let folder = Folder::with(&[("dags/asks.yaml", ASKS), ("dags/asked.yaml", ASKED)]);

    let output = folder.run(&["run", "start", "asks", "--wait", "--interval", "2026-11-19"]);

    assert!(output.status.success(), "{}", shown(&output));
    let runs = json(&folder, &["run", "list"]);
    let [asked, asks] = runs.as_array().unwrap().as_slice() else { panic!("{runs}") };
    assert_eq!((&asked["dag"], &asked["kind"]), (&"asked".into(), &"triggered".into()));
    assert_eq!(asked["params"]["days"], 7);
    assert_eq!(asked["interval"], asks["interval"]);
    assert_eq!(asked["triggered_by"]["run"], asks["run"]);
    let detail = folder.run(&["run", "show", asked["run"].as_str().unwrap()]);
    let by = format!("by ask of {}", asks["run"].as_str().unwrap());
    assert!(text(&detail.stdout).contains(&by), "{}", shown(&detail));
}
