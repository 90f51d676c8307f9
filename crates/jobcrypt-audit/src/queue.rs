//! The way of lines from those who work jobs to the one who writes: short, bounded, and never blocked by the disk.

use std::{
    collections::VecDeque,
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    time::{Duration, Instant},
};

/// A line on its way, without its end, and where to say that it is kept.
pub(crate) struct Item {
    pub(crate) line: String,
    pub(crate) kept: Option<mpsc::Sender<io::Result<()>>>,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    has_items: Condvar,
    has_room: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    lost: u64,
    is_closed: bool,
    /// Whether nobody writes any more.
    has_ended: bool,
}

/// What the writer takes at once.
pub(crate) struct Taken {
    pub(crate) items: VecDeque<Item>,
    pub(crate) lost: u64,
    pub(crate) is_closed: bool,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            has_items: Condvar::new(),
            has_room: Condvar::new(),
            capacity,
        }
    }

    /// Puts an item at the end, waiting for room no longer than `patience`. Returns whether it has a place; if not, it
    /// is counted as lost.
    pub(crate) fn push(&self, item: Item, patience: Duration) -> bool {
        let begin = Instant::now();
        let mut state = self.state();
        while state.has_ended || state.items.len() >= self.capacity {
            if state.has_ended {
                state.lost += 1;
                return false;
            }
            let left = patience.saturating_sub(begin.elapsed());
            if left.is_zero() {
                state.lost += 1;
                return false;
            }
            (state, _) = self
                .has_room
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.items.push_back(item);
        self.has_items.notify_one();
        true
    }

    /// Takes all items, once there is one or the queue is closed.
    pub(crate) fn take(&self) -> Taken {
        let mut state = self
            .has_items
            .wait_while(self.state(), |state| {
                state.items.is_empty() && state.lost == 0 && !state.is_closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        self.has_room.notify_all();
        Taken {
            items: std::mem::take(&mut state.items),
            lost: std::mem::take(&mut state.lost),
            is_closed: state.is_closed,
        }
    }

    /// Whether the queue is closed, or will be within `patience`: returns as soon as it is.
    pub(crate) fn is_closed_within(&self, patience: Duration) -> bool {
        let (state, _) = self
            .has_items
            .wait_timeout_while(self.state(), patience, |state| !state.is_closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.is_closed
    }

    /// Says that nobody writes any more, to those who wait for it or for room.
    pub(crate) fn end(&self) {
        self.state().has_ended = true;
        self.has_room.notify_all();
    }

    /// Whether nobody writes any more, or will within `patience`: returns as soon as it is so.
    pub(crate) fn has_ended_within(&self, patience: Duration) -> bool {
        let (state, _) = self
            .has_room
            .wait_timeout_while(self.state(), patience, |state| !state.has_ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.has_ended
    }

    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.has_items.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody who panicked with the lock left half a change behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
