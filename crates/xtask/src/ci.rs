//! `cargo xtask ci`: what a change has to pass.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::test::Selection;
use crate::workspace::Workspace;
use crate::{demo, generated, lint, setup, test};

/// One job of the list; each also runs alone.
struct Job {
    name: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

/// The quickest to fail come first. `edges` is one of the tests.
const JOBS: &[Job] = &[
    Job { name: "setup", run: |workspace| setup::ensure(workspace, setup::Scope::Checks) },
    Job { name: "lint", run: lint::run },
    Job { name: "generated", run: |workspace| generated::run(workspace, &[]) },
    Job {
        name: "test",
        run: |workspace| test::run_selection(workspace, &Selection::All { profile: "ci" }),
    },
    Job { name: "demo", run: |workspace| demo::run(workspace, &[]) },
];

/// Runs the jobs in order; the first that fails ends it.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut durations: Vec<(&str, Duration)> = Vec::new();
    let mut outcome = Ok(());
    for job in JOBS {
        eprintln!("\n=== {} ===", job.name);
        let started = Instant::now();
        outcome = (job.run)(workspace).with_context(|| format!("job `{}` failed", job.name));
        durations.push((job.name, started.elapsed()));
        if outcome.is_err() {
            break;
        }
    }
    println!("\n{}", table(&durations));
    outcome
}

fn table(durations: &[(&str, Duration)]) -> String {
    let mut text = String::from("job          seconds\n");
    for (name, duration) in durations {
        // Writing to a string does not fail.
        writeln!(text, "{name:<10} {:>9.1}", duration.as_secs_f64()).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_one_line_for_each_job_that_ran() {
        let durations = [("setup", Duration::from_millis(90)), ("lint", Duration::from_secs(75))];

        let text = "job          seconds\nsetup            0.1\nlint            75.0\n";
        assert_eq!(table(&durations), text);
    }
}
