//! `cargo xtask bench`: the benchmarks.

mod peers;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::commands::Usage;
use crate::process;
use crate::workspace::Workspace;

/// One benchmark of a package, in its folder `benches/`.
#[derive(Debug, PartialEq, Eq)]
struct Bench {
    package: &'static str,
    name: &'static str,
    /// The other programs that it also measures, by their folders in `tests/benches/peers`.
    peers: &'static [&'static str],
}

const BENCHES: &[Bench] = &[
    Bench { package: "tidemill-dag", name: "advance", peers: &[] },
    Bench { package: "tidemill-dag", name: "check", peers: &[] },
    Bench { package: "tidemill-features", name: "features", peers: &["frames"] },
    Bench { package: "tidemill-lake", name: "checks", peers: &["great_expectations", "pandera"] },
    Bench { package: "tidemill-lake", name: "lake", peers: &["duckdb", "pandas", "polars"] },
    Bench { package: "tidemill-tests", name: "cli", peers: &[] },
    Bench {
        package: "tidemill-tests",
        name: "orchestration",
        peers: &["airflow", "dagster", "prefect"],
    },
];

const HELP: &str = "usage: cargo xtask bench [NAME] [OPTIONS]

Measures all benchmarks, or one, in a release build. Each figure says its median, its spread and what
became of its goal; one whose work was not right has no number, and then the command fails.

  --only ID,ID   only these figures of NAME, such as `--only O6,O7`
  --quick        less of what takes minutes; each figure says what it is of
  --rounds N     so many rounds where the number is free
  --peers        also other programs, in turn with ours: installs them from their pinned lists in
                 tests/benches/peers into private environments below the target folder
  --json FILE    also one line of JSON for each figure

";

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    name: Option<String>,
    has_peers: bool,
    json: Option<PathBuf>,
    /// Options that the benchmarks themselves read.
    passed_on: Vec<String>,
}

/// Runs all benchmarks, or the one that the arguments name.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|argument| ["help", "--help", "-h"].contains(&argument.as_str())) {
        print!("{HELP}{}", known());
        return Ok(());
    }
    let mut request = read(arguments)?;
    let chosen = choose(&request)?;
    if let Some(file) = &request.json {
        // The benchmarks run elsewhere and add to it.
        let file = std::path::absolute(file).context("find the file of `--json`")?;
        fs::write(&file, "").with_context(|| format!("write `{}`", file.display()))?;
        request.passed_on.extend(["--json".to_owned(), file.display().to_string()]);
    }
    if request.has_peers {
        let names: Vec<&str> = chosen.iter().flat_map(|bench| bench.peers).copied().collect();
        let folder = peers::ensure(workspace, &names)?;
        request.passed_on.extend(["--peers".to_owned(), folder.display().to_string()]);
    }
    let mut wrong = Vec::new();
    for bench in chosen {
        let mut command =
            process::cargo(workspace, &["bench", "-p", bench.package, "--bench", bench.name, "--"]);
        command.args(&request.passed_on);
        // What the others measure is worth having all the same.
        if let Err(error) = process::run(&mut command) {
            crate::interrupt::check()?;
            wrong.push(error);
        }
    }
    wrong.into_iter().next().map_or(Ok(()), Err)
}

fn read(arguments: &[String]) -> Result<Request> {
    let mut request = Request::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value =
            || arguments.next().ok_or_else(|| Usage(format!("`{argument}` needs a value")));
        match argument.as_str() {
            "--peers" => request.has_peers = true,
            "--json" => request.json = Some(value()?.into()),
            "--quick" => request.passed_on.push(argument.clone()),
            "--only" | "--rounds" => {
                let value = value()?.clone();
                request.passed_on.extend([argument.clone(), value]);
            }
            option if option.starts_with('-') => {
                let text = format!("unknown option `{option}`; see `cargo xtask bench --help`");
                return Err(Usage(text).into());
            }
            name if request.name.is_none() => request.name = Some(name.to_owned()),
            extra => return Err(Usage(format!("unexpected argument `{extra}`")).into()),
        }
    }
    Ok(request)
}

fn choose(request: &Request) -> Result<Vec<&'static Bench>> {
    let Some(name) = &request.name else {
        let of_one = request.passed_on.iter().any(|option| option == "--only");
        if of_one || request.has_peers {
            let text = "`--only` and `--peers` need the name of a benchmark";
            return Err(Usage(text.to_owned()).into());
        }
        return Ok(BENCHES.iter().collect());
    };
    let Some(bench) = BENCHES.iter().find(|bench| bench.name == name) else {
        return Err(Usage(format!("unknown benchmark `{name}`; {}", known().trim_end())).into());
    };
    if request.has_peers && bench.peers.is_empty() {
        return Err(Usage(format!("`{name}` has no peers")).into());
    }
    Ok(vec![bench])
}

fn known() -> String {
    let names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
    format!("known are `{}`\n", names.join("`, `"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn refused(line: &str) -> String {
        let outcome = read(&words(line)).and_then(|request| choose(&request).map(drop));
        outcome.unwrap_err().to_string()
    }

    #[test]
    fn no_name_means_all() {
        let chosen = choose(&read(&[]).unwrap()).unwrap();

        assert_eq!(chosen, BENCHES.iter().collect::<Vec<_>>());
    }

    #[test]
    fn options_go_to_the_benchmark_and_those_for_us_stay() {
        let line = "orchestration --only O6,O7 --quick --peers --rounds 3 --json out.json";

        let request = read(&words(line)).unwrap();

        assert_eq!(request.passed_on, words("--only O6,O7 --quick --rounds 3"));
        assert_eq!(request.json, Some("out.json".into()));
        assert_eq!(choose(&request).unwrap()[0].name, "orchestration");
        assert!(request.has_peers);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        assert!(
            refused("speed").starts_with("unknown benchmark `speed`; known are `advance`, `check`")
        );
        assert!(refused("--fast").starts_with("unknown option `--fast`; see"));
        assert_eq!(refused("cli more"), "unexpected argument `more`");
        assert_eq!(refused("cli --json"), "`--json` needs a value");
        assert_eq!(refused("--peers"), "`--only` and `--peers` need the name of a benchmark");
        assert_eq!(refused("cli --peers"), "`cli` has no peers");
    }

    #[test]
    fn every_benchmark_in_the_list_is_a_file() {
        let root = Workspace::find().unwrap().root;
        for bench in BENCHES {
            let package = bench.package.trim_start_matches("tidemill-");
            let folder = match package {
                "tests" => root.join(package),
                _ => root.join("crates").join(package),
            };

            let place = folder.join("benches").join(bench.name);

            let is_there = place.with_extension("rs").is_file() || place.join("main.rs").is_file();
            assert!(is_there, "{}", place.display());
        }
    }
}
