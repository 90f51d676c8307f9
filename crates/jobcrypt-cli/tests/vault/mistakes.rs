//! What goes wrong for someone who has read the help, or has not.

use crate::workbench::{Terminal, Workbench};

const VALUES: &str = r#"{"a":"old","database":{"password":"x"}}"#;

#[test]
fn what_is_typed_for_a_value_is_never_repeated() {
    let bench = Workbench::with(VALUES);
    let before = bench.read("v");
    for arguments in [
        &["set", "v", "a", "s3cret", "s3cret"][..],
        &["set", "v", "a", "-s3cret"],
        &["set", "v", "a", "--s3cret"],
        &["set", "v", "a", "--value=s3cret"],
        &["set", "v", "a", "--parse=s3cret"],
        &["set", "v", "a=s3cret"],
        &["set", "v", "s3\"cret"],
        &["set", "v", "a..s3cret"],
        &["set", "v", "a", "s3cret", "--from", "x"],
        &["set", "v", "a", "--cipher", "s3cret"],
        &["set", "v", "a", "s3cret", "s3cret", "--json"],
    ] {
        let run = bench.vault_with(arguments, "x");
        assert_eq!(run.code, 2, "{arguments:?} {}", run.err);
        assert!(run.out.is_empty());
        assert!(
            !run.err.contains("s3"),
            "{arguments:?} is repeated: {}",
            run.err
        );
        assert!(run.err.contains("--from SOURCE"), "{}", run.err);
    }
    let json = bench.vault(&["set", "v", "--json"]);
    assert!(json.err.contains("\"exit_code\":2"), "{}", json.err);
    assert!(
        bench
            .vault(&["set", "v", "a", "--form", "x"])
            .err
            .contains("--from")
    );
    assert_eq!(bench.read("v"), before);
    // Whoever means such a name says so.
    bench.vault_with(&["set", "v", "[\"a=b\"]"], "x").done();
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let bench = Workbench::with(VALUES);
    for (arguments, says) in [
        (&["get", "v"][..], "jobcrypt vault list FILE"),
        (&["unset", "v"], "jobcrypt vault list FILE"),
        (&["set", "v"], "from standard input"),
        (&["exec", "v"], "put -- in front of the command"),
        (&["exec", "v", "--"], "put -- in front of the command"),
        (
            &["exec", "v", "curl", "-H", "s3cret"],
            "put -- in front of the command",
        ),
        (
            &["exec", "v", "A=s3cret", "env"],
            "put -- in front of the command",
        ),
        (&["export", "v", "--to", "file"], "is for github-env"),
        (
            &["export", "v", "--format", "json", "--to", "file"],
            "is for github-env",
        ),
        (
            &["export", "v", "--format", "yaml", "--prefix", "X_"],
            "leave --prefix",
        ),
        (
            &["export", "v", "--json", "--name", "X=a"],
            "leave --prefix",
        ),
        (
            &["create", "w", "--id", "AAAAAAAAAAAAAAAAAAAAAA"],
            "leave --id out",
        ),
    ] {
        let run = bench.vault(arguments);
        assert_eq!(run.code, 2, "{arguments:?} {}", run.err);
        assert!(run.err.contains(says), "{arguments:?} {}", run.err);
        assert!(!run.err.contains("s3cret"), "{}", run.err);
    }
    assert!(bench.vault(&["get", "v", "--jsn"]).err.contains("--json"));
}

#[test]
fn nothing_is_no_value_unless_that_is_said() {
    let bench = Workbench::with(VALUES);
    let run = bench.vault_with(&["set", "v", "a"], "");
    assert_eq!(run.code, 3);
    assert!(run.err.contains("--from /dev/null"), "{}", run.err);
    assert_eq!(bench.vault_with(&["set", "v", "a"], "\n").code, 3);
    assert_eq!(bench.vault(&["get", "v", "a"]).done(), "old");
    bench
        .vault(&["set", "v", "a", "--from", "/dev/null"])
        .done();
    assert_eq!(bench.vault(&["get", "v", "a"]).done(), "");
}

