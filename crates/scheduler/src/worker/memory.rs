//! Evidence that memory ran out: what the kernel counts, and how near to its limit a process was.

use std::fs;
use std::path::PathBuf;

/// A process that held more than this share of what there is was near enough to the limit.
const NEAR: f64 = 0.95;

/// What the kernel had counted when an attempt began.
#[derive(Debug)]
pub(crate) struct MemoryWatch {
    kills_before: Option<u64>,
}

impl MemoryWatch {
    pub(crate) fn start() -> Self {
        Self { kills_before: kills() }
    }

    /// Whether memory ran out since, seen from a process that held this much at most.
    pub(crate) fn has_run_out(&self, peak_memory_bytes: u64) -> bool {
        let has_killed = self.kills_before.zip(kills()).is_some_and(|(before, now)| now > before);
        let is_near = limit().is_some_and(|limit| peak_memory_bytes as f64 >= NEAR * limit as f64);
        has_killed || is_near
    }
}

/// How many processes were killed for lack of memory: in our control group (cgroup-v2, `memory.events`), or else on the
/// machine since it started (proc(5), `vmstat`).
fn kills() -> Option<u64> {
    let events = group().and_then(|folder| fs::read_to_string(folder.join("memory.events")).ok());
    let text = events.or_else(|| fs::read_to_string("/proc/vmstat").ok())?;
    number_of(&text, "oom_kill")
}

/// The memory that there is: of our control group, or else of the machine.
fn limit() -> Option<u64> {
    let group = group().and_then(|folder| fs::read_to_string(folder.join("memory.max")).ok());
    let of_group = group.and_then(|text| text.trim().parse().ok());
    let of_machine = || {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        number_of(&text, "MemTotal:").map(|kilobytes| kilobytes * 1024)
    };
    of_group.or_else(of_machine)
}

/// The folder of our control group, in the unified hierarchy (cgroups(7)).
fn group() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(PathBuf::from("/sys/fs/cgroup").join(path))
}

fn number_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(name)).then(|| words.next()?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_not_run_out_for_a_process_that_holds_little() {
        let watch = MemoryWatch::start();

        // Somebody else's process may be killed at this very moment, but hardly in every test run.
        assert!(!watch.has_run_out(1 << 20));
    }

    #[test]
    fn memory_has_run_out_for_a_process_that_held_all_of_it() {
        assert!(MemoryWatch { kills_before: None }.has_run_out(u64::MAX));
    }

    #[test]
    fn a_new_kill_is_evidence() {
        let watch = MemoryWatch { kills_before: kills().and_then(|kills| kills.checked_sub(1)) };

        assert_eq!(watch.has_run_out(0), watch.kills_before.is_some());
    }

    #[test]
    fn a_name_that_begins_like_another_is_not_taken_for_it() {
        assert_eq!(number_of("oom_kill_disable 1\noom_kill 3\n", "oom_kill"), Some(3));
    }
}
