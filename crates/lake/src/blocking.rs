//! Work that computes, off the runtime.

use tokio::task::JoinHandle;

/// Runs work that computes on a thread that may block, within the span that it is called in.
pub(crate) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let span = tracing::Span::current();
    #[expect(clippy::disallowed_methods, reason = "the span is kept here, and all work is bounded")]
    tokio::task::spawn_blocking(move || span.in_scope(work))
}
