//! A disk that is full, and one that cannot be written to.

use crate::{command::run_in_own_mounts, fault::Fault, repository::Repository};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        what: "a full disk while keys rotate, with room for 0 to 20 KiB more",
        outcome: "an error that names the file, exit code 5; every key is there; once there is room, the next rotation completes this one",
        happens: full,
    },
    Fault {
        what: "a repository on a file system that is read-only",
        outcome: "an error that names the file, exit code 5; nothing is changed",
        happens: read_only,
    },
];

fn full() {
    for layout in Repository::LAYOUTS {
        let mut failures = 0;
        for free_pages in 0..6 {
            let repository = Repository::new(layout);
            let before = repository.states();
            // On a small disk, filled up to so many pages; what became of the keys comes back.
            let script = format!(
                r#"small=$(mktemp -d)
                mount -t tmpfs -o size=128k tmpfs $small
                cp -a $FOLDER $small/keys
                cat /dev/zero >$small/filler 2>/dev/null || true
                truncate -s -{}k $small/filler
                mount --bind $small/keys $FOLDER
                "$@" && code=0 || code=$?
                umount $FOLDER
                rm -r $FOLDER
                cp -a $small/keys $FOLDER
                umount $small
                rmdir $small
                exit $code"#,
                free_pages * 4
            );
            let path = repository.path();
            let ended = run_in_own_mounts(&script, &path, &repository.rotation());
            if ended.code != Some(0) {
                failures += 1;
                assert_eq!(ended.code, Some(5), "{ended:?}");
                assert!(ended.errors.contains("keys/"), "{ended:?}");
            }
            repository.must_have_all_of(&before);
            repository.must_be_sound();
        }
        assert!(failures > 0, "the disk was never full");
    }
}

fn read_only() {
    for layout in Repository::LAYOUTS {
        let repository = Repository::new(layout);
        let before = repository.states();
        let script = r#"mount --bind $FOLDER $FOLDER
            mount -o remount,bind,ro $FOLDER
            "$@""#;
        let path = repository.path();
        let ended = run_in_own_mounts(script, &path, &repository.rotation());
        assert_eq!(ended.code, Some(5), "{ended:?}");
        assert!(ended.errors.contains("keys"), "{ended:?}");
        assert_eq!(repository.states(), before);
        repository.must_be_sound();
    }
}
