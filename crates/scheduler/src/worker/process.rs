//! An attempt in a process group of its own, from the start of the process to the end of the group.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tidemill_task::{
    Asker, Assignment, Completion, Heard, Progress, Question, Services, TaskLog, Told, Usage,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{ReadHalf, WriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::holdings::Holding;
use super::log;
use super::memory::MemoryWatch;
use super::options::Program;

/// How often memory and processor time are looked at.
const USAGE_EVERY: Duration = Duration::from_millis(250);
/// When they are looked at first.
const FIRST_USAGE: Duration = Duration::from_millis(50);
/// How long what a dead process said is waited for.
const LINGER: Duration = Duration::from_secs(1);

/// Who watches over the process, and who hears of it.
#[derive(Clone, Copy)]
pub(crate) struct Watched<'a> {
    pub(crate) holding: &'a Holding,
    pub(crate) progress: &'a watch::Sender<Progress>,
    /// How long it may take to stop when it is asked to.
    pub(crate) kill_grace: Duration,
    /// How long before the end of the lease it must have ended.
    pub(crate) margin: Duration,
    /// The ports that the process may call.
    pub(crate) services: &'a Services,
}

/// How the process of an attempt ended.
#[derive(Debug)]
pub(crate) struct ProcessEnd {
    /// What it said in the end.
    pub(crate) completion: Option<Completion>,
    pub(crate) status: ExitStatus,
    pub(crate) usage: Usage,
    /// Whether the machine, or the limit of this process, ran out of memory meanwhile.
    pub(crate) has_memory_run_out: bool,
    /// The end of what it printed.
    pub(crate) last_words: String,
}

/// A process group that does not outlive this. Its number is 0 once it is gone, and may be another group's then.
struct Group(AtomicI32);

impl Group {
    fn of(leader: &Child) -> Self {
        let id = leader.id().and_then(|id| i32::try_from(id).ok());
        Self(AtomicI32::new(id.unwrap_or(0)))
    }

    fn signal(&self, signal: Signal) {
        send(self.0.load(Ordering::SeqCst), signal);
    }

