//! A file that is not what was written, given to each command.

use std::{fs, os::unix::fs::symlink};

use crate::workbench::{JOBCRYPT, Terminal, Workbench};

const COMMANDS: [&[&str]; 15] = [
    &["get", "d", "a"],
    &["list", "d"],
    &["set", "d", "a", "--from", "value"],
    &["unset", "d", "a"],
    &["diff", "d", "v"],
    &["diff", "v", "d"],
    &["exec", "d", "--", "echo", "x"],
    &["export", "d"],
    &["rotate", "d"],
    &["rotate", "d", "--new-key"],
    &["rotate", "d", "--retire"],
    &["verify", "d"],
    &["textconv", "d"],
    &["merge", "v", "d", "v"],
    &["merge", "v", "v", "d"],
];

fn bench() -> Workbench {
    let bench = Workbench::with(r#"{"a":"one","b":"two"}"#);
    bench.write("value", "x");
    bench
}

/// What each command does must be to refuse, and to leave everything as it is.
fn must_be_refused(bench: &Workbench, damage: &str, code: i32, more: &[&str]) {
    let (damaged, whole) = (bench.read("d"), bench.read("v"));
    let keys = bench.read("vault.key");
    for command in COMMANDS {
        let end = command.iter().position(|word| *word == "--");
        let (ours, child) = command.split_at(end.unwrap_or(command.len()));
        let arguments = [ours, more, child].concat();
        let run = bench.vault(&arguments);
        assert_eq!(run.code, code, "{damage} {arguments:?} {}", run.err);
        assert!(run.out.is_empty(), "{damage} {arguments:?} {}", run.text());
        assert!(!run.err.contains("two"), "{}", run.err);
        assert_eq!(bench.read("d"), damaged, "{damage} {arguments:?}");
        assert_eq!(bench.read("v"), whole, "{damage} {arguments:?}");
        assert_eq!(bench.read("vault.key"), keys, "{damage} {arguments:?}");
    }
    let edit = edit(bench, more);
    assert_eq!(edit.0, code, "{damage} {}", edit.1);
    assert_eq!(bench.read("d"), damaged);
    assert_eq!(bench.vault(&["create", "d"]).code, 26);
}

fn edit(bench: &Workbench, more: &[&str]) -> (i32, String) {
    let line = format!("EDITOR=true '{JOBCRYPT}' vault edit d {}", more.join(" "));
    Terminal::start(&mut bench.command("script"), &line).end()
}

#[test]
fn each_damage_is_refused_by_each_command() {
    let bench = bench();
    let whole = bench.read("v");
    let lines: Vec<_> = whole.lines().collect();
    let (first, second) = (lines[5], lines[6]);
    let value = |line: &str| line.split_once(" = ").expect("it is an entry").1.to_owned();
    let swapped = whole
        .replace(first, &format!("a = {}", value(second)))
        .replacen(second, &format!("b = {}", value(first)), 1);
    let tail = value(second)[60..].to_owned();
    let flipped_sign = if tail.starts_with('A') { "B" } else { "A" };
    for (damage, text) in [
        ("nothing", String::new()),
        ("cut short", whole[..whole.len() / 2].to_owned()),
        (
            "flipped",
            whole.replace(&tail, &format!("{flipped_sign}{}", &tail[1..])),
        ),
        ("swapped", swapped),
        ("a line dropped", whole.replace(&format!("{second}\n"), "")),
        ("a line twice", format!("{whole}{second}\n")),
        ("Windows' line breaks", whole.replace('\n', "\r\n")),
        ("something else", "FROM debian\n".to_owned()),
    ] {
        assert_ne!(text, whole, "{damage}");
        bench.write("d", &text);
        if damage == "nothing" {
            // For git, no common version is an empty file, but no version is.
            assert_eq!(bench.vault(&["merge", "d", "v", "v"]).code, 0);
        }
        must_be_refused(&bench, damage, 23, &[]);
    }
}

#[test]
fn another_vault_is_refused_where_the_id_is_asked_for() {
    let bench = bench();
    let source = ["create", "d", "--from", "-", "--source", "json"];
    bench
        .vault_with(&source, r#"{"a":"other","b":"two"}"#)
        .done();
    let verified = bench.vault(&["verify", "v"]).done();
    let id = verified
        .lines()
        .find_map(|line| line.strip_prefix("id "))
        .expect("it has one");
    must_be_refused(&bench, "another vault", 23, &["--id", id]);
    // Under the same key it opens otherwise, as docs/vault-format.md says; under another one it never does.
    assert_eq!(bench.vault(&["get", "d", "a"]).done(), "other");
    assert_eq!(bench.vault(&["get", "v", "a", "--id", id]).done(), "one");
    let stranger = Workbench::with(r#"{"a":"other"}"#);
    bench.write("d", &stranger.read("v"));
    must_be_refused(&bench, "a stranger's vault", 22, &[]);
}

#[test]
fn a_link_stays_one_and_a_loop_is_an_error() {
    let bench = bench();
    fs::create_dir(bench.path().join("real")).expect("it is ours");
    fs::rename(bench.path().join("v"), bench.path().join("real/v")).expect("it is ours");
    symlink("real/v", bench.path().join("v")).expect("it is ours");
    bench.vault_with(&["set", "v", "a"], "new").done();
    bench.vault(&["rotate", "v", "--new-key"]).done();
    let link = fs::symlink_metadata(bench.path().join("v")).expect("it is there");
    assert!(link.is_symlink());
    assert_eq!(bench.vault(&["get", "real/v", "a"]).done(), "new");
    symlink("loop", bench.path().join("loop")).expect("it is ours");
    assert_eq!(bench.vault(&["get", "loop", "a"]).code, 1);
    assert_eq!(bench.vault(&["create", "loop"]).code, 26);
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_cannot_be_written_to_is_said() {
    use std::os::unix::fs::PermissionsExt;

    let bench = bench();
    let closed = bench.path().join("closed");
    fs::create_dir(&closed).expect("it is ours");
    fs::copy(bench.path().join("v"), closed.join("v")).expect("it is ours");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).expect("it is ours");
    let before = bench.read("closed/v");
    for (arguments, code) in [
        (&["get", "closed/v", "a"][..], 0),
        (&["set", "closed/v", "a", "--from", "value"], 1),
        (&["unset", "closed/v", "a"], 1),
        (&["rotate", "closed/v", "--new-key"], 1),
        (&["create", "closed/w"], 1),
    ] {
        // Root writes everywhere, but not as nobody's root.
        let mut command = bench.command("unshare");
        command.args(["--user", JOBCRYPT, "vault"]).args(arguments);
        let run = crate::workbench::run(&mut command, "");
        assert_eq!(run.code, code, "{arguments:?} {}", run.err);
        let is_said = code == 0 || run.err.contains("Permission denied");
        assert!(is_said, "{arguments:?} {}", run.err);
        assert_eq!(bench.read("closed/v"), before, "{arguments:?}");
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("it is ours");
    // What stays of the new key is taken up.
    bench.vault(&["rotate", "closed/v", "--new-key"]).done();
    assert_eq!(bench.read("vault.key").lines().count(), 2);
}
