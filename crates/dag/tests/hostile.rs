//! Files that nobody wrote on purpose, or somebody wrote to do harm: no panic, bounded time and memory, a clear refusal.

mod support;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use support::problems;

const THERMAL: &str = include_str!("good/thermal.yaml");

/// Reading even a hostile file of the largest size stays far below this, also unoptimised on a busy machine.
const BOUND: Duration = Duration::from_secs(20);

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

/// A file with one task.
fn task_with(more: &str) -> String {
    format!("dag: a\ntasks: {{ a: {{ uses: noop, {more} }} }}\n")
}

/// Tasks with something each beside their kind.
fn chain(count: usize, more: impl Fn(usize) -> String) -> String {
    format!(
        "dag: a\ntasks:\n{}",
        lines(count, |task| format!("  t{task}: {{ uses: noop, {} }}\n", more(task)))
    )
}

fn refused(name: &str, text: &str) -> String {
    let started = Instant::now();
    let printed = problems(name, text);
    assert!(started.elapsed() < BOUND, "{name} took {:?}", started.elapsed());
    assert_ne!(printed, "no problems", "{name}");
    printed.lines().next().unwrap_or_default().chars().take(160).collect()
}

#[test]
fn each_sort_of_hostile_file_is_refused_with_a_reason() {
    let laughs = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let alias = format!("*a{}, ", level - 1).repeat(9);
        format!("{text}a{level}: &a{level} [{alias}]\n")
    });
    let files = [
        ("truncated", THERMAL[..THERMAL.len() / 2].to_owned()),
        ("binary", "\u{0}\u{1}\u{2}PNG".to_owned()),
        ("control", "dag: \u{7}\u{1b}[31m".to_owned()),
        ("deep_flow", format!("dag: a\ntasks: {}{}", "[".repeat(5_000), "]".repeat(5_000))),
        ("deep_block", lines(500, |level| format!("{}k:\n", " ".repeat(level)))),
        ("laughs", laughs),
        ("self_alias", "a: &a [*a]\n".to_owned()),
        ("path_name", "dag: ../../../etc/passwd\ntasks: { a: { uses: noop } }\n".to_owned()),
        ("too_large", format!("dag: a\n# {}\n", "x".repeat(1024 * 1024))),
        ("two_documents", "dag: a\n---\ndag: b\n".to_owned()),
        ("tabs", "dag: a\ntasks:\n\ta: { uses: noop }\n".to_owned()),
        ("not_a_mapping", "- a\n- b\n".to_owned()),
        ("tags", "dag: !!python/object:os.system a\ntasks: !!set {a}\n".to_owned()),
        ("many_keys", lines(60_000, |key| format!("k{key}: 1\n"))),
        ("long_key", format!("{}: 1\n", "k".repeat(500_000))),
        ("infinite", "dag: a\nparallel_runs: .inf\ntasks: { a: { uses: noop } }\n".to_owned()),
        ("list_key", "? [a, b]\n: c\n".to_owned()),
        ("long_sum", task_with(&format!("when: \"1{}\"", "+1".repeat(20_000)))),
        ("long_not", task_with(&format!("when: \"{}true\"", "not ".repeat(20_000)))),
        ("long_minus", task_with(&format!("for_each: \"{}1\"", "-".repeat(20_000)))),
        (
            "long_path",
            task_with(&format!("with: {{ x: \"{{{{ params{} }}}}\" }}", ".a".repeat(100_000))),
        ),
        (
            "long_filters",
            task_with(&format!(
                "with: {{ x: \"{{{{ dag.name {} }}}}\" }}",
                "| upper ".repeat(50_000)
            )),
        ),
        ("unknown_needs", chain(5_000, |task| format!("needs: [u{task}]"))),
        (
            "escaped_nul",
            "dag: a\ndescription: \"a\\0b\"\ntasks: { a: { uses: noop } }\n".to_owned(),
        ),
        (
            "long_expression",
            format!(
                "dag: a\ntasks: {{ a: {{ uses: noop, when: \"{}1{}\" }} }}\n",
                "(".repeat(100_000),
                ")".repeat(100_000)
            ),
        ),
    ];
    let reasons: Vec<String> = files.iter().map(|(name, text)| refused(name, text)).collect();

    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn five_thousand_tasks_that_read_each_others_outputs_are_checked_in_time() {
    let text = chain(5_000, |task| match task {
        0 => "priority: 1".to_owned(),
        _ => format!(
            "needs: [t{}], when: outputs.t0.rows > 0 or outputs.t{}.rows > 0",
            task - 1,
            task - 1
        ),
    });
    let started = Instant::now();

    assert_eq!(problems("reads", &text), "no problems");

    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_never_panics(
        cut in 0..THERMAL.len(),
        place in 0..THERMAL.len(),
        noise in "[\\x00-\\x7f\u{e9}\u{1f600}]{0,8}",
        remove in 0usize..40,
    ) {
        let mut damaged: String = THERMAL.chars().take(cut.max(200)).collect();
        let start = damaged.floor_char_boundary(place.min(damaged.len()));
        let end = damaged.floor_char_boundary((start + remove).min(damaged.len()));
        damaged.replace_range(start..end.max(start), &noise);

        let _printed = problems("damaged", &damaged);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,300}") {
        let _printed = problems("any", &text);
    }

    #[test]
    fn yaml_soup_is_read_or_refused(words in prop::collection::vec(
        prop::sample::select(vec![
            "dag", "tasks", ":", ": ", "\n", "\n  ", "\n    ", "- ", "{", "}", "[", "]", ",", "&a ", "*a", "<<", "'", "\"",
            "|\n", ">-\n", "uses", "noop", "with", "when", "{{ ", " }}", "params.x", "!!str ", "? ", "#", "null", "1e999", "%",
        ]), 0..60,
    )) {
        let _printed = problems("soup", &words.concat());
    }
}
