//! An attempt in a process of its own: what the worker and that process tell each other, and the process' side of it.
//!
//! The standard input of the process is one end of a pair of sockets. The worker sends an [`Assignment`] in a line of
//! JSON, and then, in lines of [`Heard`], how long the attempt still holds its lease, and what ports answered; the process
//! speaks in lines of [`Told`]. When the worker dies its end closes, and when it hangs the lease runs out: the process kills its whole
//! group then. So nothing that an attempt started outlives its claim, whatever becomes of the worker.

use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{
    Signal, getpgrp, getpid, kill_process, kill_process_group, set_parent_process_death_signal,
};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::assignment::{Assignment, Completion};
use crate::execute::execute;
use crate::kind::Isolation;
use crate::progress::Progress;
use crate::questions::{Answer, Line, Question};
use crate::registry::Registry;
use crate::services::Services;
use crate::usage::Usage;

/// How often signs of life are told at most.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// What the process of an attempt tells its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    /// It is alive.
    Progress {
        /// How far it is.
        fraction: Option<f64>,
        /// What it does.
        message: String,
    },
    /// It calls a port of the worker.
    Asks {
        /// Tells its questions apart.
        number: u64,
        /// The call.
        question: Question,
    },
    /// It is done; nothing follows.
    Completed {
        /// What it came to.
        completion: Completion,
        /// What it cost.
        usage: Usage,
    },
}

/// What a worker tells the process of an attempt, after the assignment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "heard", rename_all = "snake_case")]
pub enum Heard {
    /// The lease was renewed.
    Keep {
        /// How long the work may go on without another such line.
        keep_ms: u64,
    },
    /// A port answered.
    Answer {
        /// The number of the question.
        number: u64,
        /// The answer.
        answer: Answer,
    },
}

