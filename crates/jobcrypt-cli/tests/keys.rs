//! `jobcrypt keys`, as someone uses it who has read its help.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use jobcrypt::keys::KeyRepository;
use serde_json::Value;
use tempfile::TempDir;

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn jobcrypt(arguments: &[&str]) -> Run {
    run("keys", arguments)
}

fn run(command: &str, arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_jobcrypt"))
        .arg(command)
        .args(arguments)
        .env_remove("JOBCRYPT_AUDIT_KEY")
        .output()
        .expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    Run {
        code: output.status.code().expect("it ends by itself"),
        out: text(output.stdout),
        // Lines are broken to the width of a terminal.
        err: text(output.stderr)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn json(arguments: &[&str]) -> Value {
    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    let run = jobcrypt(&arguments);
    serde_json::from_str(&run.out).expect("it is one document")
}

fn place() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let text = path.to_str().expect("it is text").to_owned();
    (folder, path, text)
}

#[test]
fn a_generated_key_is_spelled_as_its_cipher_wants_it() {
    for cipher in ["xchacha20poly1305", "fernet", "secretbox", "aes256gcm"] {
        let run = jobcrypt(&["generate", "--cipher", cipher]);
        assert_eq!((run.code, run.out.len()), (0, 45), "{}", run.err);
        let is_url_safe = !run.out.contains(['+', '/']);
        assert!(is_url_safe || cipher != "fernet");
    }
    assert_eq!(jobcrypt(&["generate", "--cipher", "rot13"]).code, 2);
}

#[test]
fn a_repository_is_set_up_rotated_and_looked_at() {
    for layout in ["--keystone", "--cipher=secretbox"] {
        let (_folder, _, keys) = place();
        let first = json(&["setup", &keys, layout]);
        assert_eq!(first["generation"], 1);
        let again = jobcrypt(&["setup", &keys, layout]);
        assert_eq!(again.code, 0);
        assert!(again.out.contains("nothing was changed"), "{}", again.out);

        let plan = json(&["rotate", &keys, "--dry-run"]);
        assert_eq!(json(&["status", &keys])["generation"], 1);
        let rotated = json(&["rotate", &keys]);
        assert_eq!(rotated["plan"], plan);
        assert_eq!(rotated["primary"], first["keys"][1]["id"]);
        let status = json(&["status", &keys]);
        assert_eq!(status["keys"][0]["id"], rotated["primary"]);
        assert_eq!(status["keys"][2]["id"], rotated["staged"]);
        assert_eq!(jobcrypt(&["doctor", &keys]).code, 0);
    }
}

#[test]
fn a_rotation_that_would_purge_without_counts_is_refused_with_what_to_do() {
    let (_folder, _, keys) = place();
    jobcrypt(&["setup", "--keystone", &keys]);
    jobcrypt(&["rotate", &keys]);
    let refused = jobcrypt(&["rotate", &keys]);
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("--unused"), "{}", refused.err);
    let refused = jobcrypt(&["rotate", &keys, "--unused"]);
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("wait"), "{}", refused.err);
    let rotated = jobcrypt(&["rotate", &keys, "--unused", "--grace", "0s"]);
    assert_eq!(rotated.code, 0);
    assert!(rotated.out.contains("retired"), "{}", rotated.out);
}

#[test]
fn a_retired_key_comes_back_or_goes_for_ever() {
    let (_folder, _, keys) = place();
    let first = json(&["setup", &keys])["keys"][0]["id"].clone();
    let first = first.as_str().expect("it has an id");
    assert_eq!(jobcrypt(&["destroy", &keys, first, "--yes"]).code, 3);
    for _ in 0..2 {
        jobcrypt(&["rotate", &keys, "--unused", "--grace", "0s"]);
    }
    assert_eq!(jobcrypt(&["restore", &keys, first]).code, 0);
    jobcrypt(&["rotate", &keys, "--unused", "--grace", "0s"]);
    let asked = jobcrypt(&["destroy", &keys, first]);
    assert_eq!(asked.code, 3);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    assert_eq!(jobcrypt(&["destroy", &keys, first, "--yes"]).code, 0);
    let gone = jobcrypt(&["restore", &keys, first]);
    assert_eq!(gone.code, 3);
    assert!(gone.err.contains("backup"), "{}", gone.err);
}

#[test]
fn a_key_is_promoted_once_it_was_staged_for_as_long_as_is_asked() {
    let (_folder, _, keys) = place();
    jobcrypt(&["setup", &keys]);
    let refused = jobcrypt(&["rotate", &keys, "--staged-for", "1day"]);
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("wait"), "{}", refused.err);
    assert_eq!(jobcrypt(&["rotate", &keys, "--staged-for", "0s"]).code, 0);
}

