//! The machine that figures are measured on, as Linux tells it.

use std::fs;

/// The load averages over 1, 5 and 15 minutes.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let loads: Vec<&str> = text.split_whitespace().take(3).collect();
    if loads.is_empty() { "unknown".to_owned() } else { loads.join(" ") }
}

/// The most memory that a process held at once so far; 0 when it is gone.
pub fn high_water_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmHWM:")
}

/// The memory that a process holds; 0 when it is gone.
pub fn resident_bytes(pid: u32) -> u64 {
    status_bytes(pid, "VmRSS:")
}

/// One line about the hardware and the kernel.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let gibibytes = kibibytes(&memory, "MemTotal:") as f64 / f64::from(1 << 20);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores of {model}, {gibibytes:.0} GiB, Linux {}", kernel.trim())
}

fn status_bytes(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    kibibytes(&status, name) * 1024
}

fn kibibytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_holds_memory_and_no_more_than_it_ever_did() {
        let ourselves = std::process::id();

        assert!(resident_bytes(ourselves) > 0);
        assert!(high_water_bytes(ourselves) >= resident_bytes(ourselves));
    }
}
