//! Memory that a thread keeps from one job to the next, so that sealing and opening allocate nothing
//! but what they return. It grows to what ordinary jobs need, and no further.

use std::{cell::Cell, thread::LocalKey};

use zeroize::{Zeroize, Zeroizing};

type Slot = LocalKey<Cell<Vec<u8>>>;

thread_local! {
    static CIPHERTEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static CONTEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static PLAINTEXT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A job of a megabyte must not pin a megabyte in each thread.
const MOST_KEPT: usize = 128 * 1024;

/// Lends an empty buffer for what may be seen by anyone. Wiped after a failure: an encryptor that works in
/// place may have left plaintext in it.
pub(crate) fn for_ciphertext<T, E>(
    use_it: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
) -> Result<T, E> {
    let mut buffer = Zeroizing::new(CIPHERTEXT.take());
    let result = use_it(&mut buffer);
    if result.is_err() {
        buffer.as_mut_slice().zeroize();
    }
    buffer.clear();
    give_back(&CIPHERTEXT, std::mem::take(&mut *buffer));
    result
}

/// Lends an empty buffer for a context.
pub(crate) fn for_context<T>(use_it: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    // Taken, not borrowed: an encryptor that seals another job on the way finds an empty slot.
    let mut buffer = CONTEXT.take();
    let result = use_it(&mut buffer);
    buffer.clear();
    give_back(&CONTEXT, buffer);
    result
}

/// Lends an empty buffer with room for `len` bytes of plaintext, and wipes it afterwards, whatever
/// happens. It must not grow: what a `Vec` leaves behind when it grows is not wiped.
pub(crate) fn for_plaintext<T>(len: usize, use_it: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut buffer = Zeroizing::new(PLAINTEXT.take());
    buffer.reserve(len);
    let result = use_it(&mut buffer);
    buffer.as_mut_slice().zeroize();
    buffer.clear();
    give_back(&PLAINTEXT, std::mem::take(&mut *buffer));
    result
}

fn give_back(slot: &'static Slot, buffer: Vec<u8>) {
    if buffer.capacity() <= MOST_KEPT {
        slot.set(buffer);
    }
}
