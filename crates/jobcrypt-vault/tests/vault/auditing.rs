//! Who asked for which value: said before the value is released, or it is not released.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use jobcrypt_vault::{
    AuditAction, JsonLines, Pipeline, Value, ValuePath, VaultError, VaultOptions,
};

use crate::bench::{json, options, path, text};

const CREDENTIALS: &str = r#"{"a":"hunter2","b":{"c":"hunter3","d":["hunter4"]}}"#;

type Lines = Arc<Mutex<Vec<String>>>;

/// Notes each line in memory.
fn noting(options: VaultOptions) -> (VaultOptions, Lines) {
    let lines = Lines::default();
    let kept = Arc::clone(&lines);
    let options = options.audit(move |audit| {
        let line = format!(
            "{} {} {}",
            audit.action.as_str(),
            audit.path,
            audit.pipeline
        );
        kept.lock().expect("nobody panics").push(line);
        Ok(())
    });
    (options, lines)
}

fn gitlab() -> Pipeline {
    Pipeline::of(|name| (name == "CI_PIPELINE_ID").then(|| "77".to_owned()))
}

#[test]
fn each_value_that_leaves_is_said_with_its_path_its_use_and_its_pipeline() {
    let (options, lines) = noting(options(&[1]).pipeline(gitlab()));
    let taken = || std::mem::take(&mut *lines.lock().expect("nobody panics"));
    let mut vault = options.make(&json(CREDENTIALS)).expect("it is sealed");
    vault.set(&path("e"), &Value::from("x")).expect("it is set");
    vault.verify().expect("it opens");
    vault.rotate().expect("nothing is to be done");
    vault.list(&ValuePath::root()).expect("there are names");
    vault.get(&path("nowhere")).expect_err("it is not there");
    let same = options.parse(text(&vault)).expect("it is whole");
    vault.diff(&same).expect("both open");
    assert_eq!(taken(), [""; 0], "no value left the vault");

    vault.get(&path("b.d[0]")).expect("it is there");
    vault.get_as::<String>(&path("a")).expect("it is text");
    assert_eq!(taken(), ["get b.d[0] gitlab:77", "get a gitlab:77"]);
    let options = options.action(AuditAction::Exec);
    let vault = options.parse(text(&vault)).expect("it is whole");
    vault.get(&path("b")).expect("it is there");
    vault.values(&path("e")).expect("it is there");
    assert_eq!(
        taken(),
        [
            "exec b.c gitlab:77",
            "exec b.d gitlab:77",
            "exec e gitlab:77"
        ]
    );
}

#[test]
fn no_value_is_released_where_its_line_cannot_be_written() {
    let full = |_: &jobcrypt_vault::Audit<'_>| Err(io::Error::other("the disk is full"));
    let vault = options(&[1])
        .audit(full)
        .make(&json(CREDENTIALS))
        .expect("it is sealed");
    for at in [path("a"), path("b"), ValuePath::root()] {
        let error = vault.get(&at).expect_err("it is not released");
        assert!(matches!(&error, VaultError::Audit { .. }), "{error}");
        assert!(error.to_string().contains("the disk is full"), "{error}");
    }
}

#[test]
fn a_line_of_json_says_who_what_and_when_and_never_the_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("audit.jsonl");
    let lines = JsonLines::append(&log).expect("it is made");
    let pipeline = Pipeline::of(|name| match name {
        "GITHUB_RUN_ID" => Some("7\"\n".to_owned()),
        "GITHUB_ACTOR" => Some("ada".to_owned()),
        _ => None,
    });
    let options = options(&[1])
        .pipeline(pipeline)
        .audit(move |audit| lines.write(audit));
    let vault = options.make(&json(CREDENTIALS)).expect("it is sealed");
    vault.get(&ValuePath::root()).expect("it opens");
    let written = fs::read_to_string(&log).expect("it is there");
    assert!(!written.contains("hunter"), "{written}");
    let lines: Vec<_> = written.lines().collect();
    assert_eq!(lines.len(), 3);
    let line = Value::from_json(lines[1]).expect("it is JSON");
    let field = |name: &str| {
        line.at(&path(name))
            .expect("it is there")
            .to_text()
            .to_string()
    };
    assert_eq!(field("path"), "b.c");
    assert_eq!(field("action"), "get");
    assert_eq!(field("pipeline"), "github:7\"\n");
    assert_eq!(field("actor"), "ada");
    assert_eq!(field("vault"), vault.id().expect("it has one").to_string());
    assert!(field("time").ends_with('Z'), "{}", field("time"));
    let mode = fs::metadata(&log)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}
