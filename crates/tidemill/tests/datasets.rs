//! Files become data sets that people see: landed, checked, asked, compared; and what did not land is explained.

mod support;

use std::path::Path;

use serde_json::Value;
use support::{Folder, shown, text};

const DAG: &str = include_str!("../../../dags/gpu_servers.yaml");
const CHECKS: &str = include_str!("../../../configs/checks/gpu_servers.yaml");
const EXPORTS: [(&str, &str); 3] = [
    ("exports/gpu-a.txt", include_str!("../../../tests/fixtures/gpu_servers/gpu-a.txt")),
    ("exports/gpu-b.txt", include_str!("../../../tests/fixtures/gpu_servers/gpu-b.txt")),
    ("exports/gpu-c.txt", include_str!("../../../tests/fixtures/gpu_servers/gpu-c.txt")),
];

fn servers() -> Folder {
    let dag = DAG.replace("tests/fixtures/gpu_servers", "exports");
    let files =
        [("dags/gpu_servers.yaml", dag.as_str()), ("configs/checks/gpu_servers.yaml", CHECKS)];
    Folder::with(&[&files[..], &EXPORTS[..]].concat())
}

fn run(folder: &Folder, arguments: &[&str]) -> String {
    let output = folder.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", shown(&output));
    text(&output.stdout)
}

fn start(folder: &Folder) -> String {
    run(folder, &["run", "start", "gpu_servers", "--interval", "2025-11-06", "--wait"])
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let text = run(folder, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&text).expect("it is JSON")
}

fn task<'a>(run: &'a Value, name: &str) -> &'a Value {
    let tasks = run["task_runs"].as_array().expect("a run has tasks");
    tasks.iter().find(|task| task["task"] == name).expect("the task is there")
}

/// What is printed, with ids and times of this run called by what they are.
fn named(folder: &Folder, arguments: &[&str]) -> String {
    let versions = json(folder, &["dataset", "versions", "gpu_servers"]);
    let mut shown = run(folder, arguments);
    for version in versions.as_array().expect("a list") {
        let number = &version["version"];
        let text = |key: &str| version[key].as_str().expect("a text").to_owned();
        shown = shown.replace(&text("run"), &format!("<run of version {number}>"));
        shown = shown.replace(&text("manifest"), &format!("<manifest of version {number}>"));
        let created_at = text("created_at");
        let for_people = format!("{}Z", created_at[..19].replace('T', " "));
        // Two versions may be of the same second.
        shown = shown.replace(&created_at, "<time>").replace(&for_people, "<time>");
    }
    shown
}

#[test]
fn exports_land_in_one_run_and_a_second_run_is_a_no_op() {
    let folder = servers();

    start(&folder);
    let first = json(&folder, &["run", "show", "latest"]);
    start(&folder);
    let second = json(&folder, &["run", "show", "latest"]);

    let (landed, again) = (&task(&first, "ingest")["output"], &task(&second, "ingest")["output"]);
    assert_eq!((&landed["rows"], &landed["rejected"]), (&263.into(), &1.into()), "{landed}");
    assert_eq!((&landed["unchanged"], &again["unchanged"]), (&false.into(), &true.into()));
    assert_eq!(landed["content"], again["content"]);
    let versions = json(&folder, &["dataset", "versions", "gpu_servers"]);
    assert_eq!(versions.as_array().map(Vec::len), Some(1));
    assert_eq!(task(&second, "validate")["output"]["verdict"], "warned");
    // Every line that is no landed row is explained where people look.
    let log = run(&folder, &["run", "logs", "latest", "validate"]);
    insta::assert_snapshot!(log);
}

