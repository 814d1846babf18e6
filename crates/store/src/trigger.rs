//! Runs that tasks ask for: the port to them, who waits for them, and what ends with whom.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use sqlx::PgConnection;
use tidemill_dag::advance::{Event, Retry, Verdict};
use tidemill_dag::ids::{DagVersionId, RunId, TaskId};
use tidemill_dag::names::{DagName, ParamName};
use tidemill_dag::problem::suggest;
use tidemill_dag::spec::DagSpec;
use tidemill_dag::state::RunState;
use tidemill_task::{Asker, PortError, RunRequest, Runs};

use crate::apply::{Decision, Setback};
use crate::connect::Store;
use crate::error::{StoreError, reading};
use crate::labels::{ExitCause, RunLabel};
use crate::open::{NewRun, with_defaults};
use crate::rows::RunStateRow;
use crate::view::RunView;

/// How many runs may have asked for each other, one after the other: a DAG that triggers itself comes to an end.
pub const MOST_TRIGGERS_DEEP: i32 = 10;

/// Who is told in the audit to have cancelled a run with the task that asked for it.
const ACTOR: &str = "trigger";

/// The task that asks for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub(crate) run: RunId,
    pub(crate) task: TaskId,
    pub(crate) depth: i32,
    pub(crate) ends_with_asker: bool,
}

/// Why a DAG cannot be triggered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody told the store of it.
    #[error("there is no such DAG{}", hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
    Unknown {
        /// What was probably meant.
        hint: Option<String>,
    },
    /// Somebody holds its schedule.
    #[error("it is paused (`tidemill dag unpause {dag}` lets it go on)")]
    Paused {
        /// The DAG.
        dag: DagName,
    },
    /// Its file is gone.
    #[error("its file is gone from the repository")]
    Gone,
    /// Parameters that do not fit.
    #[error("{}", faults.join("; "))]
    BadParams {
        /// All that is wrong.
        faults: Vec<String>,
    },
    /// Runs asked for each other without end.
    #[error(
        "{MOST_TRIGGERS_DEEP} runs asked for each other before this one (a DAG that triggers itself needs an end)"
    )]
    TooDeep,
}

impl Refusal {
    /// Whether the same may work later.
    const fn may_pass(&self) -> bool {
        match self {
            Self::Paused { .. } => true,
            Self::Unknown { .. } | Self::Gone | Self::BadParams { .. } | Self::TooDeep => false,
        }
    }
}

/// The attempt that asks, and the head of its run.
struct Asking {
    task: TaskId,
    depth: i32,
    priority: i32,
}

#[async_trait]
impl Runs for Store {
    async fn start(&self, asker: &Asker, request: &RunRequest) -> Result<RunId, PortError> {
        self.start_for(asker, request)
            .await
            .map_err(|error| port_error(error, format!("start a run of `{}`", request.dag)))
    }

    async fn state(&self, run: RunId) -> Result<RunState, PortError> {
        let state = self.state_of(run).await;
        state.map_err(|error| port_error(error, format!("read where {run} stands")))
    }
}

pub(crate) fn port_error(error: StoreError, what: String) -> PortError {
    if matches!(error, StoreError::LostLease { .. }) {
        return PortError::Over;
    }
    let may_pass = match &error {
        StoreError::Trigger { source } => source.may_pass(),
        other => other.may_pass(),
    };
    let retry = if may_pass { Retry::MayHelp } else { Retry::CannotHelp };
    // What is refused is told without the frame that the caller gives.
    match error {
        StoreError::Trigger { source } => PortError::Failed { what, retry, source: source.into() },
        other => PortError::Failed { what, retry, source: other.into() },
    }
}

impl Store {
    /// Opens the run that a task asks for, unless it did before. The attempt holds its task until the run is there.
    async fn start_for(&self, asker: &Asker, request: &RunRequest) -> Result<RunId, StoreError> {
        let failed = |source| StoreError::Open { dag: request.dag.clone(), source };
        let mut transaction = self.begin().await.map_err(failed)?;
        let asking = hold(&mut transaction, asker).await?;
        if let Some(run) = started_by(&mut transaction, asker.run, asking.task).await? {
            return Ok(run);
        }
        let (version, params) = self.admit(&mut transaction, request).await?;
        let depth = asking.depth.saturating_add(1);
        if depth > MOST_TRIGGERS_DEEP {
            return Err(Refusal::TooDeep.into());
        }
        let trigger = Trigger {
            run: asker.run,
            task: asking.task,
            depth,
            ends_with_asker: request.ends_with_asker,
        };
        let key = format!("{} {}", asker.run, asker.path);
        let new = NewRun {
            params,
            version: Some(version),
            priority: asking.priority,
            trigger: Some(trigger),
            ..NewRun::triggered(request.dag.clone(), &key, request.interval)
        };
        let opened = self.open_in(&mut transaction, &new).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(opened.run)
    }

