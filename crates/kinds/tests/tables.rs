//! `ingest`, `validate` and `sql`, one after the other, on a world whose data sets are kept in memory.
#![expect(clippy::unwrap_used, reason = "a test stops where its own set-up is wrong")]

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_dag::ids::RunId;
use tidemill_dag::names::DatasetName;
use tidemill_dag::time::DataInterval;
use tidemill_kinds::registry;
use tidemill_task::{
    ArtifactRef, ArtifactStore, Asker, Assignment, Clock, Completion, DatasetVersion, Datasets,
    PortError, Publication, Services, SystemClock, execute,
};

/// Data sets as the store would have them.
#[derive(Default)]
struct Shelf(Mutex<Vec<DatasetVersion>>);

impl Shelf {
    fn of(&self, dataset: &DatasetName) -> Vec<DatasetVersion> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|one| one.snapshot.dataset == *dataset).cloned().collect()
    }

    /// Does what the end of a successful attempt does.
    fn accept(&self, completion: &Completion) {
        if !matches!(completion.verdict, Verdict::Succeeded { .. }) {
            return;
        }
        for artifact in &completion.manifest.artifacts {
            let Some(Publication::Dataset(snapshot)) = artifact.publication.as_deref() else {
                continue;
            };
            let version = u32::try_from(self.of(&snapshot.dataset).len()).unwrap() + 1;
            self.0.lock().unwrap().push(DatasetVersion {
                version,
                snapshot: snapshot.clone(),
                manifest: ArtifactRef { publication: None, ..artifact.clone() },
                run: RunId::generate(),
                created_at: SystemClock.now(),
            });
        }
    }
}

#[async_trait]
impl Datasets for Shelf {
    async fn names(&self, _: &Asker) -> Result<Vec<DatasetName>, PortError> {
        let mut names: Vec<DatasetName> =
            self.0.lock().unwrap().iter().map(|one| one.snapshot.dataset.clone()).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn newest(
        &self,
        _: &Asker,
        dataset: &DatasetName,
        most: u32,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        Ok(self.of(dataset).into_iter().rev().take(most as usize).collect())
    }

    async fn at(
        &self,
        _: &Asker,
        dataset: &DatasetName,
        version: Option<u32>,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        let mut newest = std::collections::BTreeMap::new();
        for one in self.of(dataset) {
            if version.is_none_or(|most| one.version <= most) {
                newest.insert(one.snapshot.interval.start, one);
            }
        }
        Ok(newest.into_values().collect())
    }
}

/// A repository, an object store and data sets.
struct World {
    folder: tempfile::TempDir,
    store: ArtifactStore,
    shelf: Arc<Shelf>,
    runs: AtomicU32,
}

impl World {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store").display().to_string();
        let store = ArtifactStore::open(&store).unwrap();
        let world = Self { folder, store, shelf: Arc::default(), runs: AtomicU32::default() };
        for (path, text) in files {
            world.write(path, text);
        }
        world
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    async fn run(&self, assignment: Assignment) -> Completion {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let scratch = self.path().join(format!("scratch/{number}"));
        let services = Services {
            repository: self.path().to_owned(),
            scratch: scratch.clone(),
            datasets: Arc::clone(&self.shelf) as _,
            ..Services::new(self.store.clone())
        };
        let completion = execute(&registry(), assignment, services).await;
        self.shelf.accept(&completion);
        let left = std::fs::read_dir(&scratch).map_or(0, Iterator::count);
        assert_eq!(left, 0, "temporary files are left");
        completion
    }

    async fn ingest(&self, params: Value) -> Completion {
        self.run(assignment("ingest", params)).await
    }

    /// Checks the table of another task.
    async fn validate(&self, landed: &Completion, checks: Value) -> Completion {
        let content = json!({ "checks": checks });
        let params =
            json!({ "checks": { "path": "configs/checks/plant.yaml", "content": content } });
        let mut assignment = assignment("validate", params);
        let table = landed.manifest.of_port("table").cloned().collect();
        assignment.inputs.insert("table".parse().unwrap(), table);
        self.run(assignment).await
    }

