//! The kind `command`: what a program sees, what is kept of it, and how it ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_kinds::registry;
use tidemill_task::{ArtifactStore, Assignment, Completion, Services, execute};
use tokio_util::sync::CancellationToken;

/// Longer than any of these programs takes, where nothing is wrong.
const DEADLINE: Duration = Duration::from_secs(30);

fn services() -> Services {
    let mut services = Services::new(ArtifactStore::in_memory());
    let environment = [("PATH", "/usr/bin:/bin"), ("HOME", "/"), ("DATABASE_URL", "secret")];
    services.environment.extend(environment.map(|(name, value)| (name.into(), value.into())));
    services
}

async fn run_with(services: Services, params: Value) -> Completion {
    let registry = registry();
    let work = execute(&registry, Assignment::example("command", params), services);
    tokio::time::timeout(DEADLINE, work).await.expect("the program ends in time")
}

async fn run(params: Value) -> Completion {
    run_with(services(), params).await
}

fn shell(script: &str) -> Value {
    json!({ "argv": ["sh", "-c", script] })
}

fn output(completion: &Completion) -> &Value {
    let Verdict::Succeeded { output } = &completion.verdict else {
        panic!("{completion:?} did not succeed");
    };
    output
}

fn error(completion: &Completion) -> (&str, Retry) {
    let Verdict::Failed { error, retry } = &completion.verdict else {
        panic!("{completion:?} did not fail");
    };
    (error, *retry)
}

