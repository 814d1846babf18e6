//! Judges what became of the runs: the store's rows are believed, and held against what the witness heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidemill_dag::state::Outcome;
use tidemill_dag::time::Timestamp;
use tidemill_store::{AttemptDetail, ExitCause, Held, RunDetail, TaskDetail};

use super::fault::{Blow, Recovery};
use super::finding::{Finding, Verdict};
use super::scene::Scene;
use super::workflow::{Size, has_witness, outlasts_a_lease};

/// All that is known about the runs.
struct Evidence {
    runs: Vec<(RunDetail, Size)>,
    attempts: BTreeMap<tidemill_dag::ids::TaskId, Vec<AttemptDetail>>,
}

/// What is wrong, each with a word for people.
#[derive(Default)]
struct Wrongs {
    lost: BTreeSet<String>,
    doubled: BTreeSet<String>,
    late: Option<String>,
    notes: Vec<String>,
}

impl Wrongs {
    fn lose(&mut self, task: String, why: &str) {
        self.notes.push(format!("lost {task}: {why}"));
        self.lost.insert(task);
    }

    fn double(&mut self, task: String, why: &str) {
        self.notes.push(format!("doubled {task}: {why}"));
        self.doubled.insert(task);
    }
}

/// Judges a scene whose runs are over, or should be.
pub(super) async fn judge(
    fault: &'static str,
    scene: &Scene,
    what: String,
    recovery: &Recovery,
) -> anyhow::Result<Finding> {
    let evidence = gather(scene).await?;
    let mut wrongs = Wrongs::default();
    scene.lost.iter().for_each(|lost| wrongs.lose(lost.clone(), "it is missing"));
    scene.doubled.iter().for_each(|doubled| wrongs.double(doubled.clone(), "it is there twice"));
    judge_tasks(&evidence, &mut wrongs);
    judge_artifacts(scene, &evidence, &mut wrongs).await?;
    judge_witness(scene, &evidence, &mut wrongs);
    let bound = scene.pace.bound();
    let took = judge_recovery(&evidence, recovery, bound, &mut wrongs);
    let is_fine = wrongs.lost.is_empty() && wrongs.doubled.is_empty() && wrongs.late.is_none();
    wrongs.notes.extend(wrongs.late.take());
    Ok(Finding {
        fault,
        done: what,
        tasks: evidence.runs.iter().map(|(_, size)| size.tasks() as usize).sum(),
        lost: wrongs.lost.len(),
        doubled: wrongs.doubled.len(),
        recovery_ms: took.map(milliseconds),
        bound_ms: took.map(|_| milliseconds(bound)),
        verdict: if is_fine { Verdict::Held } else { Verdict::Violated },
        notes: wrongs.notes,
    })
}

async fn gather(scene: &Scene) -> anyhow::Result<Evidence> {
    let runs = scene.details().await?;
    let mut attempts = BTreeMap::new();
    for (run, _) in &runs {
        for task in &run.tasks {
            attempts.insert(task.id, scene.store.attempts(run.run.id, task.id).await?);
        }
    }
    Ok(Evidence { runs, attempts })
}

fn accepted(attempts: &[AttemptDetail]) -> Vec<i32> {
    let succeeded = |attempt: &&AttemptDetail| attempt.exit == Some(ExitCause::Succeeded);
    attempts.iter().filter(succeeded).map(|attempt| attempt.attempt.0).collect()
}

/// Each task has succeeded, by one attempt, whose output it has.
fn judge_tasks(evidence: &Evidence, wrongs: &mut Wrongs) {
    for (run, size) in &evidence.runs {
        for missing in run.tasks.len()..size.tasks() as usize {
            wrongs.lose(format!("{} task {missing}", run.run.id), "it was never made");
        }
        for task in &run.tasks {
            let name = format!("{} {}", run.run.id, task.path);
            if task.state.outcome() != Some(Outcome::Succeeded) {
                let why = format!("it is {:?}", task.state);
                wrongs.lose(name, &why);
                continue;
            }
            let accepted = accepted(&evidence.attempts[&task.id]);
            let told = told_attempt(task);
            if accepted.len() > 1 {
                wrongs.double(name, &format!("attempts {accepted:?} were accepted"));
            } else if told.is_some() && told != accepted.first().copied() {
                let why = format!("its output is of attempt {told:?}, accepted was {accepted:?}");
                wrongs.double(name, &why);
            }
        }
    }
}

/// The attempt that wrote the output, where a task says so.
fn told_attempt(task: &TaskDetail) -> Option<i32> {
    let told = task.output.as_ref()?.get("attempt")?.as_i64()?;
    i32::try_from(told).ok()
}