    /// Kills all that is left of it.
    fn end(&self) {
        send(self.0.swap(0, Ordering::SeqCst), Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

fn send(group: i32, signal: Signal) {
    let sent = Pid::from_raw(group).map(|id| kill_process_group(id, signal));
    // It is gone already, most of the time.
    if let Some(Err(error)) = sent {
        debug!(%error, "a process group took no signal");
    }
}

/// Runs an attempt in a process of its own. Whatever happens, nothing of its group is left afterwards.
pub(crate) async fn run(
    program: &Program,
    assignment: &Assignment,
    log: TaskLog,
    watched: Watched<'_>,
) -> io::Result<ProcessEnd> {
    let memory = MemoryWatch::start();
    let (ours, theirs) = StdStream::pair()?;
    ours.set_nonblocking(true)?;
    let mut line = UnixStream::from_std(ours)?;
    let mut child = spawn(program, theirs)?;
    let group = Group::of(&child);
    let exited = CancellationToken::new();
    let stdout = child.stdout.take().expect("its output was piped");
    let stderr = child.stderr.take().expect("its output was piped");
    let capture = tokio::spawn(log::keep(stdout, stderr, log, exited.clone()));

    let mut usage = Usage::default();
    let said;
    let status = {
        let mut talk = std::pin::pin!(talk(&mut line, assignment, watched));
        let mut end = std::pin::pin!(supervise(&mut child, &group, watched, &mut usage));
        let (status, told) = tokio::select! {
            status = &mut end => (status?, None),
            told = &mut talk => {
                // It has nothing left to do but to end.
                let status = match timeout(watched.kill_grace + LINGER, &mut end).await {
                    Ok(status) => status?,
                    Err(_elapsed) => {
                        group.signal(Signal::KILL);
                        end.await?
                    }
                };
                (status, Some(told))
            }
        };
        // What it started and left behind ends now, and with it all that could hold its pipes open.
        group.end();
        said = match told {
            Some(told) => told,
            None => timeout(LINGER, talk).await.ok().flatten(),
        };
        status
    };
    exited.cancel();
    let last_words = capture.await.unwrap_or_default();
    let (completion, told_usage) = said.unzip();
    let usage = usage.max(told_usage.unwrap_or_default());
    let has_memory_run_out = memory.has_run_out(usage.peak_memory_bytes);
    Ok(ProcessEnd { completion, status, usage, has_memory_run_out, last_words })
}

fn spawn(program: &Program, line: StdStream) -> io::Result<Child> {
    Command::new(&program.file)
        .args(&program.arguments)
        .stdin(Stdio::from(OwnedFd::from(line)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Sends the assignment and hears what the process says, until it says what it came to or says no more.
async fn talk(
    line: &mut UnixStream,
    assignment: &Assignment,
    watched: Watched<'_>,
) -> Option<(Completion, Usage)> {
    let mut order = serde_json::to_vec(assignment).ok()?;
    order.push(b'\n');
    let (hear, mut tell) = line.split();
    // A process that died before it read all of it has said nothing; its exit status tells more.
    tell.write_all(&order).await.ok()?;
    let asker = Asker {
        run: assignment.run.run,
        path: assignment.path.clone(),
        attempt: assignment.attempt,
    };
    let (ask, questions) = mpsc::unbounded_channel();
    let (answer, answers) = mpsc::unbounded_channel();
    tokio::select! {
        said = listen(BufReader::new(hear), watched.progress, &ask) => said,
        never = answer_all(questions, watched.services, &asker, &answer) => match never {},
        never = tell_all(tell, watched, answers) => match never {},
    }
}

/// Puts what the process asks to the ports of this worker, one question after the other.
async fn answer_all(
    mut questions: mpsc::UnboundedReceiver<(u64, Question)>,
    services: &Services,
    asker: &Asker,
    answers: &mpsc::UnboundedSender<Heard>,
) -> Infallible {
    while let Some((number, question)) = questions.recv().await {
        let answer = question.put_to(services, asker).await;
        if answers.send(Heard::Answer { number, answer }).is_err() {
            break;
        }
    }
    pending().await
}

async fn listen(
    mut line: BufReader<ReadHalf<'_>>,
    progress: &watch::Sender<Progress>,
    ask: &mpsc::UnboundedSender<(u64, Question)>,
) -> Option<(Completion, Usage)> {
    let mut text = String::new();
    while line.read_line(&mut text).await.is_ok_and(|length| length > 0) {
        match serde_json::from_str(&text) {
            Ok(Told::Completed { completion, usage }) => return Some((completion, usage)),
            Ok(Told::Progress { fraction, message }) => progress.send_modify(|progress| {
                *progress = Progress { beats: progress.beats.wrapping_add(1), fraction, message };
            }),
            Ok(Told::Asks { number, question }) => {
                ask.send((number, question)).ok()?;
            }
            Err(error) => debug!(%error, "the process of an attempt said something else"),
        }
        text.clear();
    }
    None
}

/// Tells the process how long its lease holds, so that it ends by itself when this worker hangs, and what ports answered.
async fn tell_all(
    mut line: WriteHalf<'_>,
    watched: Watched<'_>,
    mut answers: mpsc::UnboundedReceiver<Heard>,
) -> Infallible {
    let mut renewed = watched.holding.on_renewed();
    let mut next = None;
    loop {
        let heard = next.take().unwrap_or_else(|| {
            let left = renewed.borrow_and_update().saturating_duration_since(Instant::now());
            let left = left.saturating_sub(watched.margin).as_millis();
            Heard::Keep { keep_ms: u64::try_from(left).unwrap_or(u64::MAX) }
        });
        let told = match serde_json::to_vec(&heard) {
            Ok(mut text) => {
                text.push(b'\n');
                line.write_all(&text).await
            }
            Err(error) => Err(error.into()),
        };
        // What cannot be told is told by the end of the process, soon.
        if told.is_err() {
            return pending().await;
        }
        tokio::select! {
            changed = renewed.changed() => {
                if changed.is_err() {
                    return pending().await;
                }
            }
            answer = answers.recv() => next = answer,
        }
    }
}

/// Waits for the end of the process; asks the group to stop, and makes it, when that is wanted.
async fn supervise(
    child: &mut Child,
    group: &Group,
    watched: Watched<'_>,
    usage: &mut Usage,
) -> io::Result<ExitStatus> {
    let Watched { holding, kill_grace, .. } = watched;
    let id = child.id();
    let mut looks = interval_at(Instant::now() + FIRST_USAGE, USAGE_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut killed_at = None;
    let mut is_made = false;
    loop {
        tokio::select! {
            biased;
            status = child.wait() => return status,
            () = holding.made.cancelled(), if !is_made => {
                is_made = true;
                group.signal(Signal::KILL);
            }
            () = holding.asked.cancelled(), if killed_at.is_none() => {
                killed_at = Some(Instant::now() + kill_grace);
                group.signal(Signal::TERM);
            }
            () = sleep_until(killed_at.unwrap_or_else(Instant::now)), if killed_at.is_some() && !is_made => {
                is_made = true;
                group.signal(Signal::KILL);
            }
            _ = looks.tick() => {
                if let Some(now) = id.and_then(Usage::of_tree) {
                    *usage = usage.max(now);
                }
            }
        }
    }
}
