use std::marker::PhantomData;

use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};
use serde_json::Value;

use crate::{
    failure::Failure,
    opening::{Opened, Opening},
    refusal,
};

/// Stands where `T` would as the handler of its jobs: graphile_worker's hooks can refuse a job before it
/// runs, but not hand its handler another payload.
pub(crate) struct OpenedJob<T>(PhantomData<fn() -> T>);

impl<T: TaskHandler> TaskHandler for OpenedJob<T> {
    const IDENTIFIER: &'static str = T::IDENTIFIER;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        run::<T>(context).await
    }
}

async fn run<T: TaskHandler>(context: WorkerContext) -> Result<(), Failure> {
    let opened = match Opening::of(&context) {
        Ok(opening) => opening
            .open(T::IDENTIFIER, context.payload())
            .await
            .map(|opened| (opening, opened)),
        Err(error) => Err(error),
    };
    let (opening, Opened { args, was_sealed }) = match opened {
        Ok(opened) => opened,
        Err(error) => return Err(refusal::refuse(&context, &error).await),
    };
    let handler = T::deserialize(&args).map_err(|_| Failure::of_args(T::IDENTIFIER))?;
    let words = opening.words(T::IDENTIFIER, was_sealed);
    let attempt = handler.run(with_payload(&context, args));
    let result = words.run(attempt).await;
    result
        .into_task_handler_result()
        .map_err(|error| Failure::of_handler(words, &error))
}

/// The context that the handler gets: `payload()` is readable, `job()` stays as it is stored.
pub(crate) fn with_payload(context: &WorkerContext, payload: Value) -> WorkerContext {
    WorkerContext::builder()
        .payload(payload)
        .database(context.database().clone())
        .schema(context.schema().clone())
        .job(context.job().clone())
        .worker_id(context.worker_id())
        .extensions(context.extensions().clone())
        .task_details(context.task_details().clone())
        .use_local_time(context.use_local_time())
        .build()
}

/// Reads whatever is stored; what counts is read from the context, once it is opened.
impl<'de, T> Deserialize<'de> for OpenedJob<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer)?;
        Ok(Self(PhantomData))
    }
}

/// A handler must have it; nobody enqueues this one.
impl<T> Serialize for OpenedJob<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}
