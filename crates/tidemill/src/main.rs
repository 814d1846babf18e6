#![doc = include_str!("../README.md")]

mod cli;
mod commands;
mod config;
mod database;
mod drill;
mod exit;
mod graph;
mod output;
mod repository;
mod telemetry;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use cli::{Cli, Command, Drilled, Global};
use config::{Config, Layers, Setting};
use exit::{Exit, Failure};
use output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(&cli.global);
    match run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// What every command works with.
pub(crate) struct App<'a> {
    /// What is configured.
    pub config: Config,
    /// Where each value comes from.
    pub settings: BTreeMap<String, Setting>,
    /// The configuration file that was named.
    pub config_file: Option<PathBuf>,
    /// What a drill asks of this process.
    pub drilled: Drilled,
    /// Where results go.
    pub output: &'a Output,
}

fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    if let Command::Completions { shell } = cli.command {
        return commands::completions::run(shell);
    }
    let (config, settings) = configure(&cli.global)?;
    telemetry::start(&config.logging, &cli.global)?;
    let config_file = cli.global.config.clone();
    let drilled = cli.global.drilled;
    drilled.take_effect()?;
    let app = App { config, settings, config_file, drilled, output };
    match cli.command {
        Command::Dag(command) => commands::dag::run(&app, command),
        Command::Run(command) => commands::run::run(&app, command),
        Command::Backfill(command) => commands::backfill::run(&app, command),
        Command::Dataset(command) => commands::dataset::run(&app, command),
        Command::Sql(arguments) => commands::sql::run(&app, &arguments),
        Command::Db(command) => commands::db::run(&app, &command),
        Command::Config(command) => commands::config::run(&app, &command),
        Command::Work(arguments) => commands::work::run(&app, &arguments),
        Command::Scheduler { name, lease } => commands::scheduler::run(&app, name, lease),
        Command::Up(arguments) => commands::up::run(&app, &arguments),
        Command::Attempt => commands::attempt::run(&app),
        Command::Drill(arguments) => commands::drill::run(&app, &arguments),
        Command::Demo => commands::demo::run(&app),
        Command::Completions { .. } => Ok(()),
    }
}

/// Puts the layers together: default < file < environment < flag.
fn configure(global: &Global) -> Result<(Config, BTreeMap<String, Setting>), Failure> {
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| json!(path));
    let mut layers = Layers::new();
    layers.add_file(global.config.as_deref()).map_err(|error| {
        let file = global.config.as_deref().unwrap_or(std::path::Path::new("tidemill.yaml"));
        Failure::new(
            Exit::InvalidConfig,
            anyhow::Error::new(error)
                .context(format!("read the configuration `{}`", file.display())),
        )
    })?;
    layers.add_environment(std::env::vars_os());
    layers.add_flag("--state", &["state"], path(&global.state));
    layers.add_flag("--dags", &["dags", "folder"], path(&global.dags));
    layers.finish().map_err(Failure::invalid_config)
}
