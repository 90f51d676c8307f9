//! Waits until it is time to look at a source again: an interval has passed or, on Linux, something in
//! its folder has changed.

use std::{path::PathBuf, sync::mpsc, time::Duration};

#[cfg(target_os = "linux")]
pub(crate) use linux::Watch;
#[cfg(not(target_os = "linux"))]
pub(crate) use poll::Watch;

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::Arc;

    use rustix::{
        event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
        fd::OwnedFd,
        fs::inotify::{self, CreateFlags, WatchFlags},
    };

    use super::{Duration, PathBuf, mpsc};

    /// inotify on one folder, and a descriptor that wakes the thread to be stopped.
    #[derive(Clone)]
    pub(crate) struct Watch {
        changes: Option<Arc<OwnedFd>>,
        wake: Option<Arc<OwnedFd>>,
    }

    /// Files are moved into place by whoever writes them with care, and written in place by others.
    const CHANGES: WatchFlags = WatchFlags::MOVED_TO
        .union(WatchFlags::MOVED_FROM)
        .union(WatchFlags::CLOSE_WRITE)
        .union(WatchFlags::DELETE)
        .union(WatchFlags::ATTRIB);

    impl Watch {
        /// Watches the folder, as far as the system lets it; what it does not notice, the interval does.
        pub(crate) fn of(folder: Option<PathBuf>) -> Self {
            let changes = folder.and_then(|folder| {
                let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
                inotify::add_watch(&queue, folder, CHANGES).ok()?;
                Some(Arc::new(queue))
            });
            let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).ok();
            Self {
                changes,
                wake: wake.map(Arc::new),
            }
        }

        /// Returns whether to look at the source; `false` once `stopped` is closed.
        pub(crate) fn wait(&self, interval: Duration, stopped: &mpsc::Receiver<()>) -> bool {
            let Some(wake) = &self.wake else {
                let waited = stopped.recv_timeout(interval);
                return waited == Err(mpsc::RecvTimeoutError::Timeout);
            };
            let mut polled = vec![PollFd::new(&**wake, PollFlags::IN)];
            if let Some(changes) = &self.changes {
                polled.push(PollFd::new(&**changes, PollFlags::IN));
            }
            let timeout = Timespec::try_from(interval).ok();
            // Interrupted or not, the loop comes back here.
            let _ = poll(&mut polled, timeout.as_ref());
            self.drain();
            stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected)
        }

        pub(crate) fn wake(&self) {
            if let Some(wake) = &self.wake {
                // Its counter cannot be full: it is written to once.
                let _ = rustix::io::write(&**wake, &1_u64.to_ne_bytes());
            }
        }

        /// What changed is not asked: the source is read as a whole.
        fn drain(&self) {
            let mut events = [0; 4096];
            if let Some(changes) = &self.changes {
                while rustix::io::read(&**changes, &mut events).is_ok_and(|length| length > 0) {}
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod poll {
    use super::{Duration, PathBuf, mpsc};

    #[derive(Clone)]
    pub(crate) struct Watch;

    impl Watch {
        pub(crate) fn of(_: Option<PathBuf>) -> Self {
            Self
        }

        pub(crate) fn wait(&self, interval: Duration, stopped: &mpsc::Receiver<()>) -> bool {
            stopped.recv_timeout(interval) == Err(mpsc::RecvTimeoutError::Timeout)
        }

        pub(crate) fn wake(&self) {}
    }
}
