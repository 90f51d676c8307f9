use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::value::RawValue;

/// Remembers what the workers got, by the id of the job. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness(Arc<Mutex<HashMap<i64, Vec<Box<RawValue>>>>>);

impl Witness {
    pub(crate) fn note(&self, id: i64, args: Box<RawValue>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(id).or_default().push(args);
    }

    /// Returns the args of this job, once for each time that it was worked.
    pub(crate) fn saw(&self, id: i64) -> Vec<Box<RawValue>> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&id).cloned().unwrap_or_default()
    }
}
