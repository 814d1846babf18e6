//! O4: mapped tasks of seeded lengths: how much of 16 slots is work.

use anyhow::{Result, ensure};
use tidemill_benchkit::{Figure, Goal, Report};
use tidemill_dag::names::DagName;

use crate::gate::{milliseconds, once, succeeded};
use crate::stage::Stage;

const SLOTS: u32 = 16;

/// The tasks' lengths are a tenth of the definition's 3 to 9 seconds. The first night knows no lengths, the second knows those of the first.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    for members in [100_u32, 500] {
        let dag = stage.put(&mapped(members)).await?;
        for night in ["first night", "second night"] {
            let case = format!("{members} mapped tasks of 0.3 to 0.9 s, 16 slots, {night}");
            let parallelism = effective_parallelism(stage, &dag, members).await;
            let figure = Figure::new("O4", case, "x").goal(Goal::AtLeast(15.2));
            report.add(&figure, parallelism.map(|value| vec![value]))?;
        }
    }
    Ok(())
}

fn lengths(members: u32) -> Vec<u64> {
    (0..members).map(|member| 300 + scrambled(u64::from(member)) % 600).collect()
}

fn mapped(members: u32) -> String {
    let list: Vec<String> =
        lengths(members).iter().map(|length| format!("\"{length}ms\"")).collect();
    format!(
        "dag: o4_{members}\ntasks:\n  each: {{ uses: sleep, for_each: [{}], with: {{ for: \"{{{{ item }}}}\" }} }}\n",
        list.join(", ")
    )
}

/// The sum of the tasks' own lengths over the wall.
async fn effective_parallelism(stage: &Stage, dag: &DagName, members: u32) -> Result<f64> {
    let lengths = lengths(members);
    let worker = stage.worker(SLOTS).await?;
    let run = stage.open(dag).await?;
    let run = stage.closed(run).await?;
    worker.stop().await?;
    let (from, to) = succeeded(&run)?;
    let tasks: Vec<_> = run.tasks.iter().filter(|task| task.parent.is_some()).collect();
    ensure!(tasks.len() == lengths.len(), "{} members instead of {members}", tasks.len());
    tasks.iter().try_for_each(|task| once(task).map(drop))?;
    let work: u64 = lengths.iter().sum();
    let parallelism = work as f64 / milliseconds(from, to);
    ensure!(parallelism <= f64::from(SLOTS), "more tasks ran at once than there are slots");
    Ok(parallelism)
}

/// `SplitMix64`'s finaliser: the same lengths every time.
const fn scrambled(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
