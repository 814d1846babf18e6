//! O4: mapped tasks of seeded lengths: how much of 16 slots is work.

use crate::stage::Stage;

/// The task's lengths are a tenth of the definition's 3 to 9 seconds.
pub(crate) async fn many_members(stage: &Stage) -> anyhow::Result<()> {
    for members in [100_u64, 500] {
        let lengths: Vec<u64> = (0..members).map(|member| 300 + scrambled(member) % 600).collect();
        let list: Vec<String> = lengths.iter().map(|length| format!("\"{length}ms\"")).collect();
        let text = format!(
            "dag: o4_{members}\ntasks:\n  each: {{ uses: sleep, for_each: [{}], with: {{ for: \"{{{{ item }}}}\" }} }}\n",
            list.join(", ")
        );
        let dag = stage.put(&text).await?;
        let worker = stage.worker(16).await?;
        let run = stage.open(&dag).await?;
        worker.wake.wake();
        let wall = stage.closed(run).await?;
        worker.stop().await?;
        let work: u64 = lengths.iter().sum();
        println!(
            "O4 {members} mapped tasks, 16 slots: effective parallelism {:.2} (wall {:.2} s); goal: 15.2",
            work as f64 / 1000.0 / wall.as_secs_f64(),
            wall.as_secs_f64()
        );
    }
    Ok(())
}

/// SplitMix64's finaliser: the same lengths every time.
const fn scrambled(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
