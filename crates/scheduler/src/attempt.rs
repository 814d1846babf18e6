//! One attempt: from the claim to the end that is written down.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use tidemill_dag::advance::{Retry, Verdict};
use tidemill_store::{Claim, Exit, Finish, Store, StoreError};
use tidemill_task::{Completion, Manifest, Registry, Services, execute};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::assignment::assignment;

/// What every attempt of a worker shares.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) services: Services,
    /// The environment variables that templates may read.
    pub(crate) template_environment: Arc<BTreeMap<String, String>>,
}

impl Bench {
    /// Runs a claimed task and writes down how it ended. A result that comes too late is dropped, and said so.
    pub(crate) async fn carry_out(
        &self,
        claim: Claim,
        cancel: CancellationToken,
    ) -> Result<(), StoreError> {
        info!(
            run.id = %claim.run,
            task.node = %claim.path,
            task.attempt = claim.attempt.0,
            "task `{}` started",
            claim.path
        );
        let Completion { verdict, manifest } = self.complete(&claim, cancel).await;
        info!(
            run.id = %claim.run,
            task.node = %claim.path,
            task.attempt = claim.attempt.0,
            "task `{}` {}",
            claim.path,
            told(&verdict)
        );
        let finish = Finish {
            run: claim.run,
            task: claim.task,
            attempt: claim.attempt,
            verdict,
            exit: Exit::default(),
            artifacts: manifest.artifacts,
        };
        match self.store.finish(finish).await {
            Err(error @ StoreError::LostLease { .. }) => {
                warn!(run.id = %claim.run, task.node = %claim.path, task.attempt = claim.attempt.0, "dropped a late result: {error}");
                Ok(())
            }
            other => other,
        }
    }

    async fn complete(&self, claim: &Claim, cancel: CancellationToken) -> Completion {
        let assignment = match assignment(claim, &self.template_environment) {
            Ok(assignment) => assignment,
            Err(error) => {
                let because = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                let verdict = Verdict::Failed {
                    error: format!("{error}{because}"),
                    retry: Retry::CannotHelp,
                };
                return Completion { verdict, manifest: Manifest::default() };
            }
        };
        let services = Services { cancel: cancel.clone(), ..self.services.clone() };
        let Some(limit) = claim.limits.timeout.running else {
            return execute(&self.registry, assignment, services).await;
        };
        let execution = execute(&self.registry, assignment, services);
        let Ok(completion) = tokio::time::timeout(limit.0, execution).await else {
            cancel.cancel();
            let verdict = Verdict::Failed {
                error: format!("it ran for longer than {limit}"),
                retry: Retry::MayHelp,
            };
            return Completion { verdict, manifest: Manifest::default() };
        };
        completion
    }
}

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Succeeded { .. } => "succeeded".to_owned(),
        Verdict::Failed { error, .. } => format!("failed: {error}"),
        Verdict::Expanded { children, .. } => format!("asked for {} children", children.len()),
        Verdict::Cancelled => "was cancelled".to_owned(),
    }
}
