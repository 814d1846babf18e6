//! How long it takes to read a DAG file of 20 tasks, and what of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use serde_json::json;
use tidemill_benchkit::{Figure, Goal, Options, Report, per_call};
use tidemill_dag::catalog::{Catalog, Ports, Signature};
use tidemill_dag::load::read_dag;
use tidemill_dag::problem::SourceText;
use tidemill_dag::schedule::{Schedule, Stretch};
use tidemill_dag::shape::NoFiles;
use tidemill_dag::yaml;

fn main() -> anyhow::Result<()> {
    let options = Options::from_arguments()?;
    options.expect_only(&["read"])?;
    let mut report = Report::begin(&options, &["tidemill-dag 0.1.0"]);
    let figure = |case: &str| Figure::new("read", case, "us");
    report.add(&figure("a DAG file of 20 tasks").goal(Goal::AtMost(1000.0)), whole_file())?;
    report.add(&figure("its YAML alone"), yaml_alone())?;
    report.add(&figure("the fit of a daily schedule"), fit_of_a_daily_schedule())?;
    report.end()
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

fn whole_file() -> anyhow::Result<Vec<f64>> {
    let (source, catalog) = (source(), catalog());
    per_call(
        || read_dag(black_box(&source), &catalog, &NoFiles),
        |read| read.as_ref().is_ok_and(|dag| dag.spec.tasks.len() == 20),
    )
}

fn yaml_alone() -> anyhow::Result<Vec<f64>> {
    let source = source();
    per_call(|| yaml::parse(black_box(&source)), Result::is_ok)
}

fn fit_of_a_daily_schedule() -> anyhow::Result<Vec<f64>> {
    let schedule: Schedule =
        serde_json::from_value(json!({ "cron": "15 2 * * *", "timezone": "Europe/Oslo" }))?;
    let expected = schedule.fit(Stretch::DAY);
    per_call(|| black_box(&schedule).fit(Stretch::DAY), |fit| *fit == expected)
}
