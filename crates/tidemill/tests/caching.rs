//! The cache, as a person meets it: what a plan foretells, what a run did, and why.

mod support;

use support::{Folder, shown, text};

/// `count` and `words` say that they may be cached; what `words` reads is what `count` printed.
const COUNTED: &str = "dag: counted\nparams: { words: one two }\ntasks:\n  \
count: { uses: command, cache: true, with: { argv: [sh, -c, 'echo run >> count.log; echo $0 | wc -w', '{{ params.words }}'] } }\n  \
twice: { uses: command, cache: { max_age: 7d }, needs: [count], with: { argv: [sh, -c, 'echo run >> twice.log; echo twice $0', '{{ outputs.count.stdout }}'] } }\n  \
mail: { uses: command, needs: [twice], with: { argv: [sh, -c, 'echo run >> mail.log'] } }\n";

fn folder() -> Folder {
    Folder::with(&[("dags/counted.yaml", COUNTED)])
}

/// How often each task did its work.
fn counts(folder: &Folder) -> [usize; 3] {
    ["count", "twice", "mail"].map(|task| {
        let log = std::fs::read_to_string(folder.path().join(format!("{task}.log")));
        log.unwrap_or_default().lines().count()
    })
}

fn run(folder: &Folder, arguments: &[&str]) -> String {
    let output = folder.run(arguments);
    assert!(output.status.success(), "{}", shown(&output));
    text(&output.stdout)
}

/// One run to its end.
fn carry_out(folder: &Folder, arguments: &[&str]) {
    run(
        folder,
        &[&["run", "start", "counted", "--interval", "2026-11-19", "--wait"], arguments].concat(),
    );
}

/// Output without what is new each time: ids, lengths of time, ages, dates.
fn still(text: &str) -> String {
    let word = |word: &str| {
        let plain = word.trim_end_matches([',', ')', ';', '`']);
        let rest = &word[plain.len()..];
        let is_time = |text: &str| {
            text.len() > 1
                && text.starts_with(|first: char| first.is_ascii_digit())
                && (text.ends_with("ms") || text.ends_with('s') || text.ends_with('Z'))
                && !text.starts_with("2026-11-19")
        };
        if plain.starts_with("run_") {
            format!("run_…{rest}")
        } else if is_time(plain) {
            format!("…{rest}")
        } else {
            word.to_owned()
        }
    };
    let lines = text.lines().map(|line| {
        let line = line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
        match (line.find("(just now)"), line.find(" ago)")) {
            (Some(_), _) => line.replace("(just now)", "(… ago)"),
            (None, Some(end)) => {
                let start = line[..end].rfind('(').unwrap_or(end);
                format!("{}(…{}", &line[..start], &line[end..])
            }
            (None, None) => line,
        }
    });
    let lines: Vec<String> = lines.filter(|line| !line.starts_with("asked for")).collect();
    lines.join("\n")
}

#[test]
fn a_second_run_takes_from_the_cache_what_may_be_and_tells_it() {
    let folder = folder();

    carry_out(&folder, &[]);
    carry_out(&folder, &[]);

    assert_eq!(counts(&folder), [1, 1, 2]);
    insta::assert_snapshot!(still(&run(&folder, &["run", "show", "latest", "--explain"])));
    let logs = folder.run(&["run", "logs", "latest", "count"]);
    assert!(text(&logs.stderr).contains("cached; run_"), "{}", shown(&logs));
    let document = run(&folder, &["run", "show", "latest", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let count = &document["task_runs"][0];
    assert_eq!((&count["state"], &count["cache"]["cache"]), (&"succeeded".into(), &"hit".into()));
    assert_eq!(count["output"]["stdout"], "2\n");
}

#[test]
fn a_plan_foretells_hits_and_misses_and_runs_keep_to_it() {
    let folder = folder();
    let plan = |words: &str| {
        let words = format!("words={words}");
        let arguments = ["dag", "plan", "counted", "--interval", "2026-11-19", "--param", &words];
        let plan = run(&folder, &arguments);
        let (_, tasks) = plan.split_once("longest chain:").expect("it ends with its tasks");
        still(tasks)
    };
    let arguments = ["dag", "plan", "counted", "--interval", "2026-11-19"];
    let before = folder.run(&arguments);
    assert!(text(&before.stderr).contains("nothing ran here yet"), "{}", shown(&before));
    carry_out(&folder, &[]);

    let same = plan("one two");
    let changed = plan("three four");
    carry_out(&folder, &["--param", "words=three four"]);
    let rerun = still(&run(&folder, &["run", "rerun", "latest", "--from", "twice", "--plan"]));
    let range = ["backfill", "start", "counted", "--from", "2026-11-18", "--to", "2026-11-19"];
    let backfill = run(&folder, &[&range[..], &["--reprocess", "all", "--plan"]].concat());
    let (_, tasks) = backfill.split_once("WHY THE OTHERS RUN").expect("it ends with its tasks");

    // Both texts have two words: `twice` reads the same, and is not done again.
    assert_eq!(counts(&folder), [2, 1, 2]);
    insta::assert_snapshot!(format!(
        "same{same}\n\nchanged{changed}\n\nrerun\n{rerun}\n\nbackfill{}",
        still(tasks)
    ));
}

#[test]
fn without_the_cache_and_when_it_is_named_a_task_runs() {
    let folder = folder();
    carry_out(&folder, &[]);

    carry_out(&folder, &["--no-cache"]);
    assert_eq!(counts(&folder), [2, 2, 2]);
    run(&folder, &["run", "rerun", "latest", "--from", "count", "--wait"]);

    assert_eq!(counts(&folder), [3, 2, 3]);
    let explained = still(&run(&folder, &["run", "show", "latest", "--explain"]));
    assert!(explained.contains("count not cached: the rerun names it"), "{explained}");
}
