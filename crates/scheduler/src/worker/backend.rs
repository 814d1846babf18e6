//! The queue as apalis sees it: claims that are ours already, one by one.
//!
//! apalis' worker asks a backend in its poll loop, drops what runs when the backend fails, and asks nothing while it
//! shuts down. So nothing here can fail or wait for the database: claims come from a task of their own
//! ([`Claimer`](super::claimer::Claimer)), leases are renewed by another, and the end of the feed is the shutdown.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use apalis::prelude::{Backend, Task, WorkerContext};
use apalis_core::backend::BackendConfig;
use apalis_core::backend::finalize::Ephemeral;
use apalis_core::layers::Identity;
use tokio::sync::mpsc::UnboundedReceiver;

use super::claimer::Taken;

/// Claims that wait to be started. Clones share them, so that a worker that apalis restarts goes on where it was.
#[derive(Clone, Debug)]
pub(super) struct Feed(Arc<Mutex<UnboundedReceiver<Taken>>>);

impl Feed {
    pub(super) fn new(taken: UnboundedReceiver<Taken>) -> Self {
        Self(Arc::new(Mutex::new(taken)))
    }
}

impl Backend for Feed {
    type Task = Task<Taken>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = std::task::ready!(taken.poll_recv(cx));
        if next.is_none() {
            // apalis finishes what runs at the end of a backend, and then waits for this word.
            worker.stop().ok();
        }
        Poll::Ready(next.map(|taken| Ok(Task::new(taken))))
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Feed {
    type Args = Taken;
    type Id = String;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &Self::Config {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Self::Layer {
        Identity::new()
    }
}
