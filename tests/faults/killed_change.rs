//! Changes of a repository that are killed at each of their steps.

use crate::{
    command::{killed_at, run, succeed},
    fault::Fault,
    repository::{Layout, Repository},
};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        what: "`kill -9` at every system call by which a rotation writes, in both layouts",
        outcome: "every key is there, one of them is the primary; the next rotation completes this one and the repository is sound",
        happens: rotation,
    },
    Fault {
        what: "the same while a repository is set up, in both layouts",
        outcome: "the same command again makes it",
        happens: setup,
    },
    Fault {
        what: "the same while a node imports what another has rotated, in both layouts",
        outcome: "every key is there, one of them is the primary; the same import again completes this one",
        happens: import,
    },
    Fault {
        what: "the same while a retired key is restored, in both layouts",
        outcome: "every key is there; the key is restored, or the same command again restores it",
        happens: restoration,
    },
    Fault {
        what: "the same while a retired key is destroyed, in both layouts",
        outcome: "every other key is there; the key is destroyed, or the same command again destroys it",
        happens: destruction,
    },
];

/// By which the command changes something.
const WRITES: [&str; 7] = [
    "fchmod", "flock", "fsync", "mkdir", "renameat", "unlinkat", "write",
];

/// Kills a command at each of its writes; `prepare` makes what it is to change anew for each.
fn at_every_write<T>(
    prepare: impl Fn(Layout) -> (T, Vec<String>),
    must_hold: impl Fn(&T, &[String]),
) {
    for layout in Repository::LAYOUTS {
        let mut kills = 0;
        for syscall in WRITES {
            for nth in 1.. {
                let (prepared, arguments) = prepare(layout);
                let ended = killed_at(syscall, nth, &arguments);
                must_hold(&prepared, &arguments);
                if ended.code == Some(0) {
                    break;
                }
                assert_eq!(ended.code, None, "{syscall} {nth}: {ended:?}");
                kills += 1;
            }
        }
        assert!(kills > 5, "{layout:?}: it was killed {kills} times only");
    }
}

fn rotation() {
    at_every_write(
        |layout| {
            let repository = Repository::new(layout);
            let (before, rotation) = (repository.states(), repository.rotation());
            ((repository, before), rotation.to_vec())
        },
        |(repository, before), _| {
            repository.must_have_all_of(before);
            repository.must_be_sound();
        },
    );
}

fn setup() {
    at_every_write(
        |layout| {
            let repository = Repository::none();
            let setup = repository.setup(layout);
            (repository, setup)
        },
        |repository, setup| {
            let again = run(setup);
            assert!(matches!(again.code, Some(0 | 3)), "{again:?}");
            repository.must_be_sound();
        },
    );
}

fn import() {
    at_every_write(
        |layout| {
            let (ahead, behind) = (Repository::new(layout), Repository::none());
            succeed(&import_from(&ahead, &behind));
            ahead.rotate();
            let (before, import) = (behind.states(), import_from(&ahead, &behind));
            ((ahead, behind, before), import)
        },
        |(ahead, behind, before), import| {
            behind.must_have_all_of(before);
            succeed(import);
            assert_eq!(behind.states(), ahead.states());
            behind.must_be_sound();
        },
    );
}

fn import_from(ahead: &Repository, behind: &Repository) -> Vec<String> {
    let parcel = format!("{}-parcel", behind.path());
    let _ = std::fs::remove_file(&parcel);
    succeed(&["keys", "export", &ahead.path(), "--to", &parcel]);
    ["keys", "import", &behind.path(), "--from", &parcel]
        .map(ToOwned::to_owned)
        .to_vec()
}

fn restoration() {
    at_every_write(
        |layout| {
            let repository = Repository::new(layout);
            repository.rotate();
            let (before, key) = (repository.states(), repository.retired());
            let restore = ["keys", "restore", &repository.path(), &key].map(ToOwned::to_owned);
            ((repository, before, key), restore.to_vec())
        },
        |(repository, before, key), restore| {
            repository.must_have_all_of(before);
            if repository.states()[key] == "retired" {
                succeed(restore);
            }
            assert_eq!(repository.states()[key], "secondary");
            repository.must_be_sound();
        },
    );
}

fn destruction() {
    at_every_write(
        |layout| {
            let repository = Repository::new(layout);
            repository.rotate();
            let (mut before, key) = (repository.states(), repository.retired());
            before.remove(&key);
            let destroy =
                ["keys", "destroy", &repository.path(), &key, "--yes"].map(ToOwned::to_owned);
            ((repository, before, key), destroy.to_vec())
        },
        |(repository, before, key), destroy| {
            repository.must_have_all_of(before);
            if repository.states().contains_key(key) {
                succeed(destroy);
            }
            assert!(
                !repository.states().contains_key(key),
                "{key} is there still"
            );
            repository.must_be_sound();
        },
    );
}
