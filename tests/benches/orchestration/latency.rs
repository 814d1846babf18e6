//! O1, O2, O3: how long small runs take.

use std::time::Duration;

use crate::stage::{Stage, report, timed};

fn chain(name: &str, tasks: usize, uses: &str) -> String {
    let mut text = format!("dag: {name}\ntasks:\n");
    for task in 0..tasks {
        let needs = if task == 0 { String::new() } else { format!(", needs: [t{}]", task - 1) };
        text.push_str(&["  t", &task.to_string(), ": { uses: ", uses, &needs, " }\n"].concat());
    }
    text
}

/// O1: 40 light tasks in sequence on one worker, inline and as child processes.
pub(crate) async fn forty_tasks(stage: &Stage) -> anyhow::Result<()> {
    for (case, uses, goal) in [
        ("40 tasks in sequence, inline", "noop", "400 ms"),
        ("40 tasks in sequence, child processes", "command, with: { argv: [\"true\"] }", "1200 ms"),
    ] {
        let name = if uses == "noop" { "o1_inline" } else { "o1_process" };
        let dag = stage.put(&chain(name, 40, uses)).await?;
        let mut walls = rounds(stage, &dag, 7).await?;
        report("O1", case, &mut walls, goal);
    }
    Ok(())
}

/// O2: three trivial steps: cold, in turn, and 200 runs at once.
pub(crate) async fn three_steps(stage: &Stage) -> anyhow::Result<()> {
    let dag = stage.put(&chain("o2", 3, "noop")).await?;
    let mut cold = rounds(stage, &dag, 1).await?;
    report("O2", "3 steps, cold worker", &mut cold, "-");
    let mut walls = rounds(stage, &dag, 100).await?;
    report("O2", "3 steps, 100 runs in turn", &mut walls, "25 ms");

    let worker = stage.worker(16).await?;
    let ((), wall) = timed(async {
        let mut runs = Vec::new();
        for _ in 0..200 {
            runs.push(stage.open(&dag).await?);
            worker.wake.wake();
        }
        for run in runs {
            stage.closed(run).await?;
        }
        Ok(())
    })
    .await?;
    worker.stop().await?;
    println!(
        "O2 200 runs of 3 steps at once: {:.0} runs/s; goal: 200 runs/s",
        200.0 / wall.as_secs_f64()
    );
    Ok(())
}

/// O3: a chain of 50, with the memory of this process, which is scheduler and worker at once.
pub(crate) async fn fifty_tasks(stage: &Stage) -> anyhow::Result<()> {
    let dag = stage.put(&chain("o3", 50, "noop")).await?;
    let mut walls = rounds(stage, &dag, 7).await?;
    report("O3", "50 tasks in sequence", &mut walls, "500 ms");
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    println!("O3 peak memory of the worker's process: {}; goal: 120 MB", peak.trim());
    Ok(())
}

/// Runs in turn on one warm worker; the first one warms it, unless it is the only one.
async fn rounds(
    stage: &Stage,
    dag: &tidemill_dag::names::DagName,
    count: usize,
) -> anyhow::Result<Vec<Duration>> {
    let worker = stage.worker(4).await?;
    let mut walls = Vec::new();
    for round in 0..=count {
        let run = stage.open(dag).await?;
        worker.wake.wake();
        let wall = stage.closed(run).await?;
        if round > 0 || count == 1 {
            walls.push(wall);
        }
    }
    walls.truncate(count);
    worker.stop().await?;
    Ok(walls)
}
