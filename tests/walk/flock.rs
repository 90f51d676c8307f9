use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Which jobs were enqueued and how often each was worked.
pub(crate) struct Flock {
    worked: Mutex<Vec<u32>>,
    enqueued: watch::Sender<u64>,
    finished: watch::Sender<u64>,
}

impl Flock {
    pub(crate) fn new() -> Self {
        Self {
            worked: Mutex::default(),
            enqueued: watch::Sender::new(0),
            finished: watch::Sender::new(0),
        }
    }

    pub(crate) fn note_enqueued(&self, count: u64) {
        self.enqueued.send_modify(|enqueued| *enqueued += count);
    }

    pub(crate) fn note_worked(&self, number: u64) {
        let place = usize::try_from(number).expect("the numbers are small");
        let mut worked = self.worked();
        if worked.len() <= place {
            worked.resize(place + 1, 0);
        }
        worked[place] += 1;
        self.finished.send_modify(|finished| *finished += 1);
    }

    pub(crate) fn enqueued(&self) -> u64 {
        *self.enqueued.borrow()
    }

    pub(crate) async fn until_enqueued(&self, count: u64) {
        let mut enqueued = self.enqueued.subscribe();
        let reached = enqueued.wait_for(|enqueued| *enqueued >= count).await;
        reached.expect("the flock holds the other end");
    }

    /// Waits until as many jobs were worked as were enqueued.
    pub(crate) async fn until_all_worked(&self) {
        let mut finished = self.finished.subscribe();
        let all = self.enqueued();
        let reached = finished.wait_for(|finished| *finished >= all).await;
        reached.expect("the flock holds the other end");
    }

    /// How many jobs were lost, and how many were worked more than once.
    pub(crate) fn lost_and_doubled(&self) -> (u64, usize) {
        let worked = self.worked();
        let once = worked.iter().filter(|times| **times > 0).count();
        let doubled = worked.iter().filter(|times| **times > 1).count();
        (self.enqueued() - once as u64, doubled)
    }

    fn worked(&self) -> MutexGuard<'_, Vec<u32>> {
        self.worked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
