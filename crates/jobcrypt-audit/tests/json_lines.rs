//! The log as it is written: all of it, also on a disk that fails, and never at a job's cost.

use std::{
    collections::VecDeque,
    fs,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use jobcrypt_audit::{JsonLines, WhenFull, verify};
use jobcrypt_core::{AuditEvent, AuditSink};
use serde_json::Value;

const EVENT: AuditEvent<'_> = AuditEvent::RotateRefused { jobs: 7 };

fn names(log: &str) -> Vec<String> {
    let name = |line: &str| {
        let value: Value = serde_json::from_str(line).expect("each line is JSON");
        value["event"].as_str().expect("it has a name").to_owned()
    };
    log.lines().map(name).collect()
}

/// What a disk does with the next writes; a closed disk lets nobody through.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<DiskState>, Condvar)>);

#[derive(Default)]
struct DiskState {
    written: Vec<u8>,
    is_shut: bool,
    has_writer: bool,
    panics: bool,
    /// For each coming write, how many bytes it takes before it fails.
    failures: VecDeque<usize>,
}

impl Disk {
    fn change(&self, change: impl FnOnce(&mut DiskState)) {
        change(&mut self.0.0.lock().expect("nothing panics with the lock"));
        self.0.1.notify_all();
    }

    /// Waits until the log stands before the shut disk.
    fn wait_for_writer(&self) {
        let state = self.0.0.lock().expect("nothing panics with the lock");
        let state = self.0.1.wait_while(state, |state| !state.has_writer);
        drop(state.expect("nothing panics with the lock"));
    }

    fn text(&self) -> String {
        let state = self.0.0.lock().expect("nothing panics with the lock");
        String::from_utf8(state.written.clone()).expect("a log is text")
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.0.lock().expect("nothing panics with the lock");
        state.has_writer = true;
        self.0.1.notify_all();
        let state = self.0.1.wait_while(state, |state| state.is_shut);
        let mut state = state.expect("nothing panics with the lock");
        state.has_writer = false;
        if std::mem::take(&mut state.panics) {
            drop(state);
            panic!("the disk is broken");
        }
        match state.failures.pop_front() {
            Some(0) => Err(io::Error::from(io::ErrorKind::StorageFull)),
            Some(taken) => {
                let taken = taken.min(bytes.len());
                state.written.extend(&bytes[..taken]);
                Ok(taken)
            }
            None => {
                state.written.extend(bytes);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_log_is_opened_written_and_closed_and_goes_on_in_the_same_file() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("audit.jsonl");
    for _ in 0..2 {
        let log = JsonLines::append(&path).field("user", "a\"da").open();
        log.expect("it opens").record(&EVENT);
    }
    let log = fs::read_to_string(&path).expect("it is there");
    let once = ["audit.opened", "rotate.refused", "audit.closed"];
    assert_eq!(names(&log), [once, once].concat());
    assert_eq!(
        log.matches(r#","jobs":7,"user":"a\"da"}"#).count(),
        2,
        "{log}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew_in_the_same_chain() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("audit.jsonl");
    let older = folder.path().join("audit.jsonl.1");
    let log = JsonLines::append(&path).chained_without_key().open();
    let log = log.expect("it opens");
    log.record_first(&[EVENT]).expect("it is kept");
    fs::rename(&path, &older).expect("it is there");
    log.record_first(&[EVENT]).expect("it is kept");
    drop(log);
    let logs = [&older, &path].map(|path| fs::read_to_string(path).expect("it is there"));
    assert_eq!(names(&logs[0]), ["audit.opened", "rotate.refused"]);
    assert_eq!(names(&logs[1]), ["rotate.refused", "audit.closed"]);
    let report = verify(logs.concat().as_bytes(), None, &[]).expect("it is read");
    assert_eq!(report.faults, []);
    assert_eq!(report.chains.len(), 1);
    let newer = verify(logs[1].as_bytes(), None, &[]).expect("it is read");
    assert_eq!(newer.faults, []);
    assert_eq!(newer.chains[0].first, 2);
}

#[test]
fn a_disk_that_fails_in_the_middle_of_a_line_costs_none() {
    let disk = Disk::default();
    disk.change(|state| state.failures = [10, 0, 1, 7, 0].into());
    let log = JsonLines::to(disk.clone()).chained_without_key().open();
    let log = log.expect("it opens");
    for _ in 0..5 {
        log.record(&EVENT);
    }
    log.record_first(&[EVENT]).expect("the disk works again");
    drop(log);
    let report = verify(disk.text().as_bytes(), None, &[]).expect("it is read");
    assert_eq!((report.lines, &report.faults), (8, &Vec::new()));
}

#[test]
fn a_slow_disk_holds_up_no_job_and_what_is_lost_is_counted() {
    let disk = Disk::default();
    disk.change(|state| state.is_shut = true);
    let log = JsonLines::to(disk.clone())
        .capacity(3)
        .open()
        .expect("it opens");
    disk.wait_for_writer();
    for _ in 0..10 {
        log.record(&EVENT);
    }
    disk.change(|state| state.is_shut = false);
    drop(log);
    let names = names(&disk.text());
    let expected = [
        "audit.opened",
        "audit.lost",
        "rotate.refused",
        "rotate.refused",
        "rotate.refused",
        "audit.closed",
    ];
    assert_eq!(names, expected);
    assert!(disk.text().contains(r#","count":7"#), "{}", disk.text());
}

#[test]
fn a_job_waits_for_room_as_long_as_it_was_told_and_no_longer() {
    let disk = Disk::default();
    disk.change(|state| state.is_shut = true);
    let patience = Duration::from_millis(30);
    let log = JsonLines::to(disk.clone())
        .capacity(1)
        .when_full(WhenFull::Wait(patience))
        .open()
        .expect("it opens");
    disk.wait_for_writer();
    log.record(&EVENT);
    let begin = Instant::now();
    log.record(&EVENT);
    assert!(begin.elapsed() >= patience, "it did not wait");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| log.record(&EVENT));
        disk.change(|state| state.is_shut = false);
        waiting.join().expect("it does not panic");
    });
    drop(log);
    assert!(names(&disk.text()).contains(&"audit.lost".to_owned()));
}

#[test]
fn a_writer_that_panics_costs_no_line() {
    let disk = Disk::default();
    disk.change(|state| state.panics = true);
    let log = JsonLines::to(disk.clone()).chained_without_key().open();
    let log = log.expect("it opens");
    log.record_first(&[EVENT]).expect("the writer works again");
    drop(log);
    let report = verify(disk.text().as_bytes(), None, &[]).expect("it is read");
    assert_eq!((report.lines, &report.faults), (3, &Vec::new()));
}

#[test]
fn a_disk_that_never_answers_holds_nobody_up_for_ever() {
    let disk = Disk::default();
    disk.change(|state| state.is_shut = true);
    let patience = Duration::from_millis(30);
    let log = JsonLines::to(disk.clone())
        .capacity(1)
        .patience(patience)
        .when_full(WhenFull::Wait(patience))
        .open()
        .expect("it opens");
    disk.wait_for_writer();
    for _ in 0..3 {
        log.record(&EVENT);
    }
    log.record_first(&[EVENT]).expect_err("it is not kept");
    let begin = Instant::now();
    drop(log);
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "it waits for the disk"
    );
    disk.change(|state| state.is_shut = false);
}

#[test]
fn what_must_be_kept_first_is_refused_where_it_is_not() {
    let disk = Disk::default();
    let log = JsonLines::to(disk.clone()).open().expect("it opens");
    log.record_first(&[EVENT]).expect("it is kept");
    assert!(disk.text().contains("rotate.refused"));
    disk.change(|state| state.failures = [0].into());
    let error = log.record_first(&[EVENT]).expect_err("the disk is full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn many_threads_write_whole_lines() {
    let disk = Disk::default();
    let log = JsonLines::to(disk.clone()).chained_without_key().open();
    let log = log.expect("it opens");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..500).for_each(|_| log.record(&EVENT)));
        }
    });
    drop(log);
    let report = verify(disk.text().as_bytes(), None, &[]).expect("it is read");
    assert_eq!((report.lines, &report.faults), (4002, &Vec::new()));
}
