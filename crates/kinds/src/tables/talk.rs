//! What a kind tells people: the log of its task.

use std::io::Write;

use tidemill_task::{Isolation, TaskContext};

/// Writes lines to the log of the task, where the process is the attempt's alone.
pub(crate) fn say(context: &TaskContext, lines: impl IntoIterator<Item = impl AsRef<str>>) {
    if context.isolation() != Isolation::Process {
        return;
    }
    let mut out = std::io::stdout().lock();
    for line in lines {
        // A log that nobody reads any more stops no work.
        writeln!(out, "{}", line.as_ref()).ok();
    }
    out.flush().ok();
}
