//! The store on a real server, one database per test.

mod backfill;
mod cache;
mod cancel;
mod claim;
mod connect;
mod cut;
mod datasets;
mod deadline;
mod delivery;
mod expand;
mod finish;
mod hand_back;
mod leader;
mod leases;
mod months;
mod notices;
mod open;
mod race;
mod registry;
mod rerun;
mod retention;
mod schema;
mod slots;
mod ticks;
mod trigger;

use std::sync::Arc;

use tidemill_dag::problem::SourceText;
use tidemill_dag::spec::DagSpec;
use tidemill_dag::yaml;

/// What the text of a file says, without any check beyond its shape.
fn spec(text: &str) -> anyhow::Result<DagSpec> {
    let source = Arc::new(SourceText::new("the DAG of the test".to_owned(), text.to_owned()));
    let tree = yaml::parse(&source).map_err(|problem| anyhow::anyhow!("{problem}"))?;
    Ok(serde_json::from_value(tree.to_json())?)
}

/// Two steps, one after the other; the first may fail once.
const TWO_STEPS: &str = "
dag: two_steps
tasks:
  first: { uses: noop, retries: { max: 1, backoff: 30s } }
  second: { uses: noop, needs: [first], with: { seen: '{{ outputs.first.rows }}' } }
";

/// One step.
const ONE_STEP: &str = "{ dag: one_step, tasks: { only: { uses: noop } } }";

/// As many steps as asked for, none of which waits for another.
fn side_by_side(steps: usize) -> String {
    let tasks: Vec<String> = (0..steps).map(|step| format!("t{step}: {{ uses: noop }}")).collect();
    format!("{{ dag: side_by_side, tasks: {{ {} }} }}", tasks.join(", "))
}
