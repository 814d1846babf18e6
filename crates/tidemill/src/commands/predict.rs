//! What runs would take from the cache, for the plans of several commands.

use serde_json::{Value, json};
use tidemill_dag::ids::RunId;
use tidemill_dag::load::Dag;
use tidemill_dag::names::{ParamName, TaskName};
use tidemill_dag::schedule::Zone;
use tidemill_dag::state::RunKind;
use tidemill_dag::template::Facts;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_scheduler::{Prediction, Props, Rehearsal, rehearse};
use tidemill_store::Store;

use super::work::template_environment;
use crate::App;
use crate::exit::Failure;

/// What a run of a workflow would know about itself.
pub(crate) fn facts(
    dag: &Dag,
    kind: RunKind,
    interval: DataInterval,
    params: &std::collections::BTreeMap<ParamName, Value>,
) -> Facts {
    Facts {
        dag: dag.spec.dag.clone(),
        hash: dag.hash.clone(),
        run: RunId::generate(),
        kind,
        interval,
        zone: dag.spec.schedule.as_ref().map_or(Zone::UTC, |schedule| schedule.timezone),
        params: params.clone(),
    }
}

/// Plays runs through against the database.
pub(crate) async fn predict(
    app: &App<'_>,
    store: &Store,
    runs: &mut [Rehearsal<'_>],
) -> Result<(), Failure> {
    let registry = tidemill_kinds::registry();
    let environment = template_environment(app);
    let props = Props { store, registry: &registry, environment: &environment };
    Ok(rehearse(props, runs).await?)
}

/// A prediction for programs.
pub(crate) fn document(task: &TaskName, prediction: &Prediction, now: Timestamp) -> Value {
    json!({
        "task": task,
        "expected": prediction.word(),
        "why": prediction.words(now),
        "detail": prediction,
    })
}
