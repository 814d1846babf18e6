//! Backfills, pauses and the scheduler, as a person works with them.

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Folder, shown, text};

const DAILY: &str = "dag: daily\nschedule: { cron: \"30 2 * * *\", timezone: Europe/Oslo }\ninterval: 1d\n\
params: { site: north }\ntasks:\n  only: { uses: noop }\n";

fn folder() -> Folder {
    Folder::with(&[("dags/daily.yaml", DAILY)])
}

const RANGE: [&str; 7] =
    ["backfill", "start", "daily", "--from", "2026-03-28", "--to", "2026-03-30"];

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let output = folder.run(&[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", shown(&output)))
}

#[test]
fn a_plan_tells_of_each_interval_whether_it_runs_and_starts_nothing() {
    let folder = folder();

    let plan = shown(&folder.run(&[&RANGE[..], &["--plan"]].concat()));

    insta::assert_snapshot!(
        plan.lines().filter(|line| !line.contains("private")).collect::<Vec<_>>().join("\n")
    );
    assert_eq!(json(&folder, &["backfill", "list"]), serde_json::json!([]));
}

#[test]
fn a_backfill_is_started_listed_held_and_stopped() {
    let folder = folder();

    let started = json(&folder, &[&RANGE[..], &["--limit", "2", "--param", "site=south"]].concat());
    let id = started["backfill"].as_str().unwrap().to_owned();
    let listed = json(&folder, &["backfill", "list"]);
    let paused = json(&folder, &["backfill", "pause", &id]);
    let twice = folder.run(&["backfill", "pause", &id]);
    let resumed = json(&folder, &["backfill", "resume", &id]);
    let cancelled = json(&folder, &["backfill", "cancel", &id]);
    let table = folder.run(&["backfill", "show", &id]);

    assert_eq!((&listed[0]["limit"], &listed[0]["params"]["site"]), (&2.into(), &"south".into()));
    assert_eq!(paused["state"], "paused");
    assert_eq!(twice.status.code(), Some(2), "{}", shown(&twice));
    assert!(text(&twice.stderr).contains("it is paused"), "{}", shown(&twice));
    assert_eq!((&resumed["state"], &cancelled["state"]), (&"open".into(), &"cancelling".into()));
    assert!(text(&table.stdout).contains("it never ran"), "{}", shown(&table));
}

#[test]
fn a_backfill_that_makes_no_sense_is_refused_with_a_hint() {
    let folder = folder();

    for (arguments, code, said) in [
        (["daily", "2026-03-30", "2026-03-28"], 2, "is not before"),
        (["daily", "yesterday", "2026-03-28"], 2, "neither a day nor an instant"),
        (["dialy", "2026-03-28", "2026-03-30"], 12, "did you mean `daily`?"),
        (["daily", "2126-03-28", "2126-03-30"], 2, "`--plan` tells why"),
    ] {
        let [name, from, to] = arguments;
        let output = folder.run(&["backfill", "start", name, "--from", from, "--to", to]);
        assert_eq!(output.status.code(), Some(code), "{}", shown(&output));
        assert!(text(&output.stderr).contains(said), "{}", shown(&output));
    }
    let unknown = folder.run(&["backfill", "show", "backfill_00"]);
    assert_eq!(unknown.status.code(), Some(12), "{}", shown(&unknown));
}

#[test]
fn a_scheduler_loads_the_dags_and_stops_when_it_is_asked_to() {
    let folder = folder();
    let mut command = folder.command(&["scheduler", "-v"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("1 added")), "no DAG was ever loaded");

    let paused = json(&folder, &["dag", "pause", "daily"]);
    let unknown = folder.run(&["dag", "pause", "dialy"]);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    // Whoever writes a log must be heard to its end.
    lines.for_each(drop);
    let status = child.wait().unwrap();

    assert_eq!((&paused["is_paused"], &paused["changed"]), (&true.into(), &true.into()));
    assert_eq!(unknown.status.code(), Some(12));
    assert!(text(&unknown.stderr).contains("did you mean `daily`?"), "{}", shown(&unknown));
    assert!(status.success(), "{status}");
}
