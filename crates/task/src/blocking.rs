//! Work that computes: off the runtime, under the same span, and still told to stop.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::context::TaskContext;
use crate::error::TaskError;
use crate::execute::panic_message;
use crate::progress::Progress;

/// What computing work sees of its attempt: whether to stop, and where signs of life go.
#[derive(Clone, Debug)]
pub struct Probe {
    cancel: CancellationToken,
    progress: watch::Sender<Progress>,
}

impl Probe {
    /// Tells whether the work must stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Stops a function by `?` once the work must stop; cheap enough for an inner loop of a millisecond.
    pub fn check_cancelled(&self) -> Result<(), TaskError> {
        if self.is_cancelled() { Err(TaskError::Cancelled) } else { Ok(()) }
    }

    /// Says how far the work is, from 0 to 1, and what it does. It is a sign of life, too.
    pub fn progress(&self, fraction: impl Into<Option<f64>>, message: impl Into<String>) {
        Progress::report(&self.progress, fraction.into(), message.into());
    }

    /// Gives a sign of life.
    pub fn beat(&self) {
        Progress::beat(&self.progress);
    }
}

impl TaskContext {
    /// Runs work that computes for more than a millisecond on a thread of its own.
    ///
    /// The work must ask its [`Probe`] often. It is also told to stop when this future is dropped: threads cannot be
    /// killed, so only the work itself can end it.
    pub async fn blocking<T, F>(&self, work: F) -> Result<T, TaskError>
    where
        F: FnOnce(&Probe) -> Result<T, TaskError> + Send + 'static,
        T: Send + 'static,
    {
        let services = self.services();
        let cancel = services.cancel.child_token();
        let _stops_work_when_dropped = cancel.clone().drop_guard();
        let probe = Probe { cancel, progress: services.progress.clone() };
        let span = Span::current();
        #[expect(clippy::disallowed_methods, reason = "this is the one way off the runtime")]
        let work = tokio::task::spawn_blocking(move || span.in_scope(|| work(&probe)));
        work.await.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => {
                Err(TaskError::fatal(format!("compute: panicked: {}", panic_message(&*panic))))
            }
            // The runtime shuts down before the work began.
            Err(_) => Err(TaskError::Cancelled),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use serde_json::Value;
    use tidemill_dag::catalog::Ports;

    use super::*;
    use crate::{ArtifactStore, Assignment, Services};

    fn context() -> TaskContext {
        let assignment = Assignment::example("noop", Value::Null);
        TaskContext::new(assignment, Ports::NONE, Services::new(ArtifactStore::in_memory()))
    }

    #[tokio::test]
    async fn computing_work_is_told_to_stop() {
        let context = context();
        let cancel = context.services().cancel.clone();

        let stopped = context.blocking(move |probe| {
            cancel.cancel();
            probe.check_cancelled()
        });

        assert!(matches!(stopped.await, Err(TaskError::Cancelled)));
    }

    #[tokio::test]
    async fn computing_work_is_told_to_stop_when_nobody_waits_for_it() {
        let context = context();
        let (started, starts) = mpsc::channel();
        let (stopped, stops) = mpsc::channel();
        let mut work = Box::pin(context.blocking(move |probe| {
            started.send(()).unwrap();
            while !probe.is_cancelled() {
                std::thread::yield_now();
            }
            stopped.send(()).unwrap();
            Ok(())
        }));
        assert!(futures::poll!(&mut work).is_pending());
        starts.recv().unwrap();

        drop(work);

        stops.recv().unwrap();
    }

    #[tokio::test]
    async fn a_panic_in_computing_work_is_a_failure_with_its_words() {
        let context = context();

        let failed = context.blocking(|_| -> Result<(), _> { panic!("row {} is odd", 7) }).await;

        assert_eq!(failed.unwrap_err().to_string(), "compute: panicked: row 7 is odd");
    }
}