/// A process of an attempt that cannot do its part.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The worker is not at the other end of the standard input.
    #[error("read what to do from standard input, which a worker must have prepared")]
    Read {
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// What it sent is not an assignment.
    #[error("understand what to do")]
    Assignment {
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The process could not be set up.
    #[error("set up the process of an attempt")]
    SetUp {
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Runs the attempt that a worker sends on standard input, and tells it what came of it.
///
/// The process must be the attempt's alone: it ends with its worker, and SIGTERM asks it to stop.
pub async fn attend(registry: &Registry, services: Services) -> Result<(), ChildError> {
    let set_up = |source: io::Error| ChildError::SetUp { source };
    set_parent_process_death_signal(Some(Signal::TERM)).map_err(|error| set_up(error.into()))?;
    let mut asked_to_stop = signal(SignalKind::terminate()).map_err(set_up)?;
    let line = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from).map_err(set_up)?;
    let reader = line.try_clone().map_err(set_up)?;
    let (tell, writer) = speak(line);
    let ports = Arc::new(Line::new(tell.clone(), services.cancel.clone()));
    let assignment = receive(reader, Arc::clone(&ports))?;
    let services = Services {
        isolation: Isolation::Process,
        runs: Arc::clone(&ports) as _,
        datasets: ports,
        ..services
    };
    let told = tokio::spawn(tell_progress(services.progress.subscribe(), tell.clone()));
    let cancel = services.cancel.clone();
    let stop = async {
        asked_to_stop.recv().await;
        cancel.cancel();
        std::future::pending::<Infallible>().await
    };
    let completion = tokio::select! {
        completion = execute(registry, assignment, services) => completion,
        never = stop => match never {},
    };
    told.abort();
    // A worker that is gone hears nothing; the socket's end has told us already.
    drop(told.await);
    tell.send(Told::Completed { completion, usage: Usage::of_this_process() }).ok();
    writer.join().ok();
    Ok(())
}

/// Reads the assignment, and from then on waits for the end of the worker, on a thread that no computation can delay.
fn receive(line: UnixStream, ports: Arc<Line>) -> Result<Assignment, ChildError> {
    let mut reader = BufReader::new(line);
    let mut text = String::new();
    reader.read_line(&mut text).map_err(|source| ChildError::Read { source })?;
    let assignment =
        serde_json::from_str(&text).map_err(|source| ChildError::Assignment { source })?;
    std::thread::spawn(move || {
        keep(&mut reader, &ports);
        end_all();
    });
    Ok(assignment)
}

/// Returns when the worker is gone, or when the lease has run out.
fn keep(reader: &mut BufReader<UnixStream>, ports: &Line) {
    let mut text = String::new();
    let mut ends_at = None;
    while reader.read_line(&mut text).is_ok_and(|length| length > 0) {
        match serde_json::from_str(&text) {
            Ok(Heard::Keep { keep_ms }) => {
                ends_at = Some(Instant::now() + Duration::from_millis(keep_ms));
            }
            Ok(Heard::Answer { number, answer }) => ports.answered(number, answer),
            Err(_) => {}
        }
        text.clear();
        // An answer renews nothing: what is left of the lease is what may be waited for.
        let left = ends_at.map(|end| end.saturating_duration_since(Instant::now()));
        // No timeout is not what 0 should mean.
        let left = left.map(|left| left.max(Duration::from_millis(1)));
        if reader.get_ref().set_read_timeout(left).is_err() {
            return;
        }
    }
}

/// Kills this process with all that it started.
fn end_all() {
    let this = getpid();
    // Started by hand it is in somebody else's group, which is spared.
    let killed = if getpgrp() == this {
        kill_process_group(this, Signal::KILL)
    } else {
        kill_process(this, Signal::KILL)
    };
    killed.ok();
}

/// Writes lines on a thread of its own, so that a computing runtime delays none.
fn speak(mut line: UnixStream) -> (mpsc::Sender<Told>, JoinHandle<()>) {
    let (tell, told) = mpsc::channel::<Told>();
    let writer = std::thread::spawn(move || {
        for message in told {
            let Ok(mut text) = serde_json::to_vec(&message) else { continue };
            text.push(b'\n');
            // Ports hold on to this channel for as long as the process lives.
            let is_last = matches!(message, Told::Completed { .. });
            if line.write_all(&text).is_err() || is_last {
                return;
            }
        }
    });
    (tell, writer)
}

async fn tell_progress(mut progress: watch::Receiver<Progress>, tell: mpsc::Sender<Told>) {
    let mut pace = tokio::time::interval(PROGRESS_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while progress.changed().await.is_ok() {
        let Progress { fraction, message, .. } = progress.borrow_and_update().clone();
        if tell.send(Told::Progress { fraction, message }).is_err() {
            return;
        }
        pace.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidemill_dag::advance::Verdict;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::Manifest;

    #[test]
    fn a_lease_that_is_not_renewed_ends_the_wait_and_no_answer_renews_it() {
        let (worker, process) = UnixStream::pair().unwrap();
        let mut worker = worker;
        writeln!(worker, r#"{{"heard":"keep","keep_ms":60000}}"#).unwrap();
        writeln!(worker, r#"{{"heard":"keep","keep_ms":1}}"#).unwrap();
        writeln!(worker, r#"{{"heard":"answer","number":0,"answer":{{"names":[]}}}}"#).unwrap();
        let ports = Line::new(mpsc::channel().0, CancellationToken::new());

        // It returns although the worker's end is open.
        keep(&mut BufReader::new(process), &ports);

        drop(worker);
    }

    #[test]
    fn what_is_told_reads_back_from_one_line() {
        let verdict = Verdict::Succeeded { output: Arc::new(json!("two\nlines")) };
        let completion = Completion { verdict, manifest: Manifest::default() };
        let told = Told::Completed { completion, usage: Usage::of_this_process() };

        let line = serde_json::to_string(&told).unwrap();

        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Told>(&line).unwrap(), told);
    }
}
