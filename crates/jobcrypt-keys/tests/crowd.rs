//! Many at once, and processes that are killed: nothing is lost, and the next one goes on.

use std::{
    collections::HashSet,
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime},
};

use jobcrypt_core::{CipherName, KeyId};
use jobcrypt_keys::{KeyRepository, RepositoryError, RotateError, Rotated, Snapshot, Usage};

const PLACE: &str = "JOBCRYPT_TEST_REPOSITORY";
const PATIENCE: Duration = Duration::from_secs(60);
const KILLS: usize = 100;

fn rotate(repository: &KeyRepository) -> Result<Rotated, RotateError> {
    let rotation = repository.begin_rotation_within(PATIENCE)?;
    let rotation = rotation.with_grace(Duration::ZERO);
    rotation.commit(&Usage::counted([], 0))
}

fn set_up(path: &Path, is_keystone: bool) -> KeyRepository {
    let repository = if is_keystone {
        KeyRepository::setup_keystone(path)
    } else {
        KeyRepository::setup(path, CipherName::XCHACHA20_POLY1305)
    };
    repository.expect("it is set up")
}

fn known(snapshot: &Snapshot) -> HashSet<KeyId> {
    let retired = snapshot.tombstones().iter().map(|grave| grave.id);
    snapshot.keys().map(|key| key.id).chain(retired).collect()
}

#[test]
fn many_rotations_at_once_happen_one_after_the_other() {
    for is_keystone in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        set_up(&path, is_keystone);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let repository = KeyRepository::open(&path).expect("it opens");
                    for _ in 0..10 {
                        rotate(&repository).expect("it rotates");
                    }
                });
            }
            // A reader sees one moment or another, never a mixture.
            scope.spawn(|| {
                let repository = KeyRepository::open(&path).expect("it opens");
                let mut seen: HashSet<KeyId> = HashSet::new();
                let begin = Instant::now();
                while begin.elapsed() < PATIENCE {
                    let snapshot = match repository.snapshot() {
                        Ok(snapshot) => snapshot,
                        Err(RepositoryError::Changing { .. }) => continue,
                        Err(error) => panic!("{error}"),
                    };
                    let now = known(&snapshot);
                    assert!(now.is_superset(&seen), "a key is gone");
                    seen = now;
                    if snapshot.generation() == 41 {
                        break;
                    }
                }
            });
        });
        let repository = KeyRepository::open(&path).expect("it opens");
        let snapshot = repository.snapshot().expect("it can be read");
        assert_eq!(snapshot.generation(), 41);
        assert_eq!(known(&snapshot).len(), 42);
    }
}

#[test]
fn two_setups_at_once_make_one_repository() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let made = thread::scope(|scope| {
        let setups: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| KeyRepository::setup_keystone(&path)))
            .collect();
        let results = setups
            .into_iter()
            .map(|setup| setup.join().expect("no panic"));
        results
            .filter(|result| match result {
                Ok(_) => true,
                Err(RepositoryError::AlreadySetUp { .. }) => false,
                Err(error) => panic!("{error}"),
            })
            .count()
    });
    assert_eq!(made, 1);
}

/// Runs in a process of its own, until it is killed.
#[test]
#[ignore = "run by the test below"]
fn rotate_for_ever() {
    let path = env::var_os(PLACE).expect("the test below says where");
    let repository = KeyRepository::open(path).expect("it opens");
    loop {
        rotate(&repository).expect("it rotates");
        println!("rotated");
    }
}

#[test]
fn a_process_that_is_killed_while_it_rotates_loses_no_key() {
    for is_keystone in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = set_up(&folder.path().join("keys"), is_keystone);
        let mut seen = HashSet::new();
        for kill in 0..KILLS {
            kill_while_rotating(repository.path());
            let snapshot = repository.snapshot().expect("it can be read");
            let now = known(&snapshot);
            assert!(now.is_superset(&seen), "a key is gone after kill {kill}");
            seen = now;
            for grave in snapshot.tombstones() {
                let file = grave.file.as_deref().expect("nobody destroyed it");
                let left = file.trim_start_matches("archive/");
                let is_there = |file| repository.path().join(file).exists();
                assert!(is_there(file) || is_there(left), "kill {kill}");
            }
            rotate(&repository).expect("the lock went with the process");
        }
        let snapshot = repository.snapshot().expect("it can be read");
        assert_eq!(snapshot.keys().count(), 3);
        for grave in snapshot.tombstones().iter().take(3) {
            repository.restore(grave.id).expect("its bytes are there");
        }
    }
}

fn kill_while_rotating(path: &Path) {
    let program = env::current_exe().expect("this is a program");
    let mut child = Command::new(program)
        .args(["--exact", "rotate_for_ever", "--ignored", "--nocapture"])
        .env(PLACE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let first = lines
        .map_while(Result::ok)
        .find(|line| line.contains("rotated"));
    assert!(first.is_some(), "it never rotated");
    // Any moment of the rotations that follow.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let moment = u64::from(now.expect("it is after 1970").subsec_nanos()) % 9_000;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(moment) {
        thread::yield_now();
    }
    child.kill().expect("it runs");
    child.wait().expect("it is dead");
}
