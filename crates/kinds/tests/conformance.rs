//! What every kind of task must hold to, whatever it does: a new kind is tested once it is registered.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tidemill_dag::advance::Verdict;
use tidemill_dag::ids::RunId;
use tidemill_dag::names::DatasetName;
use tidemill_dag::state::{Outcome, RunState};
use tidemill_kinds::registry;
use tidemill_task::{
    ArtifactStore, Asker, Assignment, Clock, Completion, ContentHash, DatasetVersion, Datasets,
    ErasedKind, PortError, RunRequest, Runs, Services, SystemClock, execute,
};

mod server;

use server::{Server, answer};

/// How soon a kind must stop.
const SOON: Duration = Duration::from_secs(1);

/// Runs that are over as soon as they are asked for; each task has one.
struct RunsAtOnce;

#[async_trait]
impl Runs for RunsAtOnce {
    async fn start(&self, asker: &Asker, _: &RunRequest) -> Result<RunId, PortError> {
        Ok(asker.run)
    }

    async fn state(&self, _: RunId) -> Result<RunState, PortError> {
        Ok(RunState::Closed { outcome: Outcome::Succeeded, at: SystemClock.now() })
    }
}

/// A server that accepts all that it is sent, for the kinds that want one.
static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start(|_| answer(200, &[], "{}")));

/// A repository with the files that samples name.
static REPOSITORY: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("tides")).expect("a folder");
    let rows =
        "at,station,level\n2026-11-19T00:00:00Z,bergen,1.5\n2026-11-19T01:00:00Z,bergen,1.25\n";
    std::fs::write(folder.path().join("tides/a.csv"), rows).expect("a file");
    folder
});

fn services() -> Services {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut services = Services::new(ArtifactStore::in_memory());
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    REPOSITORY.path().clone_into(&mut services.repository);
    services.scratch = REPOSITORY.path().join(format!("scratch/{number}"));
    services.datasets = Arc::new(NoDatasetsYet);
    services.environment.insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
    services.variables.insert("EXAMPLE_WEBHOOK".to_owned(), SERVER.url("/hook"));
    services.runs = Arc::new(RunsAtOnce);
    services
}

/// Nothing was ever landed.
struct NoDatasetsYet;

#[async_trait]
impl Datasets for NoDatasetsYet {
    async fn names(&self, _: &Asker) -> Result<Vec<DatasetName>, PortError> {
        Ok(Vec::new())
    }

    async fn newest(
        &self,
        _: &Asker,
        _: &DatasetName,
        _: u32,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        Ok(Vec::new())
    }

    async fn at(
        &self,
        _: &Asker,
        _: &DatasetName,
        _: Option<u32>,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        Ok(Vec::new())
    }
}

/// The sample of a kind, with the table of another task where it takes one.
async fn sample(kind: &dyn ErasedKind, services: &Services) -> Assignment {
    let mut assignment = Assignment::example(kind.name(), kind.sample());
    let takes_table = kind.ports().inputs.iter().find(|port| port.holds == "table");
    if let Some(port) = takes_table {
        let registry = registry();
        let ingest = registry.get("ingest").expect("it is registered");
        let mut upstream = Assignment::example("ingest", ingest.sample());
        upstream.path = "upstream".parse().expect("it is a path");
        let landed = execute(&registry, upstream, services.clone()).await;
        let table = landed.manifest.of_port("table").cloned().collect();
        assignment.inputs.insert(port.name.parse().expect("it is a name"), table);
    }
    assignment
}

async fn run_sample(kind: &dyn ErasedKind, services: Services) -> Completion {
    let assignment = sample(kind, &services).await;
    execute(&registry(), assignment, services).await
}

