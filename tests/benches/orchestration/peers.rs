//! O1 and O3 of peers, in turn with ours: A B C D, A B C D, on the same machine.

use std::path::Path;

use anyhow::Result;
use tidemill_benchkit::{Figure, Options, Report};

use crate::chain;
use crate::gate::{in_order, milliseconds, succeeded};
use crate::peer::{Peer, Took};
use crate::site::Site;
use crate::stage::{self, Stage};

/// The peers: their folders, and their packages.
const PEERS: [(&str, &str); 3] =
    [("airflow", "apache-airflow"), ("prefect", "prefect"), ("dagster", "dagster")];
/// The cases, and how many tasks each has.
const CASES: [(&str, usize); 2] = [("O1", 40), ("O3", 50)];
const ROUNDS: usize = 5;

pub(crate) async fn measure(
    stage: &Stage,
    options: &Options,
    folder: &Path,
    report: &mut Report,
) -> Result<()> {
    let cases: Vec<_> = CASES.into_iter().filter(|(id, _)| options.wants(id)).collect();
    if cases.is_empty() {
        return Ok(());
    }
    report.note("in turn with the peers; theirs is the sum of proportional set sizes, ours the resident peak of scheduler and worker");
    let peers: Vec<Peer> = PEERS
        .iter()
        .map(|(name, package)| Peer::find(folder, name, package))
        .collect::<Result<_>>()?;
    let site = Site::new(stage, &[("o3", &stage::chain("o3", 50, "noop"))]).await?;
    let dag = stage.put(&stage::chain("o1_beside_peers", 40, "noop")).await?;
    let mut ours = Taken::default();
    let mut theirs: Vec<Taken> = peers.iter().map(|_| Taken::default()).collect();
    for _ in 0..options.rounds.unwrap_or(ROUNDS) {
        let mut round = Vec::new();
        for (id, tasks) in &cases {
            round.push(match *id {
                "O1" => first(stage, &dag, *tasks).await,
                _o3 => chain::round(&site)
                    .await
                    .map(|round| Took { wall_s: round.wall_ms / 1000.0, peak_mb: round.peak_mb }),
            });
        }
        if ours.wrong.is_none() {
            ours.put(round.into_iter().collect());
        }
        for (peer, taken) in peers.iter().zip(&mut theirs) {
            // One that was wrong has no figure whatever comes next.
            if taken.wrong.is_none() {
                taken.put(peer.round(&cases));
            }
        }
    }
    for (place, (id, tasks)) in cases.iter().enumerate() {
        let case = format!("{tasks} tasks in sequence, beside peers");
        let best = report.add(&Figure::new(id, &case, "s"), ours.walls(place))?;
        for (peer, taken) in peers.iter().zip(&theirs) {
            let figure = Figure::new(id, &case, "s").of(&peer.who);
            let spread = report.add(&figure, taken.walls(place))?;
            if let (Some(best), Some(spread)) = (best, spread) {
                report.note(&format!("{:.1} x ours", spread.median / best.median));
            }
        }
        if *id == "O3" {
            let case = format!("{case}: peak memory");
            report.add(&Figure::new(id, &case, "MB"), ours.peaks(place))?;
            for (peer, taken) in peers.iter().zip(&theirs) {
                report.add(&Figure::new(id, &case, "MB").of(&peer.who), taken.peaks(place))?;
            }
        }
    }
    Ok(())
}

/// O1 of ours: one warm worker, inline.
async fn first(stage: &Stage, dag: &tidemill_dag::names::DagName, tasks: usize) -> Result<Took> {
    let runs = stage.rounds(dag, 1).await?;
    let run = &runs[0];
    in_order(run, tasks)?;
    let (from, to) = succeeded(run)?;
    // What the benchmark's own process holds says nothing.
    Ok(Took { wall_s: milliseconds(from, to) / 1000.0, peak_mb: f64::NAN })
}

/// All rounds of one side, up to the first that was wrong.
#[derive(Default)]
struct Taken {
    rounds: Vec<Vec<Took>>,
    wrong: Option<anyhow::Error>,
}

impl Taken {
    fn put(&mut self, round: Result<Vec<Took>>) {
        match round {
            Ok(round) => self.rounds.push(round),
            Err(error) => self.wrong = Some(error),
        }
    }

    fn walls(&self, place: usize) -> Result<Vec<f64>> {
        self.each(|round| round[place].wall_s)
    }

    fn peaks(&self, place: usize) -> Result<Vec<f64>> {
        self.each(|round| round[place].peak_mb)
    }

    fn each(&self, value: impl Fn(&Vec<Took>) -> f64) -> Result<Vec<f64>> {
        match &self.wrong {
            Some(error) => Err(anyhow::anyhow!("{error:#}")),
            None => Ok(self.rounds.iter().map(value).collect()),
        }
    }
}
