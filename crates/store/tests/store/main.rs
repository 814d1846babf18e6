//! The store on a real server, one database per test.

mod cancel;
mod claim;
mod connect;
mod expand;
mod finish;
mod leases;
mod notices;
mod open;
mod race;
mod registry;
mod schema;

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
