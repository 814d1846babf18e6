//! `cargo xtask test`: all tests, on a real PostgreSQL.

use std::env;
use std::io::IsTerminal;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use tidemill_postgres::Cluster;

use crate::summary::Summary;
use crate::workspace::Workspace;
use crate::{process, setup, snapshots};

/// The variable that tells tests where their server is: a superuser's URL.
const DATABASE_URL: &str = "TIDEMILL_TEST_DATABASE_URL";

/// Which tests to run.
pub(crate) enum Selection<'a> {
    /// All of them, the documentation's too, with one of nextest's profiles.
    All { profile: &'a str },
    /// Those that nextest's arguments choose.
    Chosen(&'a [String]),
}

/// Runs all tests, or those that the arguments choose.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    match arguments {
        [] => run_selection(workspace, &Selection::All { profile: "default" }),
        chosen => run_selection(workspace, &Selection::Chosen(chosen)),
    }
}

/// Runs the tests on a server of their own, and prints as the last line how many passed.
pub(crate) fn run_selection(workspace: &Workspace, selection: &Selection<'_>) -> Result<()> {
    setup::ensure(workspace, setup::Scope::Tests)?;
    let cluster = start_cluster(workspace)?;
    let outcome = match selection {
        Selection::All { profile } => run_all(workspace, &cluster, profile),
        Selection::Chosen(arguments) => run_nextest(workspace, &cluster, |nextest| {
            if !names_packages(arguments) {
                nextest.arg("--workspace");
            }
            nextest.args(*arguments);
        }),
    };
    cluster.stop().context("stop the tests' PostgreSQL")?;
    let Outcome { summary, problem } = outcome?;
    println!("{summary}");
    match problem {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// How a run of tests went.
struct Outcome {
    summary: Summary,
    problem: Option<anyhow::Error>,
}

/// All tests, then the documentation's, then a look for snapshots that nothing used.
fn run_all(workspace: &Workspace, cluster: &Cluster, profile: &str) -> Result<Outcome> {
    let notes = snapshots::begin(workspace)?;
    let tests = run_nextest(workspace, cluster, |nextest| {
        nextest.args(["--workspace", "--profile", profile]).env(snapshots::REFERENCES, &notes);
    })?;
    let mut doctests = process::cargo(workspace, &["test", "--workspace", "--doc"]);
    let (succeeded, output) = run_on(cluster, &mut doctests)?;
    let doctests_problem = (!succeeded).then(|| anyhow!("documentation tests failed"));
    let problem =
        tests.problem.or(doctests_problem).or_else(|| snapshots::check(workspace, &notes).err());
    Ok(Outcome { summary: tests.summary + Summary::from_doctests(&output), problem })
}

fn run_nextest(
    workspace: &Workspace,
    cluster: &Cluster,
    choose: impl FnOnce(&mut Command),
) -> Result<Outcome> {
    let mut nextest = process::cargo(workspace, &["nextest", "run"]);
    choose(&mut nextest);
    let (succeeded, output) = run_on(cluster, &mut nextest)?;
    let summary = match Summary::from_nextest(&output) {
        Some(summary) => summary,
        // `--no-run` and its like.
        None if succeeded => Summary::default(),
        None => bail!("the tests could not be built or started"),
    };
    Ok(Outcome { summary, problem: (!succeeded).then(|| anyhow!("tests failed")) })
}

/// Whether the arguments say which packages to build; cargo would build all for `--workspace`.
fn names_packages(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

/// Starts the server of the tests, or takes a share in the one that runs.
pub(crate) fn start_cluster(workspace: &Workspace) -> Result<Cluster> {
    Cluster::start(&workspace.test_cluster()).map_err(|error| {
        let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        anyhow::Error::from(error).context(format!("start PostgreSQL for the tests{hint}"))
    })
}

fn run_on(cluster: &Cluster, command: &mut Command) -> Result<(bool, String)> {
    command.env(DATABASE_URL, cluster.url_of("postgres"));
    // Their output goes through us, so that they do not see the terminal themselves.
    let decided_by = ["NO_COLOR", "CARGO_TERM_COLOR"].map(env::var_os);
    if decided_by.iter().all(Option::is_none) && std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let (status, output) = process::show_and_keep(command)?;
    Ok((status.success(), output))
}
