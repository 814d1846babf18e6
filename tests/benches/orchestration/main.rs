//! O1 to O5 of the field's benchmarks, on a durable private Postgres of default settings, beside which all else runs.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod latency;
mod mapped;
mod queue;
mod stage;

use stage::Stage;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |id: &str| wanted.is_empty() || wanted.iter().any(|name| name == id);
    let stage = Stage::set().await?;
    if is_wanted("O1") {
        latency::forty_tasks(&stage).await?;
    }
    if is_wanted("O2") {
        latency::three_steps(&stage).await?;
    }
    if is_wanted("O3") {
        latency::fifty_tasks(&stage).await?;
    }
    if is_wanted("O4") {
        mapped::many_members(&stage).await?;
    }
    if is_wanted("O5") {
        queue::claims_and_ends(&stage).await?;
    }
    Ok(())
}
