//! Ports across processes: what the process of an attempt asks its worker, and what that answers.
//!
//! The process has the ports of its worker, and neither a database nor credentials: each call is a [`Question`] on the pair of sockets that it
//! was started with. The worker asks its own port for the attempt that it holds, and sends the [`Answer`] back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tidemill_dag::advance::Retry;
use tidemill_dag::ids::RunId;
use tidemill_dag::names::DatasetName;
use tidemill_dag::state::RunState;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::child::Told;
use crate::datasets::{DatasetVersion, Datasets};
use crate::error::chain;
use crate::port::{Asker, PortError};
use crate::runs::{RunRequest, Runs};
use crate::services::Services;

/// A call of a port, made by the process of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// [`Runs::start`].
    StartRun {
        /// The run.
        request: RunRequest,
    },
    /// [`Runs::state`].
    StateOfRun {
        /// The run.
        run: RunId,
    },
    /// [`Datasets::names`].
    DatasetNames,
    /// [`Datasets::newest`].
    NewestOfDataset {
        /// The data set.
        dataset: DatasetName,
        /// How many at most.
        most: u32,
    },
    /// [`Datasets::at`].
    DatasetAt {
        /// The data set.
        dataset: DatasetName,
        /// Up to which version.
        version: Option<u32>,
    },
}

/// What a port gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A run was started.
    Run(RunId),
    /// Where a run stands.
    State(RunState),
    /// Names of data sets.
    Names(Vec<DatasetName>),
    /// Versions of a data set.
    Versions(Vec<DatasetVersion>),
    /// It did not give anything.
    Refused(Refusal),
}

/// Why a port gave nothing, as it crosses processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// [`PortError::Over`].
    Over,
    /// [`PortError::Failed`], or a port that the worker does not have.
    Failed {
        /// What was attempted.
        what: String,
        /// Whether another try could help.
        retry: Retry,
        /// Why, with all causes in one line.
        why: String,
    },
}

impl Question {
    /// Asks the ports of a worker for an attempt that it holds.
    pub async fn put_to(self, services: &Services, asker: &Asker) -> Answer {
        let Services { runs, datasets, .. } = services;
        let given = match &self {
            Self::StartRun { request } => runs.start(asker, request).await.map(Answer::Run),
            Self::StateOfRun { run } => runs.state(*run).await.map(Answer::State),
            Self::DatasetNames => datasets.names(asker).await.map(Answer::Names),
            Self::NewestOfDataset { dataset, most } => {
                datasets.newest(asker, dataset, *most).await.map(Answer::Versions)
            }
            Self::DatasetAt { dataset, version } => {
                datasets.at(asker, dataset, *version).await.map(Answer::Versions)
            }
        };
        given.unwrap_or_else(|error| Answer::Refused(error.into()))
    }
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Over => Self::Over,
            PortError::Missing { port } => Self::Failed {
                what: format!("reach {port}"),
                retry: Retry::CannotHelp,
                why: "nothing lends it to the worker".to_owned(),
            },
            PortError::Failed { what, retry, source } => {
                Self::Failed { what, retry, why: chain(&*source) }
            }
        }
    }
}

impl From<Refusal> for PortError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Over => Self::Over,
            Refusal::Failed { what, retry, why } => {
                Self::Failed { what, retry, source: why.into() }
            }
        }
    }
}

/// The ports of the worker, as the process of an attempt has them.
#[derive(Debug)]
pub(crate) struct Line {
    tell: Mutex<mpsc::Sender<Told>>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    next: AtomicU64,
    cancel: CancellationToken,
}

impl Line {
    /// Asks by `tell`, until `cancel`.
    pub(crate) fn new(tell: mpsc::Sender<Told>, cancel: CancellationToken) -> Self {
        Self { tell: Mutex::new(tell), waiting: Mutex::default(), next: AtomicU64::new(0), cancel }
    }

    /// Hands an answer to whoever waits for it.
    pub(crate) fn answered(&self, number: u64, answer: Answer) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        // Whoever asked may have gone.
        waiting.map(|waiting| waiting.send(answer).ok());
    }

    /// Asks and waits: the lease, the worker's end and a cancel bound it.
    async fn ask(&self, question: Question) -> Result<Answer, PortError> {
        let (answer, answered) = oneshot::channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(number, answer);
        let told = Told::Asks { number, question };
        let is_told = self.tell.lock().unwrap_or_else(PoisonError::into_inner).send(told).is_ok();
        let answer = tokio::select! {
            answer = answered, if is_told => answer.ok(),
            () = self.cancel.cancelled() => None,
            else => None,
        };
        match answer {
            Some(Answer::Refused(refusal)) => Err(refusal.into()),
            Some(answer) => Ok(answer),
            None => Err(PortError::Over),
        }
    }
}

/// An answer to another question than was asked: worker and attempt are not the same program.
fn strange(what: &str) -> PortError {
    PortError::Failed {
        what: what.to_owned(),
        retry: Retry::CannotHelp,
        source: "the worker answered something else; is it of another version?".into(),
    }
}

#[async_trait]
impl Runs for Line {
    async fn start(&self, _: &Asker, request: &RunRequest) -> Result<RunId, PortError> {
        match self.ask(Question::StartRun { request: request.clone() }).await? {
            Answer::Run(run) => Ok(run),
            _ => Err(strange("start a run")),
        }
    }

