use std::{
    error::Error as StdError,
    fmt,
    marker::PhantomData,
    task::{Context, Poll, ready},
};

use apalis_core::{
    backend::{Backend, BackendConfig, WireFormatBackend, codec::Codec, finalize::FinalizeBackend},
    task::Task,
    worker::context::WorkerContext,
};
use futures_util::FutureExt;
use jobcrypt_core::{Error, ErrorKind};
use zeroize::Zeroizing;

use crate::{opening::Opened, refusal::UnderWay};

/// What apalis calls the kind of a backend: how its jobs get from their stored form to a handler's args.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sealing;

impl<B: BackendConfig + WireFormatBackend, A> FinalizeBackend<B, A> for Sealing {
    type Backend = OpenedBackend<B, A>;

    fn finalize(backend: B) -> Self::Backend {
        OpenedBackend {
            backend,
            under_way: UnderWay::default(),
            args: PhantomData,
        }
    }
}

/// What a worker polls: opened jobs, decoded into the args of its handler.
///
/// Args that do not fit the handler's type end apalis' own worker. Here that job is parked.
pub struct OpenedBackend<B, A> {
    backend: B,
    under_way: UnderWay,
    args: PhantomData<fn() -> A>,
}

impl<B, A> Backend for OpenedBackend<B, A>
where
    B: Backend<Task = Task<Vec<u8>>> + WireFormatBackend,
    B::Codec: Codec<A, Compact = Vec<u8>>,
    <B::Codec as Codec<A>>::Error: StdError + 'static,
{
    type Task = Task<A>;
    type Error = B::Error;

    fn poll_ready(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        self.backend.poll_ready(context, worker)
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        loop {
            while let Poll::Ready(Some(_)) = self.under_way.poll(context) {}
            if self.under_way.len() >= UnderWay::MOST {
                return Poll::Pending;
            }
            let task = match ready!(self.backend.poll_next(context, worker)) {
                Some(Ok(task)) => task,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            };
            let (json, execution) = task.take();
            let json = Zeroizing::new(json);
            match self.backend.codec().decode(&json) {
                Ok(args) => return Poll::Ready(Some(Ok(Task::new_with_ctx(args, execution)))),
                Err(_) => self.park(Task::new_with_ctx((), execution), worker),
            }
        }
    }

    fn poll_close(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        while ready!(self.under_way.poll(context)).is_some() {}
        self.backend.poll_close(context, worker)
    }
}

impl<B, A> OpenedBackend<B, A> {
    /// What serde says stays unsaid: it quotes the args.
    fn park(&mut self, task: Task<()>, worker: &WorkerContext) {
        let Some(Opened { opening, .. }) = task.data().get::<Opened>().cloned() else {
            return;
        };
        let worker = worker.name().to_owned();
        let parking = async move {
            let error = Error::new(
                ErrorKind::Malformed,
                "the args do not fit the type of the handler",
            );
            opening.refuse(&task, worker, &error).await;
            None
        };
        self.under_way.push(parking.boxed());
    }
}

impl<B: BackendConfig, A> BackendConfig for OpenedBackend<B, A> {
    type Args = A;
    type Id = B::Id;
    type Kind = Sealing;
    type Config = B::Config;
    type Layer = B::Layer;

    fn config(&self) -> &Self::Config {
        self.backend.config()
    }

    fn middleware(&mut self, worker: &mut WorkerContext) -> Self::Layer {
        self.backend.middleware(worker)
    }
}

impl<B, A> fmt::Debug for OpenedBackend<B, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpenedBackend")
            .finish_non_exhaustive()
    }
}
