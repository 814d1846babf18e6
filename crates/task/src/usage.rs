//! What a process costs: read from `/proc`, which needs no privilege and no library.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The length of a clock tick in `/proc`: 10 ms on every Linux that matters (`USER_HZ`, time(7)).
const TICK_MS: u64 = 10;

/// What a process and those that it waited for cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The most memory that it held at once.
    pub peak_memory_bytes: u64,
    /// The processor time that it used, with that of its children that are over.
    pub cpu_ms: u64,
}

impl Usage {
    /// What this process cost so far.
    pub fn of_this_process() -> Self {
        Self::at(Path::new("/proc/self")).unwrap_or_default()
    }

    /// What a process and all below it cost so far; `None` if it is gone.
    ///
    /// The memory is what they hold together now, or the most that the process alone ever held.
    pub fn of_tree(pid: u32) -> Option<Self> {
        let mut usage = Self::at(&PathBuf::from(format!("/proc/{pid}")))?;
        let (resident, cpu_ms) = below(pid, 0);
        usage.peak_memory_bytes = usage.peak_memory_bytes.max(resident);
        usage.cpu_ms = usage.cpu_ms.max(cpu_ms);
        Some(usage)
    }

    /// The higher of both in each respect.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            peak_memory_bytes: self.peak_memory_bytes.max(other.peak_memory_bytes),
            cpu_ms: self.cpu_ms.max(other.cpu_ms),
        }
    }

    fn at(folder: &Path) -> Option<Self> {
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        Some(Self { peak_memory_bytes: kilobytes(&status, "VmHWM:"), cpu_ms: cpu_ms(&stat) })
    }
}

/// How deep a tree of processes is followed.
const DEEPEST: u32 = 16;

/// What a process and those below it hold now, and the processor time that they used.
fn below(pid: u32, depth: u32) -> (u64, u64) {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let mut sum = (kilobytes(&read("status"), "VmRSS:"), cpu_ms(&read("stat")));
    if depth == DEEPEST {
        return sum;
    }
    for thread in fs::read_dir(folder.join("task")).into_iter().flatten().flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|text| text.parse().ok()) {
            let (resident, cpu_ms) = below(child, depth + 1);
            sum = (sum.0 + resident, sum.1 + cpu_ms);
        }
    }
    sum
}

/// A line of `/proc/PID/status` such as `VmHWM:  1024 kB`, in bytes (proc(5)).
fn kilobytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// `utime`, `stime`, `cutime` and `cstime` of `/proc/PID/stat`: fields 14 to 17 (proc(5)).
fn cpu_ms(stat: &str) -> u64 {
    // The second field is a name in brackets, which may hold spaces and brackets itself.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(4);
    ticks.filter_map(|text| text.parse::<u64>().ok()).sum::<u64>() * TICK_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_some_memory() {
        let alone = Usage::of_this_process();
        let tree = Usage::of_tree(std::process::id()).unwrap();

        assert!(alone.peak_memory_bytes > 1 << 16, "{alone:?}");
        assert!(tree.peak_memory_bytes >= alone.peak_memory_bytes, "{tree:?}");
    }

    #[test]
    fn a_process_that_is_gone_costs_nothing_that_anybody_knows() {
        assert_eq!(Usage::of_tree(u32::MAX), None);
    }

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 9";

        assert_eq!(cpu_ms(stat), 1000);
    }
}
