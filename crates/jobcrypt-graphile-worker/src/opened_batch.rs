use std::marker::PhantomData;

use graphile_worker::{
    BatchTaskHandler, BatchTaskResult, IntoBatchTaskHandlerResult, WorkerContext,
};
use jobcrypt_core::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};
use serde_json::Value;

use crate::{failure::Failure, opened_job::with_payload, opening::Opening, refusal};

/// Stands where `T` would as the handler of its batch jobs. graphile_worker writes items that failed back
/// as they were stored, and those it takes from before this handler: sealed.
pub(crate) struct OpenedBatch<T>(PhantomData<fn() -> T>);

impl<T: BatchTaskHandler> BatchTaskHandler for OpenedBatch<T> {
    const IDENTIFIER: &'static str = T::IDENTIFIER;

    async fn run_batch(_: Vec<Self>, context: WorkerContext) -> impl IntoBatchTaskHandlerResult {
        run::<T>(context).await
    }
}

async fn run<T: BatchTaskHandler>(context: WorkerContext) -> BatchTaskResult<Failure> {
    let (opening, args, was_sealed) = match open_each::<T>(&context).await {
        Ok(opened) => opened,
        Err(error) => {
            return BatchTaskResult::FailAll(refusal::refuse(&context, &error).await);
        }
    };
    let args = Value::Array(args);
    let Ok(items) = Vec::<T>::deserialize(&args) else {
        return BatchTaskResult::FailAll(Failure::of_args(T::IDENTIFIER));
    };
    let words = opening.words(T::IDENTIFIER, was_sealed);
    let attempt = T::run_batch(items, with_payload(&context, args));
    let result = words.run(attempt).await;
    let failure = |error: &_| Failure::of_handler(words, error);
    match result.into_batch_task_handler_result() {
        BatchTaskResult::Complete => BatchTaskResult::Complete,
        BatchTaskResult::FailAll(error) => BatchTaskResult::FailAll(failure(&error)),
        BatchTaskResult::ItemResults(results) => BatchTaskResult::ItemResults(
            results
                .into_iter()
                .map(|result| result.map_err(|error| failure(&error)))
                .collect(),
        ),
    }
}

/// Opens all items before one of them is worked: the job is whole, or refused whole. Returns what opened them, them,
/// and whether any was sealed.
async fn open_each<T: BatchTaskHandler>(
    context: &WorkerContext,
) -> Result<(&Opening, Vec<Value>, bool), Error> {
    let opening = Opening::of(context)?;
    let (mut args, mut is_any_sealed) = (Vec::new(), false);
    for item in context.payload().as_array().into_iter().flatten() {
        let opened = opening.open(T::IDENTIFIER, item).await?;
        args.push(opened.args);
        is_any_sealed |= opened.was_sealed;
    }
    Ok((opening, args, is_any_sealed))
}

impl<'de, T> Deserialize<'de> for OpenedBatch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer)?;
        Ok(Self(PhantomData))
    }
}

/// A handler must have it; nobody enqueues this one.
impl<T> Serialize for OpenedBatch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}