#[tokio::test]
async fn a_program_sees_the_facts_of_its_task_and_no_secret_of_the_worker() {
    let params = json!({ "argv": ["env"], "env": { "HOME": "/tmp", "SITE": "oslo" } });

    let completion = run(params).await;

    let mut lines: Vec<&str> = output(&completion)["stdout"].as_str().unwrap().lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn what_a_program_prints_is_its_output_and_an_artefact() {
    let services = services();
    let store = services.artifacts.clone();

    let completion = run_with(services, shell("echo out; echo oops >&2")).await;

    let expected = json!({ "exit_code": 0, "stdout": "out\n", "stderr": "oops\n" });
    assert_eq!(*output(&completion), expected);
    let [stderr, stdout] = completion.manifest.artifacts.as_slice() else {
        panic!("{:?}", completion.manifest);
    };
    assert_eq!((stderr.port.as_str(), stdout.port.as_str()), ("stderr", "stdout"));
    assert_eq!(store.read(stdout).await.unwrap(), "out\n");
    assert_eq!(store.read(stderr).await.unwrap(), "oops\n");
}

#[tokio::test]
async fn a_program_that_fails_says_its_last_words_and_leaves_its_log() {
    let completion = run(shell("echo reading; echo no such table >&2; exit 3")).await;

    let words = "run `sh`: it ended with exit status: 3, after saying:\nno such table";
    assert_eq!(error(&completion), (words, Retry::MayHelp));
    assert_eq!(completion.manifest.artifacts.len(), 2);
}

#[tokio::test]
async fn other_exit_codes_may_be_a_success() {
    let mut params = shell("exit 3");
    params["ok_codes"] = json!([0, 3]);

    assert_eq!(output(&run(params).await)["exit_code"], 3);
}

#[tokio::test]
async fn the_last_line_may_be_the_output_as_json() {
    let json_output = async |script| {
        let mut params = shell(script);
        params["json_output"] = json!(true);
        run(params).await
    };

    let good = json_output("echo working; echo '{\"rows\": 7}'").await;
    let bad = json_output("echo working").await;

    assert_eq!(*output(&good), json!({ "rows": 7 }));
    let (error, retry) = error(&bad);
    assert!(error.starts_with("read the last line of its standard output as JSON"), "{error}");
    assert_eq!(retry, Retry::CannotHelp);
}

#[tokio::test]
async fn a_program_reads_its_standard_input_or_leaves_it() {
    let text = "x".repeat(1 << 20);
    let count = run(json!({ "argv": ["wc", "-c"], "stdin": text })).await;
    let ignore = run(json!({ "argv": ["true"], "stdin": text })).await;

    assert_eq!(output(&count)["stdout"].as_str().unwrap().trim(), "1048576");
    assert_eq!(output(&ignore)["exit_code"], 0);
}

#[tokio::test]
async fn a_program_runs_in_its_folder_of_the_repository() {
    let repository = tempfile::tempdir().unwrap();
    std::fs::create_dir(repository.path().join("jobs")).unwrap();
    let run_in = async |folder: &str| {
        let services = Services { repository: repository.path().to_owned(), ..services() };
        run_with(services, json!({ "argv": ["pwd", "-P"], "folder": folder })).await
    };

    let inside = run_in("jobs").await;
    let missing = run_in("jabs").await;

    let printed = PathBuf::from(output(&inside)["stdout"].as_str().unwrap().trim());
    assert_eq!(printed, repository.path().canonicalize().unwrap().join("jobs"));
    let (error, retry) = error(&missing);
    assert!(error.starts_with("start `pwd`: there is no folder `"), "{error}");
    assert_eq!(retry, Retry::CannotHelp);
}

#[tokio::test]
async fn a_missing_program_is_named_with_where_it_was_looked_for() {
    let completion = run(json!({ "argv": ["pyhton3"] })).await;

    let (error, retry) = error(&completion);
    let expected = "start `pyhton3`: it is in no folder of `PATH`, which is `/usr/bin:/bin`";
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(retry, Retry::CannotHelp);
}

#[tokio::test]
async fn endless_output_is_cut_with_a_note_in_the_output_and_in_the_artefact() {
    let services = services();
    let store = services.artifacts.clone();
    let mebibytes = 24;

    let script = format!("yes | head -c {}; echo the end", mebibytes << 20);
    let completion = run_with(services, shell(&script)).await;

    let stdout = output(&completion)["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("[25100296 bytes before this are left out]\n"), "{stdout:.60}");
    assert!(stdout.ends_with("y\nthe end\n"));
    let log = store.read(&completion.manifest.artifacts[0]).await.unwrap();
    assert_eq!(&log[16 << 20..], b"\n[8388616 bytes after this are left out]\n");
}

/// Cancels once `file` is there.
async fn cancel_when(file: &Path, cancel: CancellationToken) {
    while !file.exists() {
        tokio::task::yield_now().await;
    }
    cancel.cancel();
}

/// Waits until the process whose number is in `file` is gone.
async fn is_gone(file: &Path) -> bool {
    let number = std::fs::read_to_string(file).expect("the script wrote its number");
    let process = Path::new("/proc").join(number.trim());
    let gone = async {
        // A dead process without a parent lies there until init takes it.
        while let Ok(status) = std::fs::read_to_string(process.join("stat"))
            && !status.contains(") Z ")
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.is_ok()
}

#[tokio::test]
async fn a_cancel_reaches_the_program_and_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let child = folder.path().join("child");
    let services = Services { repository: folder.path().to_owned(), ..services() };
    let cancel = services.cancel.clone();

    let script = "sleep 1000 & echo $! > made; echo begun; mv made child; wait";
    let (completion, ()) =
        tokio::join!(run_with(services, shell(script)), cancel_when(&child, cancel));

    assert_eq!(completion.verdict, Verdict::Cancelled);
    assert_eq!(completion.manifest.of_port("stdout").count(), 1);
    assert!(is_gone(&child).await);
}

#[tokio::test]
async fn a_program_that_will_not_stop_is_killed_after_its_grace() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = folder.path().join("deaf");
    let services = Services { repository: folder.path().to_owned(), ..services() };
    let cancel = services.cancel.clone();

    let mut params = shell("trap '' TERM; echo $$ > made; mv made deaf; while :; do sleep 1; done");
    params["grace"] = json!("50ms");
    let (completion, ()) = tokio::join!(run_with(services, params), cancel_when(&deaf, cancel));

    assert_eq!(completion.verdict, Verdict::Cancelled);
    assert!(is_gone(&deaf).await);
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_killed_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services { repository: folder.path().to_owned(), ..services() };

    let completion = run_with(services, shell("sleep 1000 & echo $! > child")).await;

    assert_eq!(output(&completion)["exit_code"], 0);
    assert!(is_gone(&folder.path().join("child")).await);
}

#[tokio::test]
async fn a_program_is_killed_when_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let child = folder.path().join("child");
    let services = Services { repository: folder.path().to_owned(), ..services() };
    let begun = CancellationToken::new();

    let script = "sleep 1000 & echo $! > made; mv made child; wait";
    tokio::select! {
        _ = run_with(services, shell(script)) => panic!("it waits for its child"),
        ((), ()) = async { tokio::join!(cancel_when(&child, begun.clone()), begun.cancelled()) } => {}
    }

    assert!(is_gone(&child).await);
}