    async fn json_of(&self, completion: &Completion, port: &str) -> Value {
        let artifact = completion.manifest.of_port(port).next().expect("the port has an artefact");
        serde_json::from_slice(&self.store.read(artifact).await.unwrap()).unwrap()
    }
}

fn assignment(kind: &str, params: Value) -> Assignment {
    let mut assignment = Assignment::example(kind, params);
    assignment.run.run = RunId::generate();
    assignment
}

/// One line for each minute.
fn lines(count: u32, line: impl Fn(u32, u32) -> String) -> String {
    let lines: Vec<String> = (0..count).map(|minute| line(minute / 60, minute % 60)).collect();
    lines.join("\n") + "\n"
}

fn output(completion: &Completion) -> &Value {
    let Verdict::Succeeded { output } = &completion.verdict else {
        panic!("it did not succeed: {:?}", completion.verdict);
    };
    output
}

fn error(completion: &Completion) -> (&str, Retry) {
    let Verdict::Failed { error, retry } = &completion.verdict else {
        panic!("it did not fail: {:?}", completion.verdict);
    };
    (error, *retry)
}

fn day(number: i64) -> DataInterval {
    let DataInterval { start, end } = Assignment::example("noop", Value::Null).run.interval;
    let days = chrono::TimeDelta::days(number);
    DataInterval { start: start + days, end: end + days }
}

const PLANT: &str = "at;unit;power\n19.11.2026 00:00;a;73,31\n19.11.2026 01:00;a;72,99\n19.11.2026 00:00;b;12,5\n(3 rows affected)\n";

fn plant() -> World {
    World::with(&[("raw/plant.csv", PLANT)])
}

fn landing() -> Value {
    json!({
        "source": "raw/*.csv",
        "dataset": "plant",
        "event_time": { "column": "at", "zone": "Europe/Oslo" },
        "entity": ["unit"],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_landing_is_a_table_a_manifest_and_the_next_version_of_its_data_set() {
    let world = plant();

    let landed = world.ingest(landing()).await;

    let output = output(&landed);
    assert_eq!((&output["rows"], &output["unchanged"]), (&json!(3), &json!(false)), "{output}");
    assert_eq!(output["events"][0], "2026-11-18T23:00:00Z");
    let ports: Vec<&str> =
        landed.manifest.artifacts.iter().map(|artifact| artifact.port.as_str()).collect();
    assert_eq!(ports, ["manifest", "table", "table"]);
    let table = world.json_of(&landed, "table").await;
    assert_eq!(table["landing"]["sources"][0]["tally"]["footer"], json!(["(3 rows affected)"]));
    let [version]: [DatasetVersion; 1] =
        world.shelf.of(&"plant".parse().unwrap()).try_into().unwrap();
    assert_eq!((version.version, version.snapshot.rows), (1, 3));
    assert_eq!(version.snapshot.interval, day(0));
    // Everything that the manifest names is an artefact, and lies where that says.
    for artifact in &landed.manifest.artifacts {
        world.store.read(artifact).await.unwrap();
        assert!(artifact.location.starts_with("attempts/"), "{}", artifact.location);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_again_are_the_same_snapshot_and_no_version() {
    let world = plant();
    let first = world.ingest(landing()).await;

    let listed_the_same = world.ingest(landing()).await;
    // Another listing of the same rows, which has to be read to know.
    world.write("raw/plant.csv", PLANT);
    let read_the_same = world.ingest(landing()).await;

    let places = |completion: &Completion| -> Vec<(String, String)> {
        let parquet = completion.manifest.of_port("table").skip(1);
        let all = parquet.chain(completion.manifest.of_port("manifest"));
        all.map(|one| (one.location.clone(), one.sha256.to_string())).collect()
    };
    for again in [&listed_the_same, &read_the_same] {
        assert_eq!(output(again)["unchanged"], true);
        assert_eq!(output(again)["content"], output(&first)["content"]);
        assert_eq!(places(again), places(&first));
        assert_eq!(world.json_of(again, "table").await, world.json_of(&first, "table").await);
    }
    assert_eq!(world.shelf.of(&"plant".parse().unwrap()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_are_a_new_version_and_another_interval_is_one_beside_it() {
    let world = plant();
    world.ingest(landing()).await;

    world.write("raw/plant.csv", &PLANT.replace("12,5", "12,75"));
    world.ingest(landing()).await;
    let mut next = assignment("ingest", landing());
    next.run.interval = day(1);
    world.run(next).await;

    let plant = "plant".parse().unwrap();
    let at = |version| world.shelf.at(asker(), &plant, version);
    let numbers = |versions: Vec<DatasetVersion>| -> Vec<u32> {
        versions.into_iter().map(|one| one.version).collect()
    };
    assert_eq!(numbers(at(Some(1)).await.unwrap()), [1]);
    assert_eq!(numbers(at(Some(2)).await.unwrap()), [2]);
    assert_eq!(numbers(at(None).await.unwrap()), [2, 3]);
}

fn asker() -> &'static Asker {
    static ASKER: std::sync::LazyLock<Asker> = std::sync::LazyLock::new(|| Asker {
        run: RunId::generate(),
        path: "only".parse().unwrap(),
        attempt: tidemill_dag::state::Attempt(1),
    });
    &ASKER
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_set_is_landed_by_intervals_or_as_a_whole_and_never_both() {
    let world = plant();
    world.ingest(landing()).await;
    let mut whole = landing();
    whole["covers"] = json!("all");

    let refused = world.ingest(whole).await;

    assert_eq!(
        error(&refused).0,
        "land into `plant`: it has rows that were landed interval by interval, and would have rows twice \
         (leave `covers: all` out, or land into another data set)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_landed_says_where_and_what_to_do_and_leaves_nothing() {
    let world = plant();
    let rows = lines(100, |hour, minute| format!("19.11.2026 {hour:02}:{minute:02};a;1.5"));
    let bad = "19.11.2026 05:00;a;n/k\n19.11.2026 06:00;a;oops\n";
    world.write("raw/plant.csv", &format!("at;unit;power\n{rows}{bad}"));

    let rejects = world.ingest(landing()).await;
    let missing = world.ingest(json!({ "source": "raw/*.tsv", "dataset": "plant" })).await;
    let contacts = "id,contact\n1,ada@example.org\n2,bob@example.org\n3,eve@example.org\n";
    world.write("people.csv", contacts);
    let personal = world.ingest(json!({ "source": "people.csv", "dataset": "people" })).await;

    let shown = [&rejects, &missing, &personal].map(|completion| {
        let (error, retry) = error(completion);
        format!("{retry:?}: {error}")
    });
    let [rejects, missing, personal] = shown;
    assert!(rejects.starts_with("CannotHelp: land the rows: 2 of 102 do not fit"), "{rejects}");
    assert!(rejects.contains("raw/plant.csv, line 102"), "{rejects}");
    assert!(rejects.contains("or raise `most_rejected`"), "{rejects}");
    assert!(missing.starts_with("MayHelp: find a file for `raw/*.tsv`"), "{missing}");
    assert!(personal.contains("`contact` seems to hold"), "{personal}");
    assert!(personal.contains("contact: mask"), "{personal}");
    assert!(world.shelf.0.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_did_not_land_are_explained_in_the_quality_report() {
    let rows = lines(200, |hour, minute| format!("2026-11-19T{hour:02}:{minute:02}:00Z,{minute}"));
    let world = World::with(&[("a.csv", &format!("at,value\n{rows}2026-11-19T05:00:00Z,oops\n"))]);
    let landed = world
        .ingest(json!({ "source": "a.csv", "dataset": "a", "event_time": { "column": "at" } }))
        .await;

    let checked =
        world.validate(&landed, json!([{ "check": "not_null", "column": "value" }])).await;

    assert_eq!(output(&landed)["rejected"], 1);
    assert_eq!(output(&checked)["verdict"], "passed");
    let quality = world.json_of(&checked, "quality").await;
    let rejected = &quality["landing"]["rejected"][0];
    assert_eq!((&rejected["source"], &rejected["row"]["line"]), (&json!("a.csv"), &json!(202)));
    assert_eq!(quality["landing"]["total"]["lines"], 202);
    assert_eq!(quality["quality"]["rows"], 200);
    // The table goes on as it came, with its quarantine.
    let places = |completion: &Completion| -> Vec<String> {
        completion.manifest.of_port("table").map(|one| one.location.clone()).collect()
    };
    assert_eq!(places(&checked), places(&landed));
    assert_eq!(places(&checked).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_fails_fails_the_task_and_one_that_warns_is_told() {
    let world = plant();
    let landed = world.ingest(landing()).await;
    let high =
        json!({ "name": "low power", "check": "range", "column": "power", "with": { "max": 50 } });
    let mut warns = high.clone();
    warns["severity"] = json!("warn");

    let failed =
        world.validate(&landed, json!([high, { "check": "not_null", "column": "unit" }])).await;
    let warned = world.validate(&landed, json!([warns])).await;

    assert_eq!(
        error(&failed),
        (
            "pass the table: 1 of 2 checks do not hold (score 58.3): low power: at most 50; \
             2 of 3 values do not hold (66.67 %); lowest 12.5, highest 73.31",
            Retry::CannotHelp
        )
    );
    // The report is there to be read, the table is not there to be used.
    assert_eq!(world.json_of(&failed, "quality").await["quality"]["verdict"], "failed");
    assert_eq!(failed.manifest.of_port("table").count(), 0);
    assert_eq!(output(&warned)["verdict"], "warned");
    assert_eq!(output(&warned)["warnings"], json!(["low power"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_compare_with_earlier_landings_and_other_data_sets() {
    let world = plant();
    world.write("units.csv", "id\na\n");
    world.ingest(json!({ "source": "units.csv", "dataset": "units" })).await;
    let mut whole = landing();
    whole["covers"] = json!("all");
    world.ingest(whole.clone()).await;
    world.write(
        "raw/plant.csv",
        &format!("{}19.11.2026 02:00;a;1,5\n", PLANT.replace("(3 rows affected)\n", "")),
    );
    let landed = world.ingest(whole).await;

    let checks = json!([
        { "check": "row_count_change", "with": { "min": 0.9, "max": 1.1 }, "severity": "warn" },
        { "check": "references", "columns": ["unit"], "with": { "dataset": "units", "columns": ["id"] }, "severity": "warn" },
    ]);
    let checked = world.validate(&landed, checks).await;
    let unknown =
        json!([{ "check": "references", "columns": ["unit"], "with": { "dataset": "unit" } }]);
    let unknown = world.validate(&landed, unknown).await;

    let quality = world.json_of(&checked, "quality").await;
    let seen: Vec<&Value> =
        quality["quality"]["checks"].as_array().unwrap().iter().map(|one| &one["seen"]).collect();
    insta::assert_snapshot!(format!("{seen:#?}\n{}", error(&unknown).0));
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_that_do_not_fit_the_table_are_all_named() {
    let world = plant();
    let landed = world.ingest(landing()).await;

    let refused = world
        .validate(
            &landed,
            json!([{ "check": "not_null", "column": "powr" }, { "check": "mean", "column": "unit" }]),
        )
        .await;

    insta::assert_snapshot!(error(&refused).0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_asks_data_sets_by_name_and_the_tables_of_its_input() {
    let world = plant();
    let landed = world.ingest(landing()).await;
    let query = "select i.unit, count(*) as n, sum(p.power) as power from input i \
                 join plant p on p.unit = i.unit and p.at = i.at group by i.unit order by i.unit";
    let mut assignment = assignment("sql", json!({ "query": query }));
    let table: Vec<ArtifactRef> = landed.manifest.of_port("table").cloned().collect();
    assignment.inputs.insert("table".parse().unwrap(), table);

    let answered = world.run(assignment.clone()).await;
    let again = world.run(assignment).await;

    assert_eq!(
        output(&answered),
        &json!({ "rows": 2, "columns": ["unit", "n", "power"], "read": { "plant": 1 } })
    );
    let hashes = |completion: &Completion| -> Vec<String> {
        completion.manifest.of_port("table").map(|one| one.sha256.to_string()).collect()
    };
    assert_eq!(hashes(&answered), hashes(&again));
    // An answer is a table as any other.
    let checks = json!([{ "check": "sum", "column": "n", "with": { "min": 3, "max": 3 } }]);
    assert_eq!(output(&world.validate(&answered, checks).await)["verdict"], "passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_reads_only_and_names_what_was_probably_meant() {
    let world = plant();
    world.ingest(landing()).await;

    let mut shown = Vec::new();
    for query in [
        "select * from plnt",
        "select powr from plant",
        "drop table plant",
        "copy plant to '/tmp/x.csv'",
        "select * from plant; select 1",
    ] {
        let refused = world.run(assignment("sql", json!({ "query": query }))).await;
        shown.push(format!("{query}\n  {}", error(&refused).0));
    }
    let old = json!({ "query": "select * from plant", "versions": { "plant": 7, "pant": 1 } });
    let old = world.run(assignment("sql", old)).await;
    shown.push(error(&old).0.to_owned());

    insta::assert_snapshot!(shown.join("\n"));
}
