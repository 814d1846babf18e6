//! Whole files: good ones are read, bad ones are told all that is wrong with them.

mod support;

use support::{problems, read};
use tidemill_dag::names::TaskName;

fn text_of(folder: &str, name: &str) -> String {
    let path = format!("{}/tests/{folder}/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the file is there")
}

#[test]
fn the_example_of_the_design_has_no_problems() {
    assert_eq!(problems("thermal", &text_of("good", "thermal")), "no problems");
}

#[test]
fn tasks_are_planned_in_an_order_in_which_they_can_run() {
    let dag = read("thermal", &text_of("good", "thermal")).unwrap();
    let order: Vec<&str> = dag.plan.nodes().iter().map(|node| node.name.as_str()).collect();
    let place = |name: &str| order.iter().position(|found| *found == name).unwrap();

    assert!(place("ingest") < place("validate") && place("validate") < place("features"));
    assert!(place("by_site") < place("gather"));
}

#[test]
fn every_bad_file_is_told_all_that_is_wrong_with_it() {
    for name in [
        "names",
        "ports",
        "params",
        "templates",
        "order",
        "reach",
        "runs_after",
        "secrets",
        "twice",
        "syntax",
        "empty",
        "shape",
    ] {
        insta::assert_snapshot!(name, problems(name, &text_of("bad", name)));
    }
}

#[test]
fn the_hash_ignores_comments_and_the_order_of_keys() {
    let one = read("a", "dag: a\ntasks:\n  x: { uses: noop, needs: [y] }\n  y: { uses: noop }\n")
        .unwrap();
    let other = read(
        "a",
        "# hello\ntasks:\n  y: { uses: noop }\n  x: { needs: [y], uses: noop } # there\ndag: a\n",
    )
    .unwrap();

    assert_eq!(one.hash, other.hash);
    assert_eq!(one.plan, other.plan);
}

#[test]
fn the_hash_covers_included_files() {
    let text = text_of("good", "thermal");
    let catalog = support::catalog();
    let source = std::sync::Arc::new(tidemill_dag::problem::SourceText::new(
        "dags/thermal.yaml".into(),
        text,
    ));
    let mut changed = support::repository();
    changed.0.insert("configs/checks/plant.yaml", "not_null: [time]\n");
    let mut recommented = support::repository();
    recommented.0.insert(
        "configs/checks/plant.yaml",
        "# why\nmostly: { share: 0.99 }\nnot_null: [time, value]\n",
    );
    let hash = |files: &support::Repository| {
        tidemill_dag::load::read_dag(&source, &catalog, files).unwrap().hash
    };

    assert_ne!(hash(&support::repository()), hash(&changed));
    assert_eq!(hash(&support::repository()), hash(&recommented));
}

#[test]
fn included_files_are_pinned_with_their_content() {
    let dag = read("thermal", &text_of("good", "thermal")).unwrap();
    let with = &dag.spec.tasks[&TaskName::new("validate").unwrap()].with;

    assert_eq!(dag.includes, ["configs/checks/plant.yaml"]);
    assert_eq!(with["checks"]["content"]["not_null"], serde_json::json!(["time", "value"]));
}

#[test]
fn a_checked_file_reads_back_from_its_stored_form() {
    let dag = read("thermal", &text_of("good", "thermal")).unwrap();
    let stored = serde_json::to_value(&dag.spec).unwrap();

    let spec: tidemill_dag::spec::DagSpec = serde_json::from_value(stored).unwrap();

    assert_eq!(spec, dag.spec);
    assert_eq!(tidemill_dag::hash::content_hash(&spec), dag.hash);
}

#[test]
fn five_thousand_tasks_are_read_and_one_more_is_not() {
    let file = |count: usize| {
        let tasks: Vec<String> =
            (0..count).map(|index| format!("  t{index}: {{ uses: noop }}\n")).collect();
        format!("dag: large\ntasks:\n{}", tasks.concat())
    };

    assert_eq!(problems("large", &file(5_000)), "no problems");
    assert!(
        problems("large", &file(5_001)).contains("5001 tasks in one file; at most 5000 are read")
    );
}

#[test]
fn a_secret_in_an_included_file_is_told_and_shown_to_nobody() {
    let dag = "dag: a\ntasks:\n  i: { uses: ingest, with: { source: x, dataset: y } }\n  \
               v: { uses: validate, inputs: { table: i.table }, with: { checks: ../configs/checks/leaky.yaml } }\n";

    let told = problems("a", dag);

    assert!(told.contains("the secret `password` is written in the file"), "{told}");
    assert!(told.contains("******") && !told.contains("hunter2"), "{told}");
}
