//! The command line: nouns, then verbs.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::exit::Exit;

/// Runs workflows that ingest, validate, featurize, train, score and watch time series, as engineers commit them.
#[derive(Debug, Parser)]
#[command(name = "tidemill", version, propagate_version = true, after_help = Exit::TABLE)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// The folder of all that runs embedded [default: .tidemill].
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The folder of the DAG files [default: dags].
    #[arg(long, global = true, value_name = "DIR")]
    pub dags: Option<PathBuf>,
    /// The configuration file [default: tidemill.yaml, where it exists].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How data is printed on standard output.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Logs more: -v for what happens, -vv for details, -vvv for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Prints data and errors only.
    #[arg(long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for people.
    Table,
    /// JSON for programs.
    Json,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check, show and plan the workflows of the repository.
    #[command(subcommand)]
    Dag(DagCommand),
    /// Start runs and see what became of them.
    #[command(subcommand)]
    Run(RunCommand),
    /// Look after the database.
    #[command(subcommand)]
    Db(DbCommand),
    /// See what is configured, and where each value comes from.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Run a small workflow from start to end on embedded defaults.
    Demo,
    /// Print the completions of a shell, to be sourced by it.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What can be done with workflows.
#[derive(Debug, Subcommand)]
pub(crate) enum DagCommand {
    /// Tell every mistake in DAG files, with its place and what to do about it.
    Check {
        /// Files or folders; without any, the folder of the DAG files.
        paths: Vec<PathBuf>,
    },
    /// List the workflows, or show the graph of one.
    Show {
        /// The workflow; without it, all are listed.
        name: Option<String>,
        /// How the graph is drawn.
        #[arg(long = "as", value_enum, default_value_t = Drawing::Text, value_name = "DRAWING")]
        drawing: Drawing,
    },
    /// Show when a workflow runs next, over which intervals, and in which order its tasks run.
    Plan {
        /// The workflow.
        name: String,
        /// The instant to look ahead from [default: now].
        #[arg(long, value_name = "TIME")]
        at: Option<DateTime<Utc>>,
        /// How many runs to show.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
        runs: u16,
    },
    /// Print the JSON Schema of DAG files with the parameters of all kinds, for editors.
    Schema {
        /// What the schema is of.
        #[arg(value_enum, default_value_t = SchemaOf::Dag)]
        of: SchemaOf,
    },
}

/// What a schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// DAG files.
    Dag,
    /// The configuration file.
    Config,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawing {
    /// A table of tasks in the order in which they can run.
    Text,
    /// A Mermaid flow chart, for Markdown.
    Mermaid,
    /// Graphviz.
    Dot,
    /// Nodes and edges.
    Json,
}

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Start a run of a workflow, over one interval.
    Start {
        /// The workflow.
        name: String,
        /// An instant or a day inside the interval [default: the last whole interval].
        #[arg(long, value_name = "TIME")]
        interval: Option<String>,
        /// A parameter, as NAME=VALUE; the value is read as YAML.
        #[arg(long = "param", value_name = "NAME=VALUE")]
        params: Vec<String>,
        /// Carries the run out here and waits for its end; exits 30 when it failed.
        #[arg(long)]
        wait: bool,
    },
    /// List runs, the latest first.
    List {
        /// Only those of this workflow.
        #[arg(long, value_name = "NAME")]
        dag: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// Show one run with its tasks.
    Show {
        /// The run's id, or enough of its beginning; `latest` for the last one started.
        id: String,
    },
}

/// What can be done with the database.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Bring the database up to this program.
    Migrate,
    /// Tell which migrations are applied.
    Status,
    /// Delete everything in the database and begin anew.
    Reset {
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the values in force, each with its source.
    Show,
}
