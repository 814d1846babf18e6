//! `tidemill run logs`.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use tidemill_dag::ids::TaskId;
use tidemill_dag::state::{Attempt, RunState};
use tidemill_store::{AttemptDetail, RunDetail, Store, StoreError, TaskDetail};
use tidemill_task::{CacheNote, Origin, TaskLog};
use tokio::time::MissedTickBehavior;

use super::cancel::task_named;
use super::show::find;
use crate::App;
use crate::commands::work::services;
use crate::database::{Database, Version};
use crate::exit::Failure;

/// How often new parts are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What logs to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The run.
    pub run: &'a str,
    /// The task; `None` for all.
    pub task: Option<&'a str>,
    /// Whether to go on until the run is over.
    pub follow: bool,
}

/// Prints what the tasks of a run printed.
pub(crate) async fn run(app: &App<'_>, wanted: Wanted<'_>) -> Result<(), Failure> {
    let database = Database::open(app, Version::Current).await?;
    let mut detail = find(&database.store, wanted.run).await?;
    if detail.run.has_dropped_tasks() {
        return Err(StoreError::TasksDropped { run: detail.run.id }.into());
    }
    if let Some(task) = wanted.task {
        task_named(&detail, task)?;
    }
    let mut reader = Reader {
        artifacts: services(app)?.artifacts,
        store: &database.store,
        app,
        is_alone: wanted.task.is_some(),
        parts: BTreeMap::new(),
        last: None,
    };
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // What was printed before the end is there before the end is.
        let is_over = matches!(detail.run.state, RunState::Closed { .. });
        reader.print_new(&detail, wanted.task).await?;
        if !wanted.follow || is_over {
            return Ok(());
        }
        detail = database.store.run(detail.run.id).await?;
    }
}

struct Reader<'a> {
    artifacts: tidemill_task::ArtifactStore,
    store: &'a Store,
    app: &'a App<'a>,
    is_alone: bool,
    /// How many parts of each log were printed.
    parts: BTreeMap<(TaskId, Attempt), u32>,
    /// The log that was printed last.
    last: Option<(TaskId, Attempt)>,
}

impl Reader<'_> {
    async fn print_new(&mut self, detail: &RunDetail, wanted: Option<&str>) -> Result<(), Failure> {
        for task in &detail.tasks {
            if wanted.is_some_and(|wanted| task.path.to_string() != wanted) {
                continue;
            }
            if task.attempt.0 == 0 {
                continue;
            }
            for attempt in self.store.attempts(detail.run.id, task.id).await? {
                if let Some(CacheNote::Hit { origin, .. }) = &attempt.cache {
                    self.tell_origin(task, &attempt, origin);
                    continue;
                }
                self.print_attempt(detail, task, attempt.attempt).await?;
            }
        }
        Ok(())
    }

    /// Says where the log of a result lies that came from the cache, once.
    fn tell_origin(&mut self, task: &TaskDetail, attempt: &AttemptDetail, origin: &Origin) {
        let key = (task.id, attempt.attempt);
        if self.parts.insert(key, 0).is_none() {
            let Origin { run, task: made, attempt: number, made_at: _ } = origin;
            self.app.output.say(&format!(
                "==> {} attempt {}: cached; {run} did the work in attempt {number}: `tidemill run logs {run} {made}`",
                task.path, attempt.attempt
            ));
        }
    }

    async fn print_attempt(
        &mut self,
        detail: &RunDetail,
        task: &TaskDetail,
        attempt: Attempt,
    ) -> Result<(), Failure> {
        let log = TaskLog::of(&self.artifacts, detail.run.id, &task.path, attempt);
        let key = (task.id, attempt);
        let mut number = self.parts.get(&key).copied().unwrap_or(0);
        while let Some(part) = log.read(number).await.map_err(anyhow::Error::new)? {
            if self.last.replace(key) != Some(key) && !(self.is_alone && attempt == Attempt(1)) {
                self.app.output.say(&format!("==> {} attempt {attempt}", task.path));
            }
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(&part).and_then(|()| stdout.flush()).context("print a log")?;
            number += 1;
        }
        self.parts.insert(key, number);
        Ok(())
    }
}
