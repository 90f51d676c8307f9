//! Who asked for which value: kept before the value is released, or it is not released.

use std::{
    fs, io,
    sync::{Arc, Mutex},
};

use jobcrypt_audit::JsonLines;
use jobcrypt_core::{AuditEvent, AuditSink};
use jobcrypt_vault::{AuditAction, Pipeline, Value, ValuePath, VaultError};

use crate::bench::{json, options, path, text};

const CREDENTIALS: &str = r#"{"a":"hunter2","b":{"c":"hunter3","d":["hunter4"]}}"#;

/// Keeps what it is told in memory, unless it is full.
#[derive(Clone, Default)]
struct Notes {
    lines: Arc<Mutex<Vec<String>>>,
    is_full: bool,
}

impl Notes {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().expect("nobody panics"))
    }
}

impl AuditSink for Notes {
    fn record(&self, event: &AuditEvent<'_>) {
        let AuditEvent::ValueReleased {
            path,
            action,
            pipeline,
            ..
        } = event
        else {
            panic!("a vault says nothing else");
        };
        let line = format!("{action} {path} {pipeline}");
        self.lines.lock().expect("nobody panics").push(line);
    }

    fn record_first(&self, events: &[AuditEvent<'_>]) -> io::Result<()> {
        if self.is_full {
            return Err(io::Error::other("the disk is full"));
        }
        for event in events {
            self.record(event);
        }
        Ok(())
    }
}

fn gitlab() -> Pipeline {
    Pipeline::of(|name| (name == "CI_PIPELINE_ID").then(|| "77".to_owned()))
}

#[test]
fn each_value_that_leaves_is_said_with_its_path_its_use_and_its_pipeline() {
    let notes = Notes::default();
    let options = options(&[1]).pipeline(gitlab()).audit(notes.clone());
    let mut vault = options.make(&json(CREDENTIALS)).expect("it is sealed");
    vault.set(&path("e"), &Value::from("x")).expect("it is set");
    vault.verify().expect("it opens");
    vault.rotate().expect("nothing is to be done");
    vault.list(&ValuePath::root()).expect("there are names");
    vault.get(&path("nowhere")).expect_err("it is not there");
    let same = options.parse(text(&vault)).expect("it is whole");
    vault.diff(&same).expect("both open");
    assert_eq!(notes.take(), [""; 0], "no value left the vault");

    vault.get(&path("b.d[0]")).expect("it is there");
    vault.get_as::<String>(&path("a")).expect("it is text");
    assert_eq!(notes.take(), ["get b.d[0] gitlab:77", "get a gitlab:77"]);
    let options = options.action(AuditAction::Exec);
    let vault = options.parse(text(&vault)).expect("it is whole");
    vault.get(&path("b")).expect("it is there");
    vault.values(&path("e")).expect("it is there");
    let lines = [
        "exec b.c gitlab:77",
        "exec b.d gitlab:77",
        "exec e gitlab:77",
    ];
    assert_eq!(notes.take(), lines);
}

#[test]
fn no_value_is_released_where_one_of_the_sinks_does_not_keep_it() {
    let full = Notes {
        is_full: true,
        ..Notes::default()
    };
    let options = options(&[1]).audit(Notes::default()).audit(full);
    let vault = options.make(&json(CREDENTIALS)).expect("it is sealed");
    for at in [path("a"), path("b"), path("b.d[0]"), ValuePath::root()] {
        for error in [vault.get(&at).err(), vault.values(&at).err()] {
            let error = error.expect("it is not released");
            assert!(matches!(&error, VaultError::Audit(_)), "{error}");
            assert!(error.to_string().contains("the disk is full"), "{error}");
        }
    }
}

#[test]
fn a_line_of_json_says_who_what_and_when_and_never_the_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("audit.jsonl");
    let pipeline = Pipeline::of(|name| match name {
        "GITHUB_RUN_ID" => Some("7\"\n".to_owned()),
        "GITHUB_ACTOR" => Some("ada".to_owned()),
        _ => None,
    });
    let actor = pipeline.actor().expect("it is set").to_owned();
    let lines = JsonLines::append(&log).field("actor", &actor).open();
    let options = options(&[1])
        .pipeline(pipeline)
        .audit(lines.expect("it is made"));
    let vault = options.make(&json(CREDENTIALS)).expect("it is sealed");
    vault.get(&ValuePath::root()).expect("it opens");
    // Before the log is closed: what was released is on the disk.
    let written = fs::read_to_string(&log).expect("it is there");
    assert!(!written.contains("hunter"), "{written}");
    let released = |line: &&str| line.contains("value.released");
    let lines: Vec<_> = written.lines().filter(released).collect();
    assert_eq!(lines.len(), 3);
    let line = Value::from_json(lines[1]).expect("it is JSON");
    let field = |name: &str| {
        let value = line.at(&path(name)).expect("it is there");
        value.to_text().to_string()
    };
    assert_eq!(field("path"), "b.c");
    assert_eq!(field("action"), "get");
    assert_eq!(field("pipeline"), "github:7\"\n");
    assert_eq!(field("actor"), "ada");
    assert_eq!(field("vault"), vault.id().expect("it has one").to_string());
    assert!(field("at").ends_with('Z'), "{}", field("at"));
}
