//! What the end of a process without a word means.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_store::ExitCause;

use super::process::ProcessEnd;
use super::report::Ending;

/// What Rust's allocator says before it aborts (`std::alloc::handle_alloc_error`).
const ALLOCATION_FAILED: &str = "memory allocation of ";

/// How the standard library prints an end by SIGKILL (`ExitStatus`).
const KILLED: &str = "signal: 9 (SIGKILL)";

/// Judges a process that ended without saying what its attempt came to, and that nobody here asked to stop.
///
/// - SIGKILL, and memory ran out meanwhile: **out of memory**. That is: the kernel's count of such kills grew, in our
///   control group or, where we have none, on the machine; or the process held all but a twentieth of what it could.
/// - SIGABRT after Rust said that it could not allocate: **out of memory**, too.
/// - a signal that a fault of the program raises (SIGSEGV, SIGABRT, …): it **failed**, with that signal.
/// - any other signal: **killed** from outside.
/// - an exit code: it **failed**.
///
/// What is not the task's own fault (out of memory, killed) is tried again from the budget for losses.
pub(crate) fn judge(end: &ProcessEnd) -> Ending {
    let usage = Some(end.usage);
    let given_up = |cause, error: &str| Ending::GivenUp { cause, error: error.to_owned(), usage };
    let crashed = |how: String| {
        let words = end.last_words.trim_end();
        let words =
            if words.is_empty() { String::new() } else { format!(", after saying:\n{words}") };
        let verdict = Verdict::Failed {
            error: format!("run in a process of its own: {how}{words}"),
            retry: Retry::MayHelp,
        };
        Ending::Finished { verdict, artifacts: Vec::new(), cause: None, usage }
    };
    let Some(signal) = end.status.signal() else {
        return crashed(format!("it ended with {} before it said what came of it", end.status));
    };
    let is = |named: Signal| signal == named.as_raw();
    let is_fault =
        [Signal::SEGV, Signal::ABORT, Signal::BUS, Signal::ILL, Signal::FPE, Signal::SYS]
            .into_iter()
            .any(is);
    let no_memory = "the memory ran out";
    match is_fault {
        _ if is(Signal::KILL) && end.has_memory_run_out => {
            given_up(ExitCause::OutOfMemory, no_memory)
        }
        true if is(Signal::ABORT) && end.last_words.contains(ALLOCATION_FAILED) => {
            given_up(ExitCause::OutOfMemory, no_memory)
        }
        true => crashed(format!("it crashed ({})", end.status)),
        false => {
            given_up(ExitCause::Killed, &format!("something ended its process ({})", end.status))
        }
    }
}

/// Judges a process that said that its attempt failed: a program that it started may have been killed for lack of
/// memory, which it tells as any other end by SIGKILL, while the kernel's count says why.
pub(crate) fn judge_failure(end: &ProcessEnd) -> Option<Ending> {
    let completion = end.completion.as_ref()?;
    let Verdict::Failed { error, .. } = &completion.verdict else {
        return None;
    };
    let is_out_of_memory = end.has_memory_run_out && error.contains(KILLED);
    is_out_of_memory.then(|| Ending::GivenUp {
        cause: ExitCause::OutOfMemory,
        error: format!("the memory ran out: {error}"),
        usage: Some(end.usage),
    })
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use tidemill_task::{Completion, Manifest, Usage};

    use super::*;

    fn end(raw_status: i32, has_memory_run_out: bool, last_words: &str) -> String {
        let end = ProcessEnd {
            completion: None,
            status: ExitStatus::from_raw(raw_status),
            usage: Usage::default(),
            has_memory_run_out,
            last_words: last_words.to_owned(),
        };
        match judge(&end) {
            Ending::Finished { verdict: Verdict::Failed { error, .. }, .. } => error,
            Ending::GivenUp { cause, error, .. } => format!("{}: {error}", cause.label()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_kill_is_the_lack_of_memory_only_where_memory_ran_out() {
        assert_eq!(end(9, true, ""), "out_of_memory: the memory ran out");
        assert_eq!(end(9, false, ""), "killed: something ended its process (signal: 9 (SIGKILL))");
        assert_eq!(end(15, true, ""), "killed: something ended its process (signal: 15 (SIGTERM))");
    }

    #[test]
    fn a_program_that_was_killed_lacked_memory_only_where_memory_ran_out() {
        let verdict = Verdict::Failed {
            error: format!("run `python3`: it ended with {}", ExitStatus::from_raw(9)),
            retry: Retry::MayHelp,
        };
        let mut end = ProcessEnd {
            completion: Some(Completion { verdict, manifest: Manifest::default() }),
            status: ExitStatus::from_raw(0),
            usage: Usage::default(),
            has_memory_run_out: false,
            last_words: String::new(),
        };

        assert_eq!(judge_failure(&end), None);
        end.has_memory_run_out = true;
        let ending = judge_failure(&end);

        assert!(matches!(ending, Some(Ending::GivenUp { cause: ExitCause::OutOfMemory, .. })));
    }

    #[test]
    fn an_abort_is_the_lack_of_memory_where_the_allocator_said_so() {
        let words = "memory allocation of 1073741824 bytes failed\n";

        assert_eq!(end(6, false, words), "out_of_memory: the memory ran out");
        assert_eq!(
            end(6, false, "assertion failed\n"),
            "run in a process of its own: it crashed (signal: 6 (SIGABRT)), after saying:\nassertion failed"
        );
    }

    #[test]
    fn an_exit_without_a_word_is_a_failure_with_its_code() {
        assert_eq!(
            end(3 << 8, true, ""),
            "run in a process of its own: it ended with exit status: 3 before it said what came of it"
        );
    }
}