fn contents(completion: &Completion) -> Vec<(String, ContentHash)> {
    let artifacts = completion.manifest.artifacts.iter();
    artifacts.map(|artifact| (artifact.location.clone(), artifact.sha256)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_repeated_gives_the_same_output_and_the_same_artefacts() {
    for kind in registry().kinds() {
        let first = run_sample(kind, services()).await;
        let second = run_sample(kind, services()).await;

        let name = kind.name();
        assert!(matches!(first.verdict, Verdict::Succeeded { .. }), "{name}: {first:?}");
        assert_eq!(first.verdict, second.verdict, "{name}");
        assert_eq!(contents(&first), contents(&second), "{name}");
    }
}

#[tokio::test]
async fn a_request_that_is_repeated_is_the_same_with_the_same_key() {
    let registry = registry();
    let kind = registry.get("http").unwrap();

    run_sample(kind, services()).await;
    run_sample(kind, services()).await;

    let seen = SERVER.seen();
    let keys: BTreeSet<_> = seen.iter().map(|seen| seen.header("idempotency-key")).collect();
    let bodies: BTreeSet<_> = seen.iter().map(|seen| &seen.body).collect();
    assert!(seen.len() >= 2);
    assert_eq!((keys.len(), bodies.len()), (1, 1), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_cancelled_stops_within_a_second() {
    for kind in registry().kinds() {
        let services = services();
        let cancel = services.cancel.clone();
        let assignment = sample(kind, &services).await;
        let registry = registry();
        let mut work = Box::pin(execute(&registry, assignment, services));

        // The first poll takes it to where it waits for something, if it does.
        let at_once = futures::poll!(&mut work);
        cancel.cancel();

        let name = kind.name();
        let completion = match at_once {
            std::task::Poll::Ready(completion) => completion,
            std::task::Poll::Pending => tokio::time::timeout(SOON, work)
                .await
                .unwrap_or_else(|_| panic!("`{name}` goes on after it was cancelled")),
        };
        // Work that was over in that moment counts as done.
        assert!(!matches!(completion.verdict, Verdict::Failed { .. }), "{name}: {completion:?}");
    }
}

#[test]
fn a_kind_refuses_unknown_parameters_with_a_hint() {
    for kind in registry().kinds() {
        let mut params = kind.sample();
        params["no_such_parameter"] = json!(1);

        let objections = kind.check(&params);

        let name = kind.name();
        assert_eq!(objections.len(), 1, "{name}: {objections:?}");
        assert_eq!(objections[0].at, "/no_such_parameter", "{name}");
        assert!(objections[0].hint.is_some(), "{name}");
    }
}

#[test]
fn a_kind_takes_its_own_sample() {
    for kind in registry().kinds() {
        assert_eq!(kind.check(&kind.sample()), [], "{}", kind.name());
    }
}

/// Every mapping with names of its own in the schema, with its JSON pointer.
fn mappings(schema: &Value, at: &str, found: &mut Vec<(String, Value)>) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("properties") {
                found.push((at.to_owned(), schema.clone()));
            }
            map.iter().for_each(|(key, value)| mappings(value, &format!("{at}/{key}"), found));
        }
        Value::Array(list) => list.iter().for_each(|member| mappings(member, at, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_schema_of_a_kind_denies_unknown_names_and_documents_every_parameter() {
    for (name, signature) in registry().catalog() {
        let mut found = Vec::new();
        mappings(&signature.params, "", &mut found);

        assert!(!signature.summary.is_empty(), "{name} has no summary");
        assert!(!found.is_empty(), "{name} takes no mapping");
        for (at, mapping) in found {
            assert_eq!(mapping["additionalProperties"], json!(false), "{name}{at}");
            for (parameter, schema) in mapping["properties"].as_object().unwrap() {
                assert!(
                    schema["description"].is_string(),
                    "{name}{at}/{parameter} is not documented"
                );
            }
        }
    }
}

#[test]
fn the_catalogue_reads_as_it_should() {
    let catalog = registry().catalog();
    let shown: Vec<Value> = catalog
        .values()
        .map(|kind| {
            json!({
                "name": kind.name,
                "summary": kind.summary,
                "ports": kind.ports,
                "params": kind.params.as_ref(),
            })
        })
        .collect();

    insta::assert_json_snapshot!("catalogue", shown);
}

#[test]
fn every_file_of_the_folder_is_a_kind_and_every_kind_has_a_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|stem| stem != "lib")
        .collect();

    let kinds: BTreeSet<String> = registry().kinds().map(|kind| kind.name().to_owned()).collect();

    assert_eq!(files, kinds);
}
