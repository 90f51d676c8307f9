use std::future::Future;

use apalis_core::{
    backend::{Backend, TaskResult, WaitForCompletion},
    task::task_id::TaskId,
};
use futures_util::{StreamExt, stream::BoxStream};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{EncryptBackend, StorageError, Store, opening::Opening};

/// Results come opened; one that cannot be is an error of its job.
impl<B, O> WaitForCompletion<O> for EncryptBackend<B>
where
    B: Store + WaitForCompletion<Value> + Send,
    O: DeserializeOwned + Send + 'static,
    <B as Backend>::Error: Send,
{
    type ResultStream =
        BoxStream<'static, Result<TaskResult<O>, StorageError<<B as Backend>::Error>>>;

    fn wait_for(&mut self, ids: impl IntoIterator<Item = TaskId>) -> Self::ResultStream {
        let opening = self.opening.clone();
        let results = self.store.wait_for(ids);
        results
            .map(move |result| match result {
                Ok(result) => Ok(opened(&opening, result)),
                Err(error) => Err(StorageError::Store(error)),
            })
            .boxed()
    }

    fn check_status(
        &mut self,
        ids: impl IntoIterator<Item = TaskId> + Send,
    ) -> impl Future<Output = Result<Vec<TaskResult<O>>, Self::Error>> + Send {
        let opening = self.opening.clone();
        let results = self.store.check_status(ids);
        async move {
            let results = results.await.map_err(StorageError::Store)?;
            Ok(results
                .into_iter()
                .map(|result| opened(&opening, result))
                .collect())
        }
    }
}

fn opened<O: DeserializeOwned>(opening: &Opening, stored: TaskResult<Value>) -> TaskResult<O> {
    TaskResult {
        task_id: stored.task_id,
        attempt: stored.attempt,
        status: stored.status,
        result: stored.result.and_then(|result| {
            let json = opening.open_result(&result);
            let json = json.map_err(|error| error.to_string())?;
            serde_json::from_slice(&json)
                .map_err(|_| "the result is not of the type that was asked for".to_owned())
        }),
    }
}
