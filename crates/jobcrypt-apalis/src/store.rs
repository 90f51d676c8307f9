use apalis_core::{
    backend::{Backend, BackendConfig, WireFormatBackend},
    task::Task,
};
use futures_util::Sink;

use crate::refusal::Refuse;

/// A backend of apalis' in which a job can be put off, or aside, without a worker: its SQLite, PostgreSQL
/// and Redis storages are, by the features of this crate.
///
/// apalis' own traits cannot say that: what they offer counts an attempt, or leaves a job that no worker
/// fetches again.
pub trait Store:
    Backend<Task = Task<Vec<u8>>>
    + BackendConfig
    + WireFormatBackend<Compact = Vec<u8>>
    + Sink<Task<Vec<u8>>, Error = <Self as Backend>::Error>
    + Unpin
    + is_ours::IsOurs
{
    /// Keeps jobs in the queue of this name.
    #[doc(hidden)]
    #[must_use]
    fn in_queue(self, kind: &str) -> Self;

    /// Returns what writes a refusal into the store.
    #[doc(hidden)]
    fn refuse(&self) -> Refuse;
}

/// Only this crate can say what a refused job looks like in a store.
pub(crate) mod is_ours {
    pub trait IsOurs {}
}
