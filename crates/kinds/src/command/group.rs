//! A process group that does not outlive its attempt.

use std::future::Future;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tidemill_task::{Explain, Isolation, TaskError};
use tokio::process::Child;
use tracing::debug;

/// A program and all that it started; dropped before its end, all of it is killed.
pub(super) struct ProcessGroup {
    leader: Child,
    /// The number of the leader and of its group, until they are gone.
    id: Option<Pid>,
    isolation: Isolation,
}

/// How a program ended.
pub(super) enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// Because it was asked to.
    Cancelled,
}

impl ProcessGroup {
    /// The group that `leader` was started as the leader of; where the process of the attempt is its own, the program
    /// is part of that process' group, which others end.
    pub(super) fn of(leader: Child, isolation: Isolation) -> Self {
        let id = leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { leader, id, isolation }
    }

    /// Waits for the end of the program, or asks it to stop and, after `grace`, makes it. What it started and left
    /// behind is killed in any case.
    pub(super) async fn wait(
        &mut self,
        cancelled: impl Future<Output = ()>,
        grace: Duration,
    ) -> Result<Ended, TaskError> {
        let exited = tokio::select! {
            status = self.leader.wait() => Some(status),
            () = cancelled => None,
        };
        let ended = match exited {
            Some(status) => Ended::Exited(status.or_transient("wait for its end")?),
            None => self.stop(grace).await?,
        };
        self.kill();
        Ok(ended)
    }

    async fn stop(&mut self, grace: Duration) -> Result<Ended, TaskError> {
        // In the group of the attempt it was asked already, with all others there.
        if self.isolation == Isolation::Inline {
            self.signal(Signal::TERM);
        }
        if tokio::time::timeout(grace, self.leader.wait()).await.is_err() {
            self.signal(Signal::KILL);
            self.leader.wait().await.or_transient("wait for its end")?;
        }
        Ok(Ended::Cancelled)
    }

    fn kill(&mut self) {
        // The number of a leader that was waited for may be another process' by now; that of a group with members is not.
        if self.isolation == Isolation::Inline || self.leader.id().is_some() {
            self.signal(Signal::KILL);
        }
        self.id = None;
    }

    fn signal(&self, signal: Signal) {
        let sent = self.id.map(|id| match self.isolation {
            Isolation::Inline => kill_process_group(id, signal),
            Isolation::Process => kill_process(id, signal),
        });
        // A group that is gone already needs no signal; one of another user's, after a change of user, takes none.
        if let Some(Err(error)) = sent {
            debug!(%error, "a process group took no signal");
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}
