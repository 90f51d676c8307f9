use std::{
    error::Error as StdError,
    pin::Pin,
    task::{Context, Poll},
};

use apalis_core::{
    backend::{Backend, TaskSink, TaskSinkError, codec::Codec},
    task::Task,
};
use futures_util::{Sink, SinkExt, Stream, StreamExt, stream};
use zeroize::Zeroizing;

use crate::{EncryptBackend, Sealing, StorageError, Store};

type Failed<B> = TaskSinkError<StorageError<<B as Backend>::Error>>;

/// Typed args go in as into the store itself: `push`, `push_bulk`, `push_stream`, `push_task`, `push_all`.
///
/// Of `push_bulk`, nothing is stored where one job cannot be sealed; a stream is stored up to that job.
impl<B, A> TaskSink<A, Sealing> for EncryptBackend<B>
where
    B: Store<Args = A> + Send,
    A: Send,
    B::Codec: Codec<A, Compact = Vec<u8>> + Sync,
    <B::Codec as Codec<A>>::Error: StdError + Send + Sync + 'static,
    <B as Backend>::Error: Send,
{
    fn start_send(self: Pin<&mut Self>, task: Task<A>) -> Result<(), Failed<B>> {
        let this = self.get_mut();
        let task = task.try_map_args(|args| this.encode(&args))?;
        this.send_sealed(task)
    }

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Failed<B>>> {
        Sink::poll_ready(self, context).map_err(TaskSinkError::PushError)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Failed<B>>> {
        Sink::poll_flush(self, context).map_err(TaskSinkError::PushError)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Failed<B>>> {
        Sink::poll_close(self, context).map_err(TaskSinkError::PushError)
    }

    async fn push(&mut self, args: A) -> Result<(), Failed<B>> {
        self.push_task(Task::new(args)).await
    }

    async fn push_bulk(&mut self, args: Vec<A>) -> Result<(), Failed<B>> {
        let jobs = args
            .iter()
            .map(|args| self.encode(args))
            .collect::<Result<_, _>>()?;
        let sealed = self.opening.seal_all(jobs).map_err(StorageError::Seal)?;
        let mut tasks = stream::iter(sealed.into_iter().map(Task::new).map(Ok));
        let sent = self.store.send_all(&mut tasks).await;
        Ok(sent.map_err(StorageError::Store)?)
    }

    async fn push_stream(
        &mut self,
        args: impl Stream<Item = A> + Unpin + Send,
    ) -> Result<(), Failed<B>> {
        self.push_all(args.map(Task::new)).await
    }

    async fn push_task(&mut self, task: Task<A>) -> Result<(), Failed<B>> {
        let task = task.try_map_args(|args| self.encode(&args))?;
        self.send_sealed(task)?;
        self.flush().await.map_err(TaskSinkError::PushError)
    }

    async fn push_all(
        &mut self,
        mut tasks: impl Stream<Item = Task<A>> + Unpin + Send,
    ) -> Result<(), Failed<B>> {
        /// Stores keep what is sent in memory until it is flushed.
        const FLUSHED_AT_ONCE: usize = 1000;

        let mut stored = Ok(());
        let mut sent = 0;
        while let Some(task) = tasks.next().await {
            let task = task.try_map_args(|args| self.encode(&args));
            stored = task.and_then(|task| self.send_sealed(task));
            if stored.is_err() {
                break;
            }
            sent += 1;
            if sent % FLUSHED_AT_ONCE == 0 {
                self.flush().await.map_err(TaskSinkError::PushError)?;
            }
        }
        self.flush().await.map_err(TaskSinkError::PushError)?;
        stored
    }
}

impl<B: Store> EncryptBackend<B> {
    fn encode<A>(&self, args: &A) -> Result<Zeroizing<Vec<u8>>, Failed<B>>
    where
        B::Codec: Codec<A, Compact = Vec<u8>>,
        <B::Codec as Codec<A>>::Error: StdError + Send + Sync + 'static,
    {
        let json = self.store.codec().encode(args);
        let json = json.map_err(|error| TaskSinkError::CodecError(error.into()))?;
        Ok(Zeroizing::new(json))
    }

    fn send_sealed(&mut self, task: Task<Zeroizing<Vec<u8>>>) -> Result<(), Failed<B>> {
        let task = self.opening.hide_unique_key(task);
        let sealed = task.and_then(|task| task.try_map_args(|json| self.opening.seal(json)));
        let sealed = sealed.map_err(StorageError::Seal)?;
        let sent = self.store.start_send_unpin(sealed);
        Ok(sent.map_err(StorageError::Store)?)
    }
}
