//! O1 to O7 of the field's benchmarks, on a durable private Postgres of default settings, beside which all else runs.

mod backfill;
mod chain;
mod expansion;
mod gate;
mod idle;
mod mapped;
mod peer;
mod peers;
mod queue;
mod sequence;
mod site;
mod small;
mod stage;

use tidemill_benchkit::{Options, Report};

use stage::Stage;

/// The figures, in the order in which they are measured.
const FIGURES: [&str; 8] = ["O1", "O2", "O3", "O4", "O5", "O6", "O7", "expansion"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::from_arguments()?;
    options.expect_only(&FIGURES)?;
    let stage = Stage::set().await?;
    let versions = stage.versions()?;
    let mut report = Report::begin(&options, &[&versions.0, &versions.1]);
    for figure in FIGURES.into_iter().filter(|figure| options.wants(figure)) {
        match figure {
            "O1" => sequence::measure(&stage, &options, &mut report).await?,
            "O2" => small::measure(&stage, &options, &mut report).await?,
            "O3" => chain::measure(&stage, &options, &mut report).await?,
            "O4" => mapped::measure(&stage, &mut report).await?,
            "O5" => queue::measure(&stage, &options, &mut report).await?,
            "O6" => idle::measure(&stage, &options, &mut report).await?,
            "O7" => backfill::measure(&stage, &options, &mut report).await?,
            _expansion => expansion::measure(&stage, &options, &mut report).await?,
        }
    }
    if let Some(folder) = &options.peers {
        peers::measure(&stage, &options, folder, &mut report).await?;
    }
    report.end()
}
