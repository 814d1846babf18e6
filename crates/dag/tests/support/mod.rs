//! A small catalogue of kinds and a repository in memory, for tests of the language.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tidemill_dag::catalog::{Catalog, Objections, Port, Ports, Signature};
use tidemill_dag::load::{Dag, read_dag};
use tidemill_dag::problem::{Problems, SourceText};
use tidemill_dag::shape::{FileError, Files, Included};
use tidemill_dag::time::Lapse;

/// Files in memory.
#[derive(Default)]
pub(crate) struct Repository(pub(crate) BTreeMap<&'static str, &'static str>);

impl Files for Repository {
    fn read(&self, path: &str) -> Result<String, FileError> {
        let missing =
            || FileError::Missing { nearby: self.0.keys().map(ToString::to_string).collect() };
        self.0.get(path).map(|text| (*text).to_owned()).ok_or_else(missing)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct IngestParams {
    source: String,
    dataset: String,
    #[serde(default)]
    format: Option<Format>,
    #[serde(default)]
    at_most: Option<u32>,
    #[serde(default)]
    wait: Option<Lapse>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// Comma separated values.
    Csv,
    /// Apache Parquet.
    Parquet,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ValidateParams {
    checks: Included<Checks>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Checks {
    not_null: Vec<String>,
    #[serde(default)]
    mostly: Option<Share>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Share {
    #[schemars(range(min = 0.0, max = 1.0))]
    share: f64,
}

fn signature<P: JsonSchema>(name: &'static str, ports: Ports) -> (&'static str, Signature) {
    let check = move |with: &Value| {
        let mut objections = Objections::default();
        if with["source"] == "nowhere" {
            objections.add("/source", "nothing comes from `nowhere`", None);
        }
        objections.into_vec()
    };
    let params = schemars::schema_for!(P).to_value();
    let summary = String::new();
    (name, Signature { name, summary, ports, params: Arc::new(params), check: Arc::new(check) })
}

/// The kinds of the tests.
pub(crate) fn catalog() -> Catalog {
    const TABLE: &[Port] = &[Port::one("table", "table")];
    const TABLES: &[Port] = &[Port::many("tables", "table")];
    const FEATURES: &[Port] = &[Port::one("features", "features")];
    const MODEL: &[Port] = &[Port::one("model", "model")];
    Catalog {
        kinds: BTreeMap::from([
            signature::<Nothing>("noop", Ports::NONE),
            signature::<IngestParams>("ingest", Ports { inputs: &[], outputs: TABLE }),
            signature::<ValidateParams>("validate", Ports { inputs: TABLE, outputs: TABLE }),
            signature::<Nothing>("featurize", Ports { inputs: TABLE, outputs: FEATURES }),
            signature::<Nothing>("tune", Ports { inputs: FEATURES, outputs: MODEL }),
            signature::<Nothing>("gather", Ports { inputs: TABLES, outputs: &[] }),
        ]),
        pools: BTreeMap::from([("default".into(), 8), ("train".into(), 1)]),
        env: vec!["PLANT_BUCKET".into()],
    }
}

/// The included files of the tests.
pub(crate) fn repository() -> Repository {
    Repository(BTreeMap::from([
        ("configs/checks/plant.yaml", "not_null: [time, value]\nmostly: { share: 0.99 }\n"),
        ("configs/checks/leaky.yaml", "not_null: [time]\npassword: hunter2\n"),
        ("configs/checks/broken.yaml", "not_null: [time]\nmostly: { share: 1.5 }\nnot_nul: []\n"),
    ]))
}

/// Reads a file as `dags/NAME.yaml`.
pub(crate) fn read(name: &str, text: &str) -> Result<Dag, Problems> {
    let source = Arc::new(SourceText::new(format!("dags/{name}.yaml"), text.to_owned()));
    read_dag(&source, &catalog(), &repository())
}

/// All problems of a file, as they are printed.
pub(crate) fn problems(name: &str, text: &str) -> String {
    match read(name, text) {
        Ok(_) => "no problems".to_owned(),
        Err(problems) => {
            let printed: Vec<String> =
                problems.into_sorted().iter().map(ToString::to_string).collect();
            printed.join("\n\n")
        }
    }
}
