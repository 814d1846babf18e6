//! Artefacts in a bucket: a run whose artefacts live there, and what is said where the bucket cannot be used.

mod support;

use std::process::Output;

use support::{Folder, shown, text};
use tidemill_testkit::S3Server;

const DAG: &str = "dag: plant\ninterval: 1d\ntasks:\n  ingest:\n    uses: ingest\n    with: { source: \"s3://raw/dt={{ interval.start | date }}/*.csv\", \
dataset: plant, event_time: { column: at }, entity: [unit] }\n  validate:\n    uses: validate\n    inputs: { table: ingest.table }\n    \
with: { checks: ../configs/checks/plant.yaml }\n  sum:\n    uses: sql\n    inputs: { table: validate.table }\n    \
with: { query: \"select unit, sum(power) as power from input group by unit order by unit\" }\n";

const CHECKS: &str = "checks:\n  - { check: not_null, columns: [at, unit, power] }\n";

const ROWS: &str = "at,unit,power\n2026-11-19T00:00:00Z,a,1.5\n2026-11-19T01:00:00Z,b,2.5\n";

/// A folder whose artefacts are to lie in a bucket, and the server of that.
struct Site {
    folder: Folder,
    server: S3Server,
}

impl Site {
    fn start() -> Self {
        let folder = Folder::with(&[
            ("dags/plant.yaml", DAG),
            ("configs/checks/plant.yaml", CHECKS),
            ("tidemill.yaml", "artifacts: { url: \"s3://artifacts/tidemill\" }\n"),
        ]);
        let server = S3Server::start(folder.path().join("s3"), &["artifacts", "raw"]);
        let server = server.expect("a server");
        let raw = server.bucket("raw").join("dt=2026-11-19");
        std::fs::create_dir_all(&raw).expect("a folder");
        std::fs::write(raw.join("a.csv"), ROWS).expect("a file");
        Self { folder, server }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], others: &[(&str, &str)]) -> Output {
        let mut command = self.folder.command(arguments);
        command.envs(self.server.environment()).envs(others.iter().copied());
        command.output().expect("the binary runs")
    }

    fn start_run(&self, others: &[(&str, &str)]) -> Output {
        let arguments = ["run", "start", "plant", "--interval", "2026-11-19", "--wait"];
        self.run_with(&arguments, others)
    }
}

#[test]
fn a_run_whose_artefacts_live_in_a_bucket_is_a_run_as_any_other() {
    let site = Site::start();

    let first = site.start_run(&[]);
    let second = site.start_run(&[]);

    assert!(first.status.success(), "{}", shown(&first));
    assert!(second.status.success(), "{}", shown(&second));
    let answer = site.run(&["sql", "select unit, power from plant order by unit", "--as", "csv"]);
    assert_eq!(text(&answer.stdout), "unit,power\na,1.5\nb,2.5\n");
    let versions = site.run(&["dataset", "versions", "plant", "--format", "json"]);
    let versions: serde_json::Value = serde_json::from_slice(&versions.stdout).expect("JSON");
    assert_eq!(versions.as_array().map(Vec::len), Some(1), "a second run is a no-op");
    let manifest = versions[0]["manifest"].as_str().expect("a location");
    let there = site.server.bucket("artifacts").join("tidemill").join(manifest);
    assert!(there.exists(), "{}", there.display());
    assert!(!site.folder.path().join(".tidemill/artifacts").exists());
    let log = site.run(&["run", "logs", "latest", "ingest"]);
    assert!(text(&log.stdout).contains("has these 2 rows already"), "{}", shown(&log));
    let retention = site.run(&["db", "retention", "--plan"]);
    assert!(retention.status.success(), "{}", shown(&retention));
}

#[test]
fn a_bucket_that_cannot_be_used_is_told_before_any_work_begins() {
    let site = Site::start();

    let denied = site.start_run(&[("AWS_SECRET_ACCESS_KEY", "guessed")]);
    let missing = site.start_run(&[("TIDEMILL__ARTIFACTS__URL", "s3://artefacts/tidemill")]);
    let unknown = site.start_run(&[("TIDEMILL__ARTIFACTS__URL", "gopher://artifacts")]);

    // What the server and its client say in their own words is theirs to change.
    let ours = [denied, missing, unknown].map(|output| {
        let shown = shown(&output);
        let starts = ["exit", "error:", "hint:"];
        let is_ours = |line: &&str| starts.iter().any(|start| line.starts_with(start));
        shown.lines().filter(is_ours).collect::<Vec<_>>().join("\n")
    });
    assert_eq!(
        ours,
        [
            "exit 22\nerror: use the object store `s3://artifacts/tidemill`: it refuses the credentials\n\
             hint: see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do in the bucket",
            "exit 22\nerror: use the object store `s3://artefacts/tidemill`: there is no such bucket\n\
             hint: make the bucket, or see `artifacts.url`, AWS_REGION and AWS_ENDPOINT",
            "exit 11\nerror: read `gopher://artifacts` as the address of an object store\n\
             hint: `artifacts.url` is a folder, `file:///path` or `s3://bucket/prefix`",
        ]
    );
}