#[test]
fn what_is_not_understood_is_a_document_where_one_is_wanted() {
    for arguments in [
        &["rotate", "--json"][..],
        &["--json", "rotate", "x", "--grce", "1h"],
    ] {
        let run = jobcrypt(arguments);
        let document: Value = serde_json::from_str(&run.err).expect("it is one document");
        assert_eq!((run.code, run.out.as_str()), (2, ""));
        assert_eq!(document["error"]["exit_code"], 2);
        let next_step = document["error"]["next_step"].as_str();
        assert!(
            next_step.is_some_and(|it| it.contains("rotate")),
            "{document}"
        );
    }
    let text = jobcrypt(&["rotate"]);
    assert_eq!(text.code, 2);
    assert!(text.err.starts_with("error: "), "{}", text.err);
    let help = jobcrypt(&["rotate", "--help", "--json"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("--staged-for"));
}

#[test]
fn a_repository_is_brought_to_another_node() {
    let (folder, _, keys) = place();
    let there = folder.path().join("there").display().to_string();
    let bundle = folder.path().join("bundle").display().to_string();
    jobcrypt(&["setup", &keys]);
    assert_eq!(jobcrypt(&["export", &keys, "--to", &bundle]).code, 0);
    assert_eq!(jobcrypt(&["export", &keys, "--to", &bundle]).code, 5);
    assert_eq!(jobcrypt(&["import", &there, "--from", &bundle]).code, 0);
    let fingerprint = |keys| json(&["status", keys])["fingerprint"].clone();
    assert_eq!(fingerprint(&there), fingerprint(&keys));
    jobcrypt(&["rotate", &there]);
    let refused = jobcrypt(&["import", &there, "--from", &bundle]);
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("export it again"), "{}", refused.err);
}

#[test]
fn the_doctor_names_all_that_is_wrong_and_stage_mends_what_it_can() {
    let (folder, path, keys) = place();
    jobcrypt(&["setup", "--keystone", &keys]);
    let chmod = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    fs::remove_file(path.join("0")).expect("it is there");
    fs::write(path.join("notes"), "x").expect("it can be written");
    fs::hard_link(path.join("1"), folder.path().join("copy")).expect("it can be made");
    chmod(&path, 0o755);
    let beside = format!("{keys}/");
    let findings = json(&["doctor", &keys, "--beside", &beside]);
    let codes: Vec<_> = findings
        .as_array()
        .expect("it is a list")
        .iter()
        .map(|finding| finding["code"].as_str().expect("it has a code"))
        .collect();
    let expected = [
        "folder",
        "hard_link",
        "stray_file",
        "no_staged_key",
        "remark",
        "shared_folder",
    ];
    assert_eq!(codes, expected);
    assert_eq!(jobcrypt(&["doctor", &keys]).code, 4);
    assert_eq!(jobcrypt(&["status", &keys]).code, 5);
    chmod(&path, 0o700);
    assert_eq!(jobcrypt(&["rotate", &keys]).code, 3);
    assert_eq!(jobcrypt(&["stage", &keys]).code, 0);
    assert_eq!(jobcrypt(&["stage", &keys]).code, 3);
    assert_eq!(jobcrypt(&["rotate", &keys]).code, 0);
}

#[test]
fn a_repository_that_is_locked_or_missing_has_an_exit_code_of_its_own() {
    let (_folder, path, keys) = place();
    assert_eq!(jobcrypt(&["status", &keys]).code, 5);
    jobcrypt(&["setup", &keys]);
    let repository = KeyRepository::open(path).expect("it opens");
    let rotation = repository.begin_rotation().expect("the lock is free");
    let locked = jobcrypt(&["rotate", &keys]);
    assert_eq!(locked.code, 7);
    assert!(locked.err.contains("another process"), "{}", locked.err);
    drop(rotation);
    assert_eq!(jobcrypt(&["rotate", &keys]).code, 0);
}

#[test]
fn no_command_prints_a_stored_key() {
    let (folder, path, keys) = place();
    let bundle = folder.path().join("bundle").display().to_string();
    jobcrypt(&["setup", "--keystone", &keys]);
    let stored: Vec<_> = ["0", "1"]
        .map(|name| fs::read_to_string(path.join(name)).expect("it can be read"))
        .to_vec();
    let mut printed = String::new();
    for arguments in [
        &["status", &*keys][..],
        &["status", &*keys, "--json"],
        &["doctor", &*keys],
        &["export", &*keys, "--to", &*bundle],
        &["export", &*keys, "--to", &*bundle, "--json"],
        &["rotate", &*keys],
        &["rotate", &*keys, "--json"],
        &["stage", &*keys],
    ] {
        let run = jobcrypt(arguments);
        printed.push_str(&run.out);
        printed.push_str(&run.err);
    }
    for key in stored {
        assert!(!printed.contains(&key[..10]));
    }
}

#[test]
fn what_becomes_of_keys_is_on_record_and_the_record_can_be_verified() {
    let (folder, _path, keys) = place();
    let log = folder.path().join("audit.jsonl");
    let log = log.to_str().expect("it is text");
    assert_eq!(jobcrypt(&["setup", &keys]).code, 0);
    let rotated = jobcrypt(&["rotate", &keys, "--audit", log, "--unused"]);
    assert_eq!(rotated.code, 0, "{}", rotated.err);
    let lines = fs::read_to_string(log).expect("it was written");
    for event in ["key.promoted", "key.staged"] {
        assert!(
            lines.contains(&format!(r#"{{"event":"{event}""#)),
            "{lines}"
        );
    }
    let verify = |more: &[&str]| run("audit", &[&["verify", log], more].concat());
    let verified = verify(&[]);
    assert_eq!(verified.code, 5, "the key is asked for: {}", verified.err);
    let verified = verify(&["--without-key", "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.err);
    let report: Value = serde_json::from_str(&verified.out).expect("it is one document");
    assert_eq!(report["unchained"], 4);
    let torn = lines.replace("key.staged", "key.staged\"");
    fs::write(log, torn).expect("there is room");
    let verified = verify(&["--without-key"]);
    assert_eq!(verified.code, 4, "{}", verified.out);
    assert!(verified.out.contains("line 3: torn"), "{}", verified.out);

    let manifest = format!("{keys}/manifest.json");
    let mixed_up = jobcrypt(&["rotate", &keys, "--audit", &manifest]);
    assert_eq!(mixed_up.code, 3, "{}", mixed_up.err);
}
