//! How long it takes to read a DAG file of 20 tasks, and what of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use divan::{Bencher, black_box};
use serde_json::json;
use tidemill_dag::catalog::{Catalog, Ports, Signature};
use tidemill_dag::load::read_dag;
use tidemill_dag::problem::SourceText;
use tidemill_dag::schedule::{Schedule, Stretch};
use tidemill_dag::shape::NoFiles;
use tidemill_dag::yaml;

fn main() {
    divan::main();
}

fn source() -> Arc<SourceText> {
    let mut text =
        "dag: flow\nschedule: { cron: \"15 2 * * *\", timezone: Europe/Oslo }\ninterval: 1d\n\
                    params: { horizon: 60m }\ntasks:\n"
            .to_owned();
    for task in 0..20 {
        write!(text, "  step_{task}:\n    uses: noop\n").expect("a string takes all");
        if task > 0 {
            let before = task - 1;
            writeln!(text, "    needs: [step_{before}]\n    when: outputs.step_{before}.rows > 0")
                .expect("a string takes all");
        }
        writeln!(
            text,
            "    retries: {{ max: 2, backoff: 30s..10m }}\n    with:\n      \
             output: {{ rows: {task}, day: \"{{{{ interval.start | date }}}}\" }}"
        )
        .expect("a string takes all");
    }
    Arc::new(SourceText::new("dags/flow.yaml".to_owned(), text))
}

fn catalog() -> Catalog {
    let params = json!({ "type": "object", "properties": { "output": true }, "additionalProperties": false });
    let noop = Signature {
        name: "noop",
        summary: String::new(),
        ports: Ports::NONE,
        params: Arc::new(params),
        check: Arc::new(|_| Vec::new()),
    };
    Catalog {
        kinds: BTreeMap::from([("noop", noop)]),
        pools: BTreeMap::from([("default".to_owned(), 8)]),
        env: Vec::new(),
    }
}

#[divan::bench]
fn whole_file(bencher: Bencher<'_, '_>) {
    let (source, catalog) = (source(), catalog());
    bencher.bench(|| {
        read_dag(black_box(&source), &catalog, &NoFiles).expect("the file has no problems")
    });
}

#[divan::bench]
fn yaml_alone(bencher: Bencher<'_, '_>) {
    let source = source();
    bencher.bench(|| yaml::parse(black_box(&source)).expect("the file is YAML"));
}

#[divan::bench]
fn fit_of_a_daily_schedule(bencher: Bencher<'_, '_>) {
    let schedule: Schedule =
        serde_json::from_value(json!({ "cron": "15 2 * * *", "timezone": "Europe/Oslo" }))
            .expect("a schedule");
    bencher.bench(|| black_box(&schedule).fit(Stretch::DAY));
}
