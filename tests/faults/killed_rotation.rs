//! A rotation that is killed at each of its steps.

use crate::{command::killed_at, fault::Fault, repository::Repository};

pub(crate) const FAULTS: &[Fault] = &[Fault {
    what: "`kill -9` at every system call by which a rotation writes, in both layouts",
    outcome: "every key is there, one of them is the primary; the next rotation completes this one and the repository is sound",
    happens: at_every_write,
}];

/// By which the command changes something.
const WRITES: [&str; 6] = ["fchmod", "flock", "fsync", "renameat", "unlinkat", "write"];

fn at_every_write() {
    let mut kills = 0;
    for layout in Repository::LAYOUTS {
        for syscall in WRITES {
            for nth in 1.. {
                let repository = Repository::new(layout);
                let before = repository.states();
                let ended = killed_at(syscall, nth, &repository.rotation());
                repository.must_have_all_of(&before);
                repository.must_be_sound();
                if ended.code == Some(0) {
                    break;
                }
                kills += 1;
            }
        }
    }
    assert!(kills > 20, "it was killed {kills} times only");
}
