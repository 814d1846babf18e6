//! `cargo xtask bench`: the benchmarks.

use anyhow::Result;

use crate::commands::Usage;
use crate::process;
use crate::workspace::Workspace;

/// Each benchmark's package and its file in `benches/`.
const BENCHES: &[(&str, &str)] = &[
    ("tidemill-dag", "advance"),
    ("tidemill-dag", "check"),
    ("tidemill-lake", "checks"),
    ("tidemill-lake", "lake"),
    ("tidemill-tests", "cli"),
    ("tidemill-tests", "orchestration"),
];

/// Runs all benchmarks, or the one that the argument names.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    for (package, bench) in choose(arguments)? {
        process::run(&mut process::cargo(workspace, &["bench", "-p", package, "--bench", bench]))?;
    }
    Ok(())
}

fn choose(arguments: &[String]) -> Result<Vec<(&'static str, &'static str)>> {
    let chosen: Vec<_> = match arguments {
        [] => BENCHES.to_vec(),
        [name] => BENCHES.iter().copied().filter(|(_, bench)| bench == name).collect(),
        [_, extra, ..] => return Err(Usage(format!("unexpected argument `{extra}`")).into()),
    };
    if chosen.is_empty() {
        let known: Vec<&str> = BENCHES.iter().map(|(_, bench)| *bench).collect();
        let name = &arguments[0];
        let known = known.join("`, `");
        return Err(Usage(format!("unknown benchmark `{name}`; known are `{known}`")).into());
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_all_and_an_unknown_name_lists_the_known() {
        assert_eq!(choose(&[]).unwrap(), BENCHES);

        let refused = choose(&["speed".into()]).unwrap_err();
        assert!(refused.to_string().contains("unknown benchmark `speed`; known are `advance`"));
    }

    #[test]
    fn every_benchmark_in_the_list_is_a_file() {
        let root = Workspace::find().unwrap().root;
        for (package, bench) in BENCHES {
            let name = package.trim_start_matches("tidemill-");
            let folder =
                if name == "tests" { root.join(name) } else { root.join("crates").join(name) };

            let place = folder.join("benches").join(bench);

            let is_there = place.with_extension("rs").is_file() || place.join("main.rs").is_file();
            assert!(is_there, "{}", place.display());
        }
    }
}
