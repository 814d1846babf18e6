//! Stopping runs and tasks, each in one transaction.

use serde_json::json;
use tidemill_dag::advance::Event;
use tidemill_dag::ids::{RunId, TaskId};

use crate::apply::Decision;
use crate::audit::AuditNote;
use crate::connect::Store;
use crate::error::StoreError;
use crate::view::RunView;

impl Store {
    /// Stops a run: from the commit on nothing of it starts but finalisers, and running attempts are asked to stop.
    ///
    /// Says whether that changed anything: a run that is over or being stopped stays as it is.
    pub async fn cancel_run(&self, run: RunId, actor: &str) -> Result<bool, StoreError> {
        let decide = |_: &RunView| {
            let note = AuditNote {
                actor: actor.to_owned(),
                action: "cancel_run",
                subject_kind: "run",
                subject_id: run.to_string(),
                detail: json!({}),
            };
            let happenings = vec![Event::CancelAsked { task: None }.into()];
            Ok(Decision { happenings, audit: Some(note) })
        };
        Ok(self.apply(run, decide).await?.has_effects)
    }

    /// Stops a task with all that it asked for; what waits for it goes on by its own rules.
    pub async fn cancel_task(
        &self,
        run: RunId,
        task: TaskId,
        actor: &str,
    ) -> Result<bool, StoreError> {
        let decide = |view: &RunView| {
            let index = view.index_of(task).ok_or(StoreError::UnknownTask { run, task })?;
            let note = AuditNote {
                actor: actor.to_owned(),
                action: "cancel_task",
                subject_kind: "task",
                subject_id: task.to_string(),
                detail: json!({ "run": run, "path": view.view.tasks[index.0].path }),
            };
            let happenings = vec![Event::CancelAsked { task: Some(index) }.into()];
            Ok(Decision { happenings, audit: Some(note) })
        };
        Ok(self.apply(run, decide).await?.has_effects)
    }
}