/// What can be seen reads as it was written, and is of attempts that held their claim to the end.
async fn judge_artifacts(
    scene: &Scene,
    evidence: &Evidence,
    wrongs: &mut Wrongs,
) -> anyhow::Result<()> {
    let store = scene.artifacts()?;
    for (task, attempt, artifact) in scene.schema.visible_artifacts().await? {
        if let Err(error) = store.read(&artifact).await {
            wrongs.lose(task.to_string(), &format!("its artefact cannot be read: {error}"));
        }
        let attempts = evidence.attempts.get(&task).map(Vec::as_slice).unwrap_or_default();
        let exit = attempts.iter().find(|one| one.attempt == attempt).and_then(|one| one.exit);
        // An attempt that failed by itself keeps what it printed; one that lost its claim publishes nothing.
        if !exit.is_some_and(may_publish) {
            let why =
                format!("an artefact of attempt {attempt} can be seen, which ended as {exit:?}");
            wrongs.double(task.to_string(), &why);
        }
    }
    Ok(())
}

const fn may_publish(exit: ExitCause) -> bool {
    match exit {
        ExitCause::Succeeded
        | ExitCause::Expanded
        | ExitCause::Failed
        | ExitCause::Cancelled
        | ExitCause::TimedOut => true,
        ExitCause::OutOfMemory | ExitCause::Killed | ExitCause::Lost | ExitCause::Fenced => false,
    }
}

/// Whoever worked had claimed, nobody worked beside a later attempt, and what was accepted was done.
fn judge_witness(scene: &Scene, evidence: &Evidence, wrongs: &mut Wrongs) {
    let record = scene.witness.record();
    for ((run, task), attempt) in record.overlapping() {
        let why = format!("attempt {attempt} worked beside a later one");
        wrongs.double(format!("{run} {task}"), &why);
    }
    let mut claimed = BTreeMap::new();
    for (run, _) in &evidence.runs {
        for task in &run.tasks {
            let who = (run.run.id.to_string(), task.path.to_string());
            claimed.insert(who, &evidence.attempts[&task.id]);
        }
    }
    for (who, attempt) in record.started() {
        let is_claimed = claimed
            .get(who)
            .is_some_and(|attempts| attempts.iter().any(|one| one.attempt.0 == attempt));
        if !is_claimed {
            wrongs.double(format!("{} {}", who.0, who.1), "it worked without a claim");
        }
    }
    for (who, attempts) in &claimed {
        for attempt in accepted(attempts) {
            if has_witness(&who.1) && !record.has_ended(who, attempt) {
                let why = format!("attempt {attempt} was accepted, and did not do its work");
                wrongs.lose(format!("{} {}", who.0, who.1), &why);
            }
        }
    }
}

fn judge_recovery(
    evidence: &Evidence,
    recovery: &Recovery,
    bound: Duration,
    wrongs: &mut Wrongs,
) -> Option<Duration> {
    let took = match recovery {
        Recovery::Unnoticed => {
            let tasks = evidence.runs.iter().flat_map(|(run, _)| &run.tasks);
            let (losses, tasks) =
                tasks.fold((0, 0), |(losses, count), task| (losses + task.losses, count + 1));
            // One or two are what a busy machine does; a clock that counted would lose all of them.
            if losses > tasks / 4 {
                wrongs.late = Some(format!("{losses} attempts were lost, for no reason"));
            }
            return None;
        }
        Recovery::NextRun(at) => {
            let opened = evidence.runs.iter().map(|(run, _)| run.run.created_at);
            opened.filter(|opened| opened > at).min().map(|opened| between(*at, opened))
        }
        Recovery::OfTasks(blows) => {
            let each: Option<Vec<Duration>> =
                blows.iter().map(|blow| recovery_of(evidence, blow)).collect();
            each.and_then(|each| each.into_iter().max())
        }
    };
    match took {
        None => wrongs.late = Some("what was hit never went on".to_owned()),
        Some(took) if took > bound => {
            wrongs.late = Some(format!("recovery took {took:.1?}, which is more than {bound:.1?}"));
        }
        Some(_) => {}
    }
    took
}

/// How long until the last of those that were hit had ended well, or was under way again.
fn recovery_of(evidence: &Evidence, blow: &Blow) -> Option<Duration> {
    let went_on = |held: &Held| {
        let attempts = evidence.attempts.get(&held.task)?;
        let hit = attempts.iter().find(|one| one.attempt == held.attempt)?;
        if hit.exit == Some(ExitCause::Succeeded) {
            // One that outlasts a lease was at work all the while; a short one had to be told.
            return if is_big(evidence, held) { Some(blow.at) } else { hit.ended_at };
        }
        let next = attempts.iter().find(|one| one.attempt > held.attempt)?;
        Some(next.started_at)
    };
    let all: Option<Vec<Timestamp>> = blow.hit.iter().map(went_on).collect();
    Some(all?.into_iter().map(|at| between(blow.at, at)).max().unwrap_or_default())
}

fn is_big(evidence: &Evidence, held: &Held) -> bool {
    let mut tasks = evidence.runs.iter().flat_map(|(run, _)| &run.tasks);
    tasks.any(|task| task.id == held.task && outlasts_a_lease(&task.path.to_string()))
}

fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tidemill_dag::ids::{DagVersionId, RunId, TaskId, WorkerId};
    use tidemill_dag::slots::Slots;
    use tidemill_dag::state::{Attempt, RunKind, RunState, TaskState};
    use tidemill_dag::time::{DataInterval, Lapse};
    use tidemill_store::{RunSummary, TaskCounts};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp(1_767_225_600 + second, 0).unwrap()
    }

    fn try_of(attempt: i32, seconds: (i64, i64), exit: ExitCause) -> AttemptDetail {
        AttemptDetail {
            attempt: Attempt(attempt),
            worker: WorkerId::generate(),
            started_at: at(seconds.0),
            ended_at: Some(at(seconds.1)),
            exit: Some(exit),
            error: None,
            peak_memory_bytes: None,
            cpu_ms: None,
            cache: None,
        }
    }

    fn task(outcome: Outcome, told: i32) -> TaskDetail {
        TaskDetail {
            id: TaskId::generate(),
            path: "body[0]".parse().unwrap(),
            parent: None,
            kind: "command".parse().unwrap(),
            pool: "default".parse().unwrap(),
            slots: Slots::declared(1),
            state: TaskState::Done { attempt: Attempt(2), at: at(9), outcome },
            attempt: Attempt(2),
            phase: 0,
            failures: 0,
            losses: 1,
            cancel_requested: false,
            ready_at: None,
            started_at: None,
            busy: Lapse::seconds(1),
            output: Some(serde_json::json!({ "attempt": told })),
            reason: None,
            cache: None,
            started_run: None,
        }
    }

    /// A run with this task alone, where more are expected.
    fn evidence(task: TaskDetail, attempts: Vec<AttemptDetail>, size: Size) -> Evidence {
        let run = RunSummary {
            id: RunId::generate(),
            dag: "drill".parse().unwrap(),
            version: DagVersionId::generate(),
            hash: String::new(),
            kind: RunKind::Manual,
            interval: DataInterval { start: at(0), end: at(1) },
            params: BTreeMap::new(),
            state: RunState::Closed { outcome: Outcome::Succeeded, at: at(9) },
            created_at: at(0),
            started_at: None,
            triggered_by: None,
            tasks: TaskCounts::default(),
        };
        let attempts = BTreeMap::from([(task.id, attempts)]);
        Evidence { runs: vec![(RunDetail { run, tasks: vec![task] }, size)], attempts }
    }

    fn counts(evidence: &Evidence) -> (usize, usize) {
        let mut wrongs = Wrongs::default();
        judge_tasks(evidence, &mut wrongs);
        (wrongs.lost.len(), wrongs.doubled.len())
    }

    #[test]
    fn tasks_that_were_not_made_or_did_not_succeed_are_lost() {
        let lost = try_of(1, (0, 2), ExitCause::Lost);
        let failed = evidence(task(Outcome::Failed, 1), vec![lost], Size::default());

        // Two more of the three that every run has.
        assert_eq!(counts(&failed), (3, 0));
    }

    #[test]
    fn two_accepted_attempts_and_anothers_output_are_doubled() {
        let tries = |exit| vec![try_of(1, (0, 2), exit), try_of(2, (4, 5), ExitCause::Succeeded)];
        let judged = |exit, told| {
            counts(&evidence(task(Outcome::Succeeded, told), tries(exit), Size::default())).1
        };

        assert_eq!(judged(ExitCause::Lost, 2), 0);
        assert_eq!(judged(ExitCause::Succeeded, 2), 1);
        assert_eq!(judged(ExitCause::Lost, 1), 1);
    }

    #[test]
    fn recovery_is_when_the_last_of_those_that_were_hit_goes_on() {
        let task = task(Outcome::Succeeded, 2);
        let hit = vec![Held { run: RunId::generate(), task: task.id, attempt: Attempt(1) }];
        let tries =
            vec![try_of(1, (0, 2), ExitCause::Lost), try_of(2, (7, 8), ExitCause::Succeeded)];
        let evidence = evidence(task, tries, Size::default());
        let recovery = Recovery::OfTasks(vec![Blow { at: at(1), hit }]);
        let judged = |bound| {
            let mut wrongs = Wrongs::default();
            let took =
                judge_recovery(&evidence, &recovery, Duration::from_secs(bound), &mut wrongs);
            (took, wrongs.late.is_some())
        };

        assert_eq!(judged(6), (Some(Duration::from_secs(6)), false));
        assert_eq!(judged(5), (Some(Duration::from_secs(6)), true));
    }

    #[test]
    fn what_was_hit_and_never_went_on_is_late() {
        let task = task(Outcome::Failed, 1);
        let hit = vec![Held { run: RunId::generate(), task: task.id, attempt: Attempt(1) }];
        let evidence = evidence(task, vec![try_of(1, (0, 2), ExitCause::Lost)], Size::default());
        let recovery = Recovery::OfTasks(vec![Blow { at: at(1), hit }]);
        let mut wrongs = Wrongs::default();

        let took = judge_recovery(&evidence, &recovery, Duration::MAX, &mut wrongs);

        assert_eq!((took, wrongs.late.is_some()), (None, true));
    }
}