    async fn state(&self, run: RunId) -> Result<RunState, PortError> {
        match self.ask(Question::StateOfRun { run }).await? {
            Answer::State(state) => Ok(state),
            _ => Err(strange("read where a run stands")),
        }
    }
}

#[async_trait]
impl Datasets for Line {
    async fn names(&self, _: &Asker) -> Result<Vec<DatasetName>, PortError> {
        match self.ask(Question::DatasetNames).await? {
            Answer::Names(names) => Ok(names),
            _ => Err(strange("list the data sets")),
        }
    }

    async fn newest(
        &self,
        _: &Asker,
        dataset: &DatasetName,
        most: u32,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        match self.ask(Question::NewestOfDataset { dataset: dataset.clone(), most }).await? {
            Answer::Versions(versions) => Ok(versions),
            _ => Err(strange("read a data set")),
        }
    }

    async fn at(
        &self,
        _: &Asker,
        dataset: &DatasetName,
        version: Option<u32>,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        match self.ask(Question::DatasetAt { dataset: dataset.clone(), version }).await? {
            Answer::Versions(versions) => Ok(versions),
            _ => Err(strange("read a data set")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ArtifactStore;
    use crate::{Assignment, TaskContext, TaskError};

    /// Says why it gives nothing.
    struct Refusing;

    #[async_trait]
    impl Datasets for Refusing {
        async fn names(&self, asker: &Asker) -> Result<Vec<DatasetName>, PortError> {
            Err(PortError::Failed {
                what: format!("list the data sets for attempt {}", asker.attempt),
                retry: Retry::MayHelp,
                source: "the database is away".into(),
            })
        }

        async fn newest(
            &self,
            _: &Asker,
            _: &DatasetName,
            _: u32,
        ) -> Result<Vec<DatasetVersion>, PortError> {
            Ok(Vec::new())
        }

        async fn at(
            &self,
            _: &Asker,
            _: &DatasetName,
            _: Option<u32>,
        ) -> Result<Vec<DatasetVersion>, PortError> {
            Err(PortError::Over)
        }
    }

    /// A context whose ports lead over a line to those of a worker, which are these.
    fn context(lent: &Services) -> (TaskContext, tokio::task::JoinHandle<()>) {
        let assignment = Assignment::example("noop", serde_json::Value::Null);
        let mut services = Services::new(ArtifactStore::in_memory());
        let (tell, told) = mpsc::channel();
        let line = Arc::new(Line::new(tell, services.cancel.clone()));
        services.datasets = Arc::clone(&line) as _;
        services.runs = Arc::clone(&line) as _;
        let context = TaskContext::new(assignment, tidemill_dag::catalog::Ports::NONE, services);
        let (asker, lent) = (context.asker(), lent.clone());
        let (forward, mut questions) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || told.into_iter().try_for_each(|told| forward.send(told)));
        let worker = tokio::spawn(async move {
            while let Some(Told::Asks { number, question }) = questions.recv().await {
                let text = serde_json::to_string(&question).unwrap();
                let question: Question = serde_json::from_str(&text).unwrap();
                line.answered(number, question.put_to(&lent, &asker).await);
            }
        });
        (context, worker)
    }

    #[tokio::test]
    async fn what_a_port_says_crosses_the_line_with_its_judgement() {
        let mut lent = Services::new(ArtifactStore::in_memory());
        lent.datasets = Arc::new(Refusing);
        let (context, _worker) = context(&lent);
        let dataset = DatasetName::new("plant").unwrap();

        let failed = context.dataset_names().await.unwrap_err();
        let none = context.newest_of(&dataset, 1).await.unwrap();
        let over = context.dataset_at(&dataset, None).await.unwrap_err();

        assert!(matches!(failed, TaskError::Failed { retry: Retry::MayHelp, .. }), "{failed:?}");
        assert_eq!(failed.chain(), "list the data sets for attempt 1: the database is away");
        assert_eq!(none, []);
        assert!(matches!(over, TaskError::Cancelled), "{over:?}");
    }

    #[tokio::test]
    async fn a_port_that_the_worker_does_not_have_is_named() {
        let (context, _worker) = context(&Services::new(ArtifactStore::in_memory()));

        let failed = context.state_of_run(context.run().run).await.unwrap_err();

        let expected = "reach runs of other DAGs: nothing lends it to the worker";
        assert_eq!(failed.chain(), expected);
    }

    #[tokio::test]
    async fn a_question_that_nobody_answers_ends_with_the_attempt() {
        let mut services = Services::new(ArtifactStore::in_memory());
        let (tell, _told) = mpsc::channel();
        services.datasets = Arc::new(Line::new(tell, services.cancel.clone()));
        let cancel = services.cancel.clone();
        let assignment = Assignment::example("noop", serde_json::Value::Null);
        let context = TaskContext::new(assignment, tidemill_dag::catalog::Ports::NONE, services);
        let mut asking = Box::pin(context.dataset_names());
        assert!(futures::poll!(&mut asking).is_pending());

        cancel.cancel();

        assert!(matches!(asking.await, Err(TaskError::Cancelled)));
    }
}
