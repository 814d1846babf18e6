//! One attempt: from the claim to the end that the store has accepted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidemill_dag::advance::{Retry, Verdict};
use tidemill_store::{Claim, ExitCause};
use tidemill_task::{
    Assignment, CacheReport, Completion, Isolation, Manifest, Progress, Registry, Services,
    TaskLog, Usage, execute,
};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::info;

use crate::assignment::assignment;
use crate::caching::{Answer, Inquiry};
use crate::worker::claimer::Taken;
use crate::worker::holdings::{Holding, Holdings, StopCause};
use crate::worker::options::{Program, Timing};
use crate::worker::process;
use crate::worker::report::{Ending, Report, Reporter};
use crate::worker::weather::chain;
use crate::worker::{limits, process_end};

/// What every attempt of a worker shares.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) registry: Registry,
    pub(crate) services: Services,
    /// The environment variables that templates may read.
    pub(crate) template_environment: BTreeMap<String, String>,
    pub(crate) program: Option<Program>,
    pub(crate) timing: Timing,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) reporter: Reporter,
}

/// Releases an attempt, also where its task panics: its lease runs out then.
struct Release<'a> {
    holdings: &'a Holdings,
    holding: &'a Holding,
}

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.holdings.release(self.holding.held);
    }
}

/// What came of the work itself.
enum Work {
    /// It came to an end by itself.
    Completed(Completion, Option<Usage>),
    /// It did not stop when it was asked to, and was dropped or killed.
    Ended(Option<Usage>),
    /// Its process ended without a word, or for want of memory.
    Broken(Ending),
}

impl Bench {
    /// Runs a claimed task, and tells the store how it ended until the store has heard it.
    pub(crate) async fn carry_out(&self, taken: &Taken) {
        let Taken { claim, holding } = taken;
        let _release = Release { holdings: &self.holdings, holding };
        info!(run.id = %claim.run, task.node = %claim.path, task.attempt = claim.attempt.0, "task `{}` started", claim.path);
        let (ending, cache) = self.run(claim, holding).await;
        holding.set_over();
        let told = told(&ending, cache.as_ref());
        info!(run.id = %claim.run, task.node = %claim.path, task.attempt = claim.attempt.0, "task `{}` {told}", claim.path);
        self.reporter.report(Report { held: holding.held, ending, cache }).await;
    }

    /// Takes what the cache has, or does the work.
    async fn run(&self, claim: &Claim, holding: &Holding) -> (Ending, Option<CacheReport>) {
        let stopped = || (ending(Work::Ended(None), holding.cause()), None);
        if holding.asked.is_cancelled() {
            return stopped();
        }
        let assignment = match assignment(claim, &self.template_environment) {
            Ok(assignment) => assignment,
            Err(error) => return (failed(chain(&error), Retry::CannotHelp), None),
        };
        let Some(inquiry) = Inquiry::of(claim, &assignment, &self.registry) else {
            return (self.work(claim, assignment, holding).await, None);
        };
        let ask = inquiry.ask(claim, &self.reporter.store, &self.services.artifacts);
        let Answer { completion, report } = tokio::select! {
            answer = ask => answer,
            () = holding.asked.cancelled() => return stopped(),
        };
        match completion {
            // What was done is kept, whoever wanted it stopped; here nothing was.
            Some(_) if holding.asked.is_cancelled() => stopped(),
            Some(completion) => {
                (ending(Work::Completed(completion, None), holding.cause()), Some(report))
            }
            None => (self.work(claim, assignment, holding).await, Some(report)),
        }
    }

    async fn work(&self, claim: &Claim, assignment: Assignment, holding: &Holding) -> Ending {
        holding.set_kill_grace(self.kill_grace(&assignment));
        let progress = watch::Sender::new(Progress::default());
        let limits = limits::watch(&claim.limits.timeout, progress.subscribe(), holding);
        let work = async {
            match (&self.program, self.isolation(&assignment)) {
                (Some(program), Isolation::Process) => {
                    let watched = process::Watched {
                        holding,
                        progress: &progress,
                        kill_grace: holding.kill_grace(),
                        margin: self.timing.margin,
                        services: &self.services,
                    };
                    self.run_in_a_process(program, claim, &assignment, watched).await
                }
                (None, _) | (_, Isolation::Inline) => {
                    Ok(self.run_here(assignment, progress.clone(), holding).await)
                }
            }
        };
        let work = tokio::select! {
            work = work => work,
            never = limits => match never {},
        };
        match work {
            Ok(work) => ending(work, holding.cause()),
            Err(error) => Ending::GivenUp {
                cause: ExitCause::Lost,
                error: format!("could not start its process: {error}"),
                usage: None,
            },
        }
    }

    /// How long an attempt has to stop by itself: what the worker gives, or its kind wants, whichever is longer.
    fn kill_grace(&self, assignment: &Assignment) -> Duration {
        let kind = self.registry.get(assignment.kind.as_str()).ok();
        let wanted = kind.and_then(|kind| kind.grace(&assignment.params));
        wanted.unwrap_or_default().max(self.timing.kill_grace)
    }