    /// The version to run and its parameters, or why there can be no such run.
    async fn admit(
        &self,
        connection: &mut PgConnection,
        request: &RunRequest,
    ) -> Result<(DagVersionId, BTreeMap<ParamName, Value>), StoreError> {
        let dag = &request.dag;
        let found = sqlx::query!(
            r#"SELECT version_id, is_paused, (NOT is_present AND ticked_until IS NOT NULL) AS "is_gone!"
               FROM dags
               WHERE name = $1"#,
            dag.as_str(),
        )
        .fetch_optional(&mut *connection)
        .await
        .map_err(reading("the DAGs"))?;
        let Some(found) = found else { return Err(self.unknown(dag).await.into()) };
        if found.is_gone {
            return Err(Refusal::Gone.into());
        }
        if found.is_paused {
            return Err(Refusal::Paused { dag: dag.clone() }.into());
        }
        let version =
            self.version_by(connection, DagVersionId::from_uuid(found.version_id)).await?;
        let given = fitting(&version.spec, &request.params)?;
        Ok((version.id, with_defaults(&version.spec, given)))
    }

    async fn unknown(&self, dag: &DagName) -> Refusal {
        // What cannot be read now is no reason to say less of what is wrong.
        let known = self.dags().await.unwrap_or_default();
        Refusal::Unknown {
            hint: suggest(dag.as_str(), "DAGs", known.iter().map(|dag| dag.name.as_str())),
        }
    }

    async fn state_of(&self, run: RunId) -> Result<RunState, StoreError> {
        let row = sqlx::query_as!(
            RunStateRow,
            r#"SELECT id, state AS "state: RunLabel", outcome::text, finished_at FROM dag_runs WHERE id = $1"#,
            run.as_uuid(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(reading("a run"))?
        .ok_or_else(|| StoreError::UnknownRun { text: run.to_string() })?;
        Ok(row.try_into()?)
    }

    /// Lets the task go on that waits for a run, in the transaction that closes it.
    ///
    /// The runs of a chain of triggers are locked from the last to the first, and nothing locks them the other way round.
    pub(crate) fn tell_who_waits<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        (run, task): (RunId, TaskId),
    ) -> BoxFuture<'a, Result<(), Setback>> {
        async move {
            let decide = move |view: &RunView| {
                let happenings = view.index_of(task).map(|task| Event::RunOver { task }.into());
                Ok(Decision { happenings: happenings.into_iter().collect(), audit: None })
            };
            match self.apply_in(connection, run, &decide).await {
                // Its history is dropped already.
                Err(Setback::Failed(StoreError::UnknownRun { .. })) => Ok(()),
                other => other.map(drop),
            }
        }
        .boxed()
    }

    /// Cancels the runs that tasks of this run started, where they end with a task that was cancelled.
    ///
    /// What is not cancelled here for want of a database is by the leader of the schedulers.
    pub(crate) fn cancel_what_it_started(
        &self,
        run: RunId,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let strays = sqlx::query_scalar!(
                "SELECT r.id
                 FROM dag_runs r
                 JOIN task_runs t ON t.run_id = r.trigger_run AND t.id = r.trigger_task
                 WHERE r.trigger_run = $1 AND r.state = 'open' AND r.ends_with_trigger AND t.outcome = 'cancelled'
                 ORDER BY r.id",
                run.as_uuid(),
            )
            .fetch_all(&self.pool)
            .await
            .map_err(reading("the runs that a run started"))?;
            let strays: Vec<RunId> = strays.into_iter().map(RunId::from_uuid).collect();
            self.cancel_strays(&strays).await
        }
        .boxed()
    }

    /// Cancels runs that outlived the task that asked for them; the agenda names them.
    pub async fn cancel_strays(&self, strays: &[RunId]) -> Result<(), StoreError> {
        for run in strays {
            self.cancel_run(*run, ACTOR).await?;
        }
        Ok(())
    }
}

