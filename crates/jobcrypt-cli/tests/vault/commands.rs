use std::fs;

use crate::workbench::{JOBCRYPT, Workbench, run};

const VALUES: &str = r#"{"database":{"password":"s3cret!P@ss","port":5432},"hosts":["a","b"]}"#;

#[test]
fn values_are_set_read_and_taken_away() {
    let bench = Workbench::with(VALUES);
    assert_eq!(
        bench.vault(&["get", "v", "database.password"]).done(),
        "s3cret!P@ss"
    );
    assert_eq!(bench.vault(&["get", "v", "hosts[1]"]).done(), "b");
    assert_eq!(
        bench.vault(&["get", "v", "database", "--json"]).done(),
        "{\"password\":\"s3cret!P@ss\",\"port\":5432}\n"
    );
    assert_eq!(
        bench.vault(&["list", "v"]).done(),
        "database.password\ndatabase.port\nhosts\n"
    );
    assert_eq!(bench.vault(&["list", "v", "hosts"]).done(), "hosts\n");

    bench
        .vault_with(&["set", "v", "database.password"], "new\n")
        .done();
    assert_eq!(
        bench.vault(&["get", "v", "database.password"]).done(),
        "new"
    );
    bench
        .vault_with(&["set", "v", "pem", "--from", "-"], "a\nb\n")
        .done();
    assert_eq!(bench.vault(&["get", "v", "pem"]).done(), "a\nb\n");
    bench
        .vault_with(&["set", "v", "on", "--parse"], "true")
        .done();
    assert_eq!(bench.vault(&["get", "v", "on", "--json"]).done(), "true\n");
    let warned = bench.vault(&["set", "v", "a", "s3cret"]);
    assert!(
        warned.code == 0 && warned.err.contains("list of processes"),
        "{}",
        warned.err
    );
    assert!(!warned.err.contains("s3cret"));

    bench.vault(&["unset", "v", "database"]).done();
    assert_eq!(bench.vault(&["get", "v", "database.port"]).code, 24);
    assert!(bench.vault(&["verify", "v"]).done().contains("values 4"));
}

#[test]
fn each_failure_has_its_own_exit_code_and_says_what_to_do() {
    let bench = Workbench::with(VALUES);
    let whole = bench.read("v");
    let other = Workbench::new().read("vault.key");
    let get = |keys: Option<&str>| {
        let mut command = bench.command(JOBCRYPT);
        command
            .env_remove("JOBCRYPT_KEYS_FILE")
            .args(["vault", "get", "v", "hosts"]);
        if let Some(keys) = keys {
            command.env("JOBCRYPT_KEYS", keys);
        }
        let run = run(&mut command, "");
        (run.code, run.err)
    };
    for (keys, code, says) in [
        (None, 20, "jobcrypt keys generate"),
        (Some("short"), 21, "key 1 of 1"),
        (Some(&*other), 22, "list of keys"),
    ] {
        let (found, err) = get(keys);
        assert_eq!(found, code, "{err}");
        assert!(err.contains(says) && !err.contains("short"), "{err}");
    }
    for (arguments, code, says) in [
        (&["create", "v"][..], 26, "not overwritten"),
        (
            &["get", "v", "database.pasword"],
            24,
            "database has password",
        ),
        (&["get", "v", "a..b"], 2, "path"),
        (&["set", "v", "database", "x"], 25, "unset"),
        (&["create", "w", "--from", "vault.key"], 1, "--source"),
        (&["edit", "v"], 3, "vault set"),
        (&["rotate", "gone"], 1, "check the path"),
    ] {
        let run = bench.vault(arguments);
        assert_eq!(run.code, code, "{arguments:?} {}", run.err);
        assert!(run.err.contains(says), "{arguments:?} {}", run.err);
    }
    assert_eq!(bench.read("v"), whole);
    bench.write("v", &whole.replace("hosts", "hasts"));
    let damaged = bench.vault(&["get", "v", "hasts", "--json"]);
    assert_eq!(damaged.code, 23);
    assert!(damaged.err.contains("\"exit_code\":23"), "{}", damaged.err);
}

#[test]
fn values_are_told_of_before_they_are_released() {
    let bench = Workbench::with(VALUES);
    let got = bench.vault(&["get", "v", "database.password", "--audit", "log"]);
    assert_eq!(got.code, 0, "{}", got.err);
    let line = bench.read("log");
    assert!(
        line.contains("\"path\":\"database.password\"") && line.contains("\"action\":\"get\""),
        "{line}"
    );
    assert!(!line.contains("s3cret"), "{line}");
    let mut command = bench.command(JOBCRYPT);
    command
        .env("GITHUB_RUN_ID", "77")
        .env("GITHUB_ACTOR", "ada")
        .args(["vault", "exec", "v", "--audit", "run", "--", "true"]);
    assert_eq!(run(&mut command, "").code, 0);
    let lines = bench.read("run");
    let released: Vec<_> = lines
        .lines()
        .filter(|line| line.contains("released"))
        .collect();
    assert_eq!(released.len(), 3, "{lines}");
    for line in released {
        let says = [
            "\"pipeline\":\"github:77\"",
            "\"actor\":\"ada\"",
            "\"action\":\"exec\"",
        ];
        assert!(says.iter().all(|it| line.contains(it)), "{line}");
    }
    fs::create_dir(bench.path().join("folder")).expect("it is ours");
    let refused = bench.vault(&["get", "v", "database.port", "--audit", "folder"]);
    assert!(refused.code != 0 && refused.out.is_empty());
}