    /// A kind that nobody knows fails where it is, and needs no process for that.
    fn isolation(&self, assignment: &Assignment) -> Isolation {
        let kind = self.registry.get(assignment.kind.as_str());
        kind.map_or(Isolation::Inline, tidemill_task::ErasedKind::isolation)
    }

    async fn run_here(
        &self,
        assignment: Assignment,
        progress: watch::Sender<Progress>,
        holding: &Holding,
    ) -> Work {
        let cancel = holding.asked.clone();
        let services = Services { cancel, progress, ..self.services.clone() };
        let execution = execute(&self.registry, assignment, services);
        let overdue = async {
            holding.asked.cancelled().await;
            // Either it is made to stop, or its time to stop by itself is over.
            timeout(holding.kill_grace(), holding.made.cancelled()).await.ok();
        };
        tokio::select! {
            biased;
            completion = execution => Work::Completed(completion, None),
            () = overdue => Work::Ended(None),
        }
    }

    async fn run_in_a_process(
        &self,
        program: &Program,
        claim: &Claim,
        assignment: &Assignment,
        watched: process::Watched<'_>,
    ) -> std::io::Result<Work> {
        let log = TaskLog::of(&self.services.artifacts, claim.run, &claim.path, claim.attempt);
        let end = process::run(program, assignment, log, watched).await?;
        // A process that was killed leaves its temporary files; most have none.
        tokio::fs::remove_dir_all(self.services.scratch_of(assignment)).await.ok();
        let usage = Some(end.usage);
        if watched.holding.cause().is_none()
            && let Some(ending) = process_end::judge_failure(&end)
        {
            return Ok(Work::Broken(ending));
        }
        Ok(match (&end.completion, watched.holding.cause()) {
            (Some(completion), _) => Work::Completed(completion.clone(), usage),
            (None, Some(_)) => Work::Ended(usage),
            (None, None) => Work::Broken(process_end::judge(&end)),
        })
    }
}

/// What is told about an attempt: what it came to itself, unless somebody else decided before.
fn ending(work: Work, cause: Option<StopCause>) -> Ending {
    let (completion, usage) = match work {
        Work::Broken(ending) => return ending,
        Work::Completed(completion, usage) => (Some(completion), usage),
        Work::Ended(usage) => (None, usage),
    };
    let is_done = completion.as_ref().is_some_and(|completion| match completion.verdict {
        Verdict::Succeeded { .. } | Verdict::Expanded { .. } | Verdict::Awaits { .. } => true,
        Verdict::Failed { .. } | Verdict::Cancelled => false,
    });
    let finished = |verdict, cause, manifest: Option<Manifest>| {
        let artifacts = manifest.map(|manifest| manifest.artifacts).unwrap_or_default();
        Ending::Finished { verdict, artifacts, cause, usage }
    };
    match (cause, completion) {
        (Some(StopCause::Lost), _) => Ending::Gone,
        (Some(StopCause::Fenced), _) => Ending::GivenUp {
            cause: ExitCause::Fenced,
            error: "its lease could not be renewed in time".to_owned(),
            usage,
        },
        // It was done before it heard of anything.
        (_, Some(Completion { verdict, manifest })) if is_done => {
            finished(verdict, None, Some(manifest))
        }
        (Some(StopCause::HandBack), _) => Ending::HandedBack,
        (Some(StopCause::Cancelled), completion) => {
            let manifest = completion.map(|completion| completion.manifest);
            finished(Verdict::Cancelled, Some(ExitCause::Cancelled), manifest)
        }
        (Some(StopCause::TimedOut(error)), completion) => {
            let manifest = completion.map(|completion| completion.manifest);
            let verdict = Verdict::Failed { error, retry: Retry::MayHelp };
            finished(verdict, Some(ExitCause::TimedOut), manifest)
        }
        (None, Some(Completion { verdict, manifest })) => finished(verdict, None, Some(manifest)),
        (None, None) => failed("it ended without a word".to_owned(), Retry::MayHelp),
    }
}

fn failed(error: String, retry: Retry) -> Ending {
    let verdict = Verdict::Failed { error, retry };
    Ending::Finished { verdict, artifacts: Vec::new(), cause: None, usage: None }
}

fn told(ending: &Ending, cache: Option<&CacheReport>) -> String {
    let is_hit = cache.is_some_and(|report| report.note.is_hit());
    match ending {
        Ending::Finished { .. } if is_hit => "had a result in the cache".to_owned(),
        Ending::Finished { verdict, .. } => match verdict {
            Verdict::Succeeded { .. } => "succeeded".to_owned(),
            Verdict::Failed { error, .. } => format!("failed: {error}"),
            Verdict::Expanded { children, .. } => format!("asked for {} children", children.len()),
            Verdict::Awaits { run, .. } => format!("waits for {run}"),
            Verdict::Cancelled => "was cancelled".to_owned(),
        },
        Ending::GivenUp { cause, error, .. } => format!("was {}: {error}", cause.label()),
        Ending::HandedBack => "was given back".to_owned(),
        Ending::Gone => "was dropped: another worker has it".to_owned(),
    }
}