/// Locks the task of an attempt that holds it: it is not taken back before the transaction ends.
async fn hold(connection: &mut PgConnection, asker: &Asker) -> Result<Asking, StoreError> {
    let path = asker.path.to_string();
    let found = sqlx::query!(
        r#"SELECT t.id, r.trigger_depth, r.priority,
               (t.state = 'running' AND t.attempt = $3 AND NOT t.cancel_requested) AS "holds!"
           FROM task_runs t
           JOIN dag_runs r ON r.id = t.run_id
           WHERE t.run_id = $1 AND t.path = $2
           FOR SHARE OF t"#,
        asker.run.as_uuid(),
        path,
        asker.attempt.0,
    )
    .fetch_optional(connection)
    .await
    .map_err(reading("the task that asks for a run"))?
    .ok_or_else(|| StoreError::UnknownRun { text: asker.run.to_string() })?;
    let task = TaskId::from_uuid(found.id);
    if !found.holds {
        return Err(StoreError::LostLease { task, attempt: asker.attempt });
    }
    Ok(Asking { task, depth: found.trigger_depth, priority: found.priority })
}

async fn started_by(
    connection: &mut PgConnection,
    run: RunId,
    task: TaskId,
) -> Result<Option<RunId>, StoreError> {
    let (run, task) = (run.as_uuid(), task.as_uuid());
    let started = sqlx::query_scalar!(
        "SELECT id FROM dag_runs WHERE trigger_run = $1 AND trigger_task = $2",
        run,
        task
    );
    let started = started.fetch_optional(connection).await;
    Ok(started.map_err(reading("the runs that a run started"))?.map(RunId::from_uuid))
}

/// Parameters that a DAG takes, or all that is wrong with them.
fn fitting(
    dag: &DagSpec,
    given: &BTreeMap<String, Value>,
) -> Result<BTreeMap<ParamName, Value>, Refusal> {
    let mut params = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, value) in given {
        let Some((name, param)) = dag.params.get_key_value(name.as_str()) else {
            let hint = suggest(name, "parameters", dag.params.keys().map(ParamName::as_str));
            let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            faults.push(format!("it has no parameter `{name}`{hint}"));
            continue;
        };
        match param.refuse(value) {
            Some(fault) => faults.push(format!("the parameter `{name}` {fault}")),
            None => drop(params.insert(name.clone(), value.clone())),
        }
    }
    for (name, param) in &dag.params {
        if param.default.is_none() && !given.contains_key(name.as_str()) {
            faults.push(format!("the parameter `{name}` has no default and is not given"));
        }
    }
    if faults.is_empty() { Ok(params) } else { Err(Refusal::BadParams { faults }) }
}

/// Adds what is over already to a decision in which tasks begin to wait for runs; whoever waits for a run that it did not
/// start fails instead, since nobody would tell it of the end.
pub(crate) async fn look_at_awaited_runs(
    connection: &mut PgConnection,
    view: &RunView,
    decision: &mut Decision,
) -> Result<(), sqlx::Error> {
    let mut over = Vec::new();
    for happening in &mut decision.happenings {
        let Event::Finished { task, verdict, .. } = &mut happening.event else { continue };
        let Verdict::Awaits { run, .. } = verdict else { continue };
        let is_closed = sqlx::query_scalar!(
            r#"SELECT state = 'closed' AS "is_closed!"
               FROM dag_runs
               WHERE id = $1 AND trigger_run = $2 AND trigger_task = $3"#,
            run.as_uuid(),
            view.run.as_uuid(),
            view.ids[task.0].as_uuid(),
        );
        match is_closed.fetch_optional(&mut *connection).await? {
            Some(false) => {}
            Some(true) => over.push(Event::RunOver { task: *task }.into()),
            None => {
                let error = format!("wait for {run}: the task did not start it");
                if let Some(end) = &mut happening.end {
                    (end.cause, end.error) = (ExitCause::Failed, Some(error.clone()));
                }
                *verdict = Verdict::Failed { error, retry: Retry::CannotHelp };
            }
        }
    }
    decision.happenings.extend(over);
    Ok(())
}