#[test]
fn differences_are_named_and_shown_when_asked_for() {
    let bench = Workbench::with(r#"{"a":1,"b":2,"c":3}"#);
    fs::copy(bench.path().join("v"), bench.path().join("w")).expect("it is ours");
    assert_eq!(bench.vault(&["diff", "v", "w"]).code, 0);
    bench.vault_with(&["set", "w", "a"], "s3cret").done();
    bench.vault(&["unset", "w", "b"]).done();
    bench.vault_with(&["set", "w", "d"], "x").done();
    let diff = bench.vault(&["diff", "v", "w"]);
    assert_eq!((diff.code, diff.text()), (4, "~ a\n- b\n+ d\n"));
    let diff = bench.vault(&["diff", "v", "w", "--values"]);
    assert!(
        diff.text().contains("~ a\n  < 1\n  > \"s3cret\"\n"),
        "{}",
        diff.text()
    );
    let big = "12345678901234567890123";
    bench.vault_with(&["set", "w", "a", "--parse"], big).done();
    let diff = bench.vault(&["diff", "v", "w", "--values", "--json"]);
    assert!(diff.text().contains(big), "{}", diff.text());
}

#[test]
fn a_rotation_puts_the_new_key_into_its_file_first_and_keeps_the_old_one() {
    let bench = Workbench::with(VALUES);
    let (key, old) = (bench.read("vault.key"), bench.read("v"));
    bench.vault(&["rotate", "v", "--new-key"]).done();
    let keys = bench.read("vault.key");
    assert!(keys.ends_with(&key) && keys.lines().count() == 2);
    // An older version still opens, until the old key is retired.
    bench.write("old", &old);
    bench.vault(&["get", "old", "hosts"]).done();
    let again = bench.vault(&["rotate", "v", "--json"]).done();
    assert!(again.contains("\"written\": false"), "{again}");
    bench.vault(&["rotate", "v", "--retire"]).done();
    assert_eq!(
        bench.read("vault.key"),
        keys.split(',').next().expect("a key").to_owned() + "\n"
    );
    assert_eq!(bench.vault(&["get", "old", "hosts"]).code, 22);
    bench.vault(&["get", "v", "hosts"]).done();

    for (option, says) in [
        ("--new-key", "jobcrypt keys generate"),
        ("--retire", "take the older keys out"),
    ] {
        let mut command = bench.command(JOBCRYPT);
        command
            .env_remove("JOBCRYPT_KEYS_FILE")
            .env("JOBCRYPT_KEYS", bench.read("vault.key").trim());
        let refused = run(command.args(["vault", "rotate", "v", option]), "");
        assert_eq!(refused.code, 3, "{}", refused.err);
        assert!(refused.err.contains(says), "{}", refused.err);
    }
}

#[test]
fn keys_come_from_a_pipe_of_a_shell_too() {
    let bench = Workbench::with(VALUES);
    for command in ["get v hosts", "rotate v", "exec v -- printf done"] {
        let (ours, child) = command.split_once(" -- ").unwrap_or((command, ""));
        let line = format!("'{JOBCRYPT}' vault {ours} --keys-in <(cat vault.key) -- {child}");
        let line = if child.is_empty() {
            line.replace(" -- ", "")
        } else {
            line
        };
        let mut bash = bench.command("bash");
        bash.env_remove("JOBCRYPT_KEYS_FILE");
        run(bash.args(["-c", &line]), "").done();
    }
}

#[test]
fn a_vault_is_created_from_each_form() {
    let bench = Workbench::new();
    bench.write("a.json", r#"{"a":{"b":"1"}}"#);
    bench.write("a.yaml", "a:\n  b: \"1\"\n");
    bench.write(".env", "A=1\n");
    for (source, values) in [
        ("a.json", r#"{"a":{"b":"1"}}"#),
        ("a.yaml", r#"{"a":{"b":"1"}}"#),
        (".env", r#"{"A":"1"}"#),
    ] {
        let name = format!("{source}.vault");
        let run = bench.vault(&["create", &name, "--from", source]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.err.contains("still holds"), "{}", run.err);
        assert_eq!(
            bench
                .vault(&["export", &name, "--format", "json"])
                .done()
                .trim(),
            values
        );
    }
}