#[test]
fn a_data_set_is_listed_shown_compared_and_asked() {
    let folder = servers();
    start(&folder);
    let path = folder.path().join("exports/gpu-a.txt");
    let changed = EXPORTS[0].1.replace("gpu-a\t2025-11-03 19:00", "gpu-d\t2025-11-03 19:00");
    assert_ne!(changed, EXPORTS[0].1);
    std::fs::write(path, changed).expect("the file");
    start(&folder);

    let shown = [
        &["dataset", "list"][..],
        &["dataset", "versions", "gpu_servers"],
        &["dataset", "show", "gpu_servers"],
        &["dataset", "diff", "gpu_servers"],
        &["dataset", "head", "gpu_servers", "-n", "3"],
        &["dataset", "suggest-checks", "gpu_servers"],
        &["sql", "select name, count(*) as hours, max(timestamp) as last from gpu_servers group by name order by name"],
        &["sql", "select name, powerave from gpu_servers order by timestamp, name limit 2", "--as", "csv"],
        &["sql", "select name, powerave from gpu_servers order by timestamp, name limit 2", "--format", "json"],
        &["dataset", "diff", "gpu_servers", "1", "2", "--format", "json"],
    ]
    .map(|arguments| format!("$ tidemill {}\n{}", arguments.join(" "), named(&folder, arguments)));

    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn an_answer_in_parquet_is_a_file_that_lands_again() {
    let folder = servers();
    start(&folder);
    let statement = "select name, timestamp, powerave from gpu_servers order by name, timestamp";

    let output = folder.run(&["sql", statement, "--output", "exports/answer.parquet"]);

    assert_eq!(
        shown(&output),
        "exit 0\n--- stdout\n--- stderr\n263 rows are in exports/answer.parquet\n"
    );
    let bytes = std::fs::read(folder.path().join("exports/answer.parquet")).expect("the file");
    assert_eq!(&bytes[..4], b"PAR1");
    assert_eq!(std::fs::read_dir(folder.path().join("exports")).expect("a folder").count(), 4);
}

#[test]
fn what_is_not_there_is_told_with_what_was_probably_meant() {
    let folder = servers();
    start(&folder);

    let shown = [
        &["dataset", "show", "gpu_server"][..],
        &["dataset", "show", "gpu_servers", "--at", "7"],
        &["dataset", "diff", "gpu_servers"],
        &["sql", "select * from gpu_server"],
        &["sql", "select powrave from gpu_servers"],
        &["sql", "delete from gpu_servers"],
        &["sql", "selec 1"],
        &["sql"],
    ]
    .map(|arguments| {
        format!("$ tidemill {}\n{}", arguments.join(" "), shown(&folder.run(arguments)))
    });

    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn help_says_how_data_sets_are_asked() {
    let folder = servers();
    let shown = [&["dataset", "--help"][..], &["dataset", "diff", "--help"], &["sql", "--help"]]
        .map(|arguments| shown(&folder.run(arguments)));

    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_failed_check_fails_the_run_and_its_words_name_the_check() {
    let checks = CHECKS.replace("max: 110", "max: 30");
    let dag = DAG.replace("tests/fixtures/gpu_servers", "exports");
    let files = [
        ("dags/gpu_servers.yaml", dag.as_str()),
        ("configs/checks/gpu_servers.yaml", checks.as_str()),
    ];
    let folder = Folder::with(&[&files[..], &EXPORTS[..]].concat());

    let output = folder.run(&["run", "start", "gpu_servers", "--interval", "2025-11-06", "--wait"]);

    assert_eq!(output.status.code(), Some(30));
    let run = json(&folder, &["run", "show", "latest"]);
    let reason = task(&run, "validate")["reason"].to_string();
    assert!(reason.contains("1 of 8 checks do not hold"), "{reason}");
    assert!(reason.contains("temperature: from 0 to 30"), "{reason}");
    assert_eq!(task(&run, "daily")["state"], "skipped");
}

#[test]
fn mistakes_of_a_checks_file_are_told_with_the_dag() {
    let checks = CHECKS.replace("check: range, column: powerave", "check: rnge, column: powerave");
    let files = [
        ("dags/gpu_servers.yaml", DAG),
        ("configs/checks/gpu_servers.yaml", checks.as_str()),
        (
            "dags/sql.yaml",
            "dag: asks\ntasks:\n  a: { uses: sql }\n  b: { uses: ingest, with: { dataset: x, source: \"s3://me:secret@plant/*.csv\" } }\n",
        ),
    ];
    let folder = Folder::with(&files);

    insta::assert_snapshot!(shown(&folder.run(&["dag", "check"])));
}

#[test]
fn the_schema_of_checks_is_the_committed_one() {
    let committed = include_str!("../../../configs/schema/checks.json");

    let printed = run(&servers(), &["dag", "schema", "checks"]);

    assert_eq!(printed, committed, "`cargo xtask generated --write` renews it");
}

/// The real exports, which are in no repository.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_real_exports_land_whole_and_a_second_run_is_a_no_op() {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let names = ["biohpc_cbsugpu05.txt", "biohpc_cbsugpu06.txt", "biohpc_cbsugpu09.txt"];
    if !names.iter().all(|name| real.join(name).exists()) {
        eprintln!("skipped: there are no real files in {}", real.display());
        return;
    }
    let folder = servers();
    for (path, _) in EXPORTS {
        std::fs::remove_file(folder.path().join(path)).expect("the file");
    }
    for name in names {
        std::fs::copy(real.join(name), folder.path().join("exports").join(name)).expect("a copy");
    }

    start(&folder);
    let first = json(&folder, &["run", "show", "latest"]);
    let report = run(&folder, &["run", "logs", "latest", "validate"]);
    start(&folder);
    let second = json(&folder, &["run", "show", "latest"]);

    let landed = &task(&first, "ingest")["output"];
    assert_eq!((&landed["rows"], &landed["rejected"]), (&55_172.into(), &0.into()), "{landed}");
    assert_eq!(task(&second, "ingest")["output"]["unchanged"], true);
    for words in ["23371 rows landed", "(23371 rows affected)", "Completion time"] {
        assert!(report.contains(words), "{report}");
    }
}
