//! What a worker of this program is made of, whichever command runs it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;
use tidemill_scheduler::{Program, Worker, WorkerOptions};
use tidemill_task::{ArtifactStore, Services};

use crate::App;
use crate::cli::WorkArguments;
use crate::config::Engine;
use crate::database::Database;
use crate::exit::{Exit, Failure};

/// All that a worker needs beside the database.
#[derive(Debug)]
pub(crate) struct WorkerParts {
    services: Services,
    options: WorkerOptions,
}

impl WorkerParts {
    /// Puts them together from the configuration and the command line.
    pub(crate) fn of(app: &App<'_>, arguments: &WorkArguments) -> Result<Self, Failure> {
        let pools = arguments.pools(app)?;
        let of_pools = || {
            let pools = pools.iter().filter_map(|name| app.config.pools.get(name));
            pools.map(|pool| pool.slots).sum()
        };
        let options = WorkerOptions {
            name: arguments.name(),
            slots: arguments.slots.unwrap_or_else(of_pools),
            pools: pools.clone(),
            template_environment: template_environment(app),
            spool: app.config.state_folder("spool"),
            program: Some(program(app)?),
            timing: arguments.timing(),
        };
        Ok(Self { services: services(app)?, options })
    }

    /// Registers the worker.
    pub(crate) async fn start(self, database: &Database) -> Result<Worker, Failure> {
        let Self { services, options } = self;
        services.artifacts.probe().await?;
        let (store, renewals) = (database.store.clone(), database.options.clone());
        let worker =
            Worker::start(store, renewals, tidemill_kinds::registry(), services, options).await;
        Ok(worker.map_err(anyhow::Error::new)?)
    }
}

/// This program, as it runs one attempt with the same configuration.
fn program(app: &App<'_>) -> Result<Program, Failure> {
    let file = std::env::current_exe().context("find this program's own file")?;
    let mut arguments = vec!["--state".into(), app.config.state.clone().into_os_string()];
    arguments.extend(["--dags".into(), app.config.dags.folder.clone().into_os_string()]);
    if let Some(config) = &app.config_file {
        arguments.extend(["--config".into(), config.clone().into_os_string()]);
    }
    if let Some(ahead) = app.drilled.clock_ahead {
        arguments.extend(["--clock-ahead".into(), ahead.to_string().into()]);
    }
    arguments.push("attempt".into());
    Ok(Program { file, arguments })
}

/// The object store that is configured, with the settings of the environment for buckets.
pub(crate) fn artifact_store(app: &App<'_>) -> Result<ArtifactStore, Failure> {
    let address = match app.config.artifacts.url.reveal() {
        "" => {
            let folder = app.config.state_folder("artifacts");
            std::path::absolute(&folder)
                .with_context(|| format!("find `{}`", folder.display()))?
                .display()
                .to_string()
        }
        url => url.to_owned(),
    };
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let options = variables
        .filter(|(name, _)| name.starts_with("AWS_"))
        .map(|(name, value)| (name.to_lowercase(), value));
    Ok(ArtifactStore::open_with(&address, options)?)
}

/// What attempts are lent.
pub(crate) fn services(app: &App<'_>) -> Result<Services, Failure> {
    if app.config.lake.engine == Engine::Ballista {
        let error = anyhow::anyhow!("this build has no engine `ballista`");
        return Err(Failure::new(Exit::InvalidConfig, error)
            .hint("write `lake: { engine: datafusion }`".to_owned()));
    }
    let artifacts = artifact_store(app)?;
    let scratch = app.config.state_folder("scratch");
    let scratch =
        std::path::absolute(&scratch).with_context(|| format!("find `{}`", scratch.display()))?;
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let repository: PathBuf = app.config.repository().to_path_buf();
    Ok(Services {
        repository,
        environment: environment.collect(),
        variables: template_environment(app),
        memory: app.config.lake.memory,
        scratch,
        ..Services::new(artifacts)
    })
}

/// The allowed environment variables that are set.
pub(crate) fn template_environment(app: &App<'_>) -> BTreeMap<String, String> {
    let allowed = app.config.dags.env.iter();
    allowed
        .filter_map(|name| Some((name.clone(), std::env::var_os(name)?.into_string().ok()?)))
        .collect()
}
