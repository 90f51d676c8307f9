//! A command that is killed at each system call by which it changes something.
#![cfg(target_os = "linux")]

use std::fs;

use jobcrypt_testkit::kill_at_each_write;

use crate::workbench::{JOBCRYPT, Terminal, Workbench, run};

const KILLED: i32 = 128 + 9;

/// Lets a change die at each write. Whatever is left must open and hold one of `values`; then the same change is
/// run to its end, and leaves nothing beside the vault.
fn each_kill(bench: &Workbench, values: [&str; 2], change: impl Fn(&[String]) -> i32) {
    let (vault, keys) = (bench.read("v"), bench.read("vault.key"));
    let kills = kill_at_each_write(|strace| {
        bench.write("v", &vault);
        bench.write("vault.key", &keys);
        let code = change(strace);
        assert!([0, KILLED].contains(&code), "it ended with {code}");
        let left = bench.vault(&["get", "v", "a"]).done();
        assert!(values.contains(&&*left), "{left}");
        bench.vault(&["verify", "v"]).done();
        assert_eq!(change(&[]), if left == "edited" { 28 } else { 0 });
        assert_eq!(bench.vault(&["get", "v", "a"]).done(), values[1]);
        assert_eq!(bench.names(), ["memory", "v", "vault.key"]);
        Ok(code == KILLED)
    });
    let kills = kills.expect("no attempt fails");
    assert!(kills >= 6, "it was killed {kills} times only");
}

fn bench() -> Workbench {
    let bench = Workbench::with(r#"{"a":"old","b":"x"}"#);
    fs::create_dir(bench.path().join("memory")).expect("it is ours");
    bench
}

fn words(strace: &[String], arguments: &[&str]) -> Vec<String> {
    let jobcrypt = [JOBCRYPT, "vault"];
    let words = jobcrypt.iter().chain(arguments).map(ToString::to_string);
    strace.iter().cloned().chain(words).collect()
}

#[test]
fn a_killed_set_leaves_the_old_vault_or_the_new_one() {
    let bench = bench();
    each_kill(&bench, ["old", "new"], |strace| {
        let words = words(strace, &["set", "v", "a"]);
        let mut command = bench.command(&words[0]);
        run(command.args(&words[1..]), "new").code
    });
}

#[test]
fn a_killed_edit_leaves_the_old_vault_or_the_new_one() {
    let bench = bench();
    each_kill(&bench, ["old", "edited"], |strace| {
        let words = words(strace, &["edit", "v"]);
        let line = format!("'{}'", words.join("' '"));
        let mut script = bench.command("script");
        script
            .env("EDITOR", "sed -i s/old/edited/")
            .env("XDG_RUNTIME_DIR", bench.path().join("memory"));
        let (code, _) = Terminal::start(&mut script, &line).end();
        // What a kill leaves of the text, docs/vault.md says to remove.
        let left = fs::read_dir(bench.path().join("memory")).expect("it is there");
        for folder in left.flatten() {
            assert_eq!(code, KILLED, "plaintext stays behind");
            fs::remove_dir_all(folder.path()).expect("it is ours");
        }
        code
    });
}

#[test]
fn a_killed_rotation_is_completed_by_running_it_again() {
    let bench = bench();
    let keys = || bench.read("vault.key").lines().count();
    each_kill(&bench, ["old", "old"], |strace| {
        let is_again = strace.is_empty();
        if is_again && keys() == 2 && is_under_the_first_key(&bench) {
            // It was complete: the next one would be another rotation.
            return 0;
        }
        let words = words(strace, &["rotate", "v", "--new-key"]);
        let mut command = bench.command(&words[0]);
        let code = run(command.args(&words[1..]), "").code;
        // Whether the new key rests already shows in the list; the vault opens in both states.
        assert!([1, 2].contains(&keys()));
        if is_again {
            assert_eq!(keys(), 2, "the new key that rested was not taken");
            assert!(is_under_the_first_key(&bench));
        }
        code
    });
}

fn is_under_the_first_key(bench: &Workbench) -> bool {
    let list = bench.read("vault.key");
    let first = list.split(',').next().expect("there is a key");
    let mut command = bench.command(JOBCRYPT);
    command
        .env_remove("JOBCRYPT_KEYS_FILE")
        .env("JOBCRYPT_KEYS", first.trim());
    run(command.args(["vault", "verify", "v"]), "").code == 0
}
