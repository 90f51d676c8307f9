use std::{cell::Cell, panic, sync::Once};

/// Has the process not print what workers of sealed jobs say when they panic, and print where they did instead. To be called once,
/// at the start.
///
/// A panic is printed before anybody can catch it, by a hook that the whole process shares: by default on standard error, from
/// where it gets into logs. That hook is the app's, so no adapter touches it without being asked. This puts one before the hook
/// that is there, which gets all other panics as before: so install others, such as those that report panics to a service, first.
///
/// What a worker runs on another task or thread prints as before.
///
/// ```
/// jobcrypt_tower::hide_panics();
/// ```
pub fn hide_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // Neither can be read while its thread ends: then no worker is polled.
            if !IS_HIDDEN.try_with(Cell::get).unwrap_or_default() {
                return print(info);
            }
            let place = info.location().map(ToString::to_string);
            let place = place.unwrap_or_default();
            eprintln!("the worker of a sealed job panicked at {place}; its words are not printed");
        }));
    });
}

thread_local! {
    /// Whether a job that was sealed is worked on this thread just now.
    static IS_HIDDEN: Cell<bool> = const { Cell::new(false) };
}

/// While it is there, [`hide_panics`] holds for this thread.
pub(crate) struct Hidden {
    before: bool,
}

impl Hidden {
    pub(crate) fn where_it(is_sealed: bool) -> Self {
        let before = IS_HIDDEN.replace(is_sealed);
        Self { before }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        IS_HIDDEN.set(self.before);
    }
}