#[test]
fn a_value_is_asked_for_and_does_not_show() {
    let bench = Workbench::with(VALUES);
    let ask = |typed: &str| {
        let line = format!("'{}' vault set v a", crate::workbench::JOBCRYPT);
        let mut terminal = Terminal::start(&mut bench.command("script"), &line);
        terminal.wait_for("a: ");
        terminal.type_in(typed);
        terminal.end()
    };
    let (code, screen) = ask("s3cret with spaces\n");
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("s3cret"), "{screen}");
    assert_eq!(bench.vault(&["get", "v", "a"]).done(), "s3cret with spaces");
    // Ctrl-C, nothing, the end of what is typed, Ctrl-Z, an arrow, more than a line.
    for (typed, code) in [
        ("\u{3}", 130),
        ("\n", 3),
        ("\u{4}", 3),
        ("\u{1a}\n", 1),
        ("x\u{1b}[D\n", 1),
        ("-----BEGIN\nMIIE\n-----END\n", 1),
    ] {
        let (found, screen) = ask(typed);
        assert_eq!(found, code, "{screen}");
    }
    assert_eq!(bench.vault(&["get", "v", "a"]).done(), "s3cret with spaces");
}

#[test]
fn what_windows_writes_is_read() {
    let bench = Workbench::new();
    let json = "\u{feff}{\"a\":\r\n\"1\"}\r\n";
    let yaml = "\u{feff}a: \"1\"\r\nb: |\r\n  one\r\n  two\r\n";
    let dotenv = "\u{feff}A=1\r\nB=\"x y\"\r\n";
    for (form, text, values) in [
        ("json", json, r#"{"a":"1"}"#),
        ("yaml", yaml, r#"{"a":"1","b":"one\ntwo\n"}"#),
        ("dotenv", dotenv, r#"{"A":"1","B":"x y"}"#),
    ] {
        let create = ["create", form, "--from", "-", "--source", form];
        bench.vault_with(&create, text).done();
        let json = bench.vault(&["export", form, "--format", "json"]).done();
        assert_eq!(json.trim(), values);
    }
    bench.vault_with(&["set", "json", "a"], "s3cret\r\n").done();
    assert_eq!(bench.vault(&["get", "json", "a"]).done(), "s3cret");
    let key = bench.read("vault.key");
    bench.write("vault.key", &format!("{}\r\n", key.trim()));
    bench.vault(&["get", "json", "a"]).done();
}

#[test]
fn names_of_any_signs_are_set_listed_and_read() {
    let bench = Workbench::with("{}");
    for (path, canonical) in [
        ("é.ü", r#"["é"]["ü"]"#),
        ("a b", r#"["a b"]"#),
        ("\u{202e}x", r#"["\u202ex"]"#),
        (r#"["line\u000abreak"]"#, r#"["line\u000abreak"]"#),
        (r"a\.b", r#"["a.b"]"#),
        (r#"[""]"#, r#"[""]"#),
        ("-x", "-x"),
    ] {
        let run = bench.vault_with(&["set", "v", "--", path], "s3cret");
        assert_eq!(run.code, 0, "{path} {}", run.err);
        assert!(bench.vault(&["list", "v"]).done().contains(canonical));
        assert_eq!(bench.vault(&["get", "v", "--", path]).done(), "s3cret");
        assert_eq!(bench.vault(&["get", "v", "--", canonical]).done(), "s3cret");
    }
    assert_eq!(bench.vault_with(&["set", "v", "../x"], "s3cret").code, 2);
    assert_eq!(bench.vault(&["exec", "v", "--", "true"]).code, 25);
    bench.vault(&["verify", "v"]).done();
}

#[test]
fn a_value_of_a_megabyte_is_kept_and_too_long_for_a_command() {
    let bench = Workbench::with("{}");
    let long = "0123456789abcdef".repeat(64 * 1024);
    bench.vault_with(&["set", "v", "a"], &long).done();
    assert_eq!(bench.vault(&["get", "v", "a"]).done(), long);
    let run = bench.vault(&["exec", "v", "--", "true"]);
    assert_eq!(run.code, 126);
    assert!(run.err.contains("--only"), "{}", run.err);
}

#[test]
fn an_empty_vault_is_no_error() {
    let bench = Workbench::with("{}");
    assert_eq!(bench.vault(&["list", "v"]).done(), "");
    assert_eq!(bench.vault(&["get", "v", "a"]).code, 24);
    assert_eq!(bench.vault(&["unset", "v", "a"]).code, 24);
    assert_eq!(bench.vault(&["exec", "v", "--", "echo", "x"]).done(), "x\n");
    assert_eq!(bench.vault(&["export", "v"]).done(), "");
    assert_eq!(
        bench.vault(&["export", "v", "--format", "yaml"]).done(),
        "{}\n"
    );
    assert_eq!(bench.vault(&["textconv", "v"]).done(), "");
    assert!(bench.vault(&["verify", "v"]).done().contains("values 0"));
    bench.vault(&["rotate", "v", "--new-key"]).done();
}
