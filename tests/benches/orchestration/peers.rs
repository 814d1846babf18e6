//! O1 and O3 of peers, in turn with ours: A B C D, A B C D, on the same machine.

use std::path::Path;

use anyhow::Result;
use tidemill_benchkit::{Figure, Options, Report};
use tidemill_dag::names::DagName;

use crate::chain;
use crate::gate::{in_order, milliseconds, succeeded};
use crate::peer::{Peer, Took};
use crate::site::Site;
use crate::stage::{self, Stage};

/// The peers: their folders, and their packages.
const PEERS: [(&str, &str); 3] =
    [("airflow", "apache-airflow"), ("prefect", "prefect"), ("dagster", "dagster")];
/// A figure, and how many tasks it has.
type Case = (&'static str, usize);
const CASES: [Case; 2] = [("O1", 40), ("O3", 50)];
const ROUNDS: usize = 5;

/// One side of the comparison, ours or a peer's.
struct Side {
    who: String,
    /// `None` is us.
    peer: Option<Peer>,
    taken: Taken,
}

pub(crate) async fn measure(
    stage: &Stage,
    options: &Options,
    folder: &Path,
    report: &mut Report,
) -> Result<()> {
    let cases: Vec<Case> = CASES.into_iter().filter(|(id, _)| options.wants(id)).collect();
    if cases.is_empty() {
        return Ok(());
    }
    let mut sides = vec![Side { who: "tidemill".to_owned(), peer: None, taken: Taken::default() }];
    for (name, package) in PEERS {
        let peer = Peer::find(folder, name, package)?;
        sides.push(Side { who: peer.who.clone(), peer: Some(peer), taken: Taken::default() });
    }
    let ours = Ours::new(stage).await?;
    for _ in 0..options.rounds.unwrap_or(ROUNDS) {
        for side in &mut sides {
            // One that was wrong has no figure whatever comes next.
            if side.taken.wrong.is_none() {
                let round = match &side.peer {
                    None => ours.round(&cases).await,
                    Some(peer) => peer.round(&cases),
                };
                side.taken.put(round);
            }
        }
    }
    for (place, case) in cases.iter().enumerate() {
        tell(report, *case, place, &sides)?;
    }
    Ok(())
}

/// The figures of one case, of all sides.
fn tell(report: &mut Report, (id, tasks): Case, place: usize, sides: &[Side]) -> Result<()> {
    let case = format!("{tasks} tasks in sequence, in turn with peers");
    let mut ours = None;
    for Side { who, peer, taken } in sides {
        let figure = Figure::new(id, &case, "s").of(who);
        let spread = report.add(&figure, taken.each(|round| round[place].wall_s))?;
        match (peer, ours, spread) {
            (None, _, spread) => ours = spread,
            (Some(_), Some(ours), Some(spread)) => {
                report.note(&format!("{:.1} times ours", spread.median / ours.median));
            }
            (Some(_), None, _) | (Some(_), Some(_), None) => {}
        }
    }
    if id == "O3" {
        for Side { who, taken, .. } in sides {
            let figure = Figure::new(id, format!("{case}: peak memory"), "MB").of(who);
            report.add(&figure, taken.each(|round| round[place].peak_mb))?;
        }
    }
    Ok(())
}

/// What our rounds run on.
struct Ours<'a> {
    stage: &'a Stage,
    light: DagName,
    site: Site<'a>,
}

impl<'a> Ours<'a> {
    async fn new(stage: &'a Stage) -> Result<Self> {
        let [(_, light), (_, long)] = CASES;
        let light = stage.put(&stage::chain("o1_beside_peers", light, "noop")).await?;
        let site = Site::new(stage, &[("o3", &stage::chain("o3", long, "noop"))]).await?;
        Ok(Self { stage, light, site })
    }

    async fn round(&self, cases: &[Case]) -> Result<Vec<Took>> {
        let mut round = Vec::new();
        for (id, tasks) in cases {
            round.push(match *id {
                "O1" => self.light(*tasks).await?,
                _o3 => {
                    let chain::Round { wall_ms, peak_mb } = chain::round(&self.site).await?;
                    Took { wall_s: wall_ms / 1000.0, peak_mb }
                }
            });
        }
        Ok(round)
    }

    /// O1: one warm worker, inline.
    async fn light(&self, tasks: usize) -> Result<Took> {
        let runs = self.stage.rounds(&self.light, 1).await?;
        let run = &runs[0];
        in_order(run, tasks)?;
        let (from, to) = succeeded(run)?;
        // What the benchmark's own process holds says nothing.
        Ok(Took { wall_s: milliseconds(from, to) / 1000.0, peak_mb: f64::NAN })
    }
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

    fn each(&self, value: impl Fn(&Vec<Took>) -> f64) -> Result<Vec<f64>> {
        match &self.wrong {
            Some(error) => Err(anyhow::anyhow!("{error:#}")),
            None => Ok(self.rounds.iter().map(value).collect()),
        }
    }
}
