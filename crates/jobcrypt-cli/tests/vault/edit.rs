//! An editor that is a script, on a terminal that `script` makes.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::workbench::{JOBCRYPT, Run, Terminal, Workbench, run};

/// Edits with a shell script as the editor; `input` is typed.
fn edit(bench: &Workbench, editor: &str, input: &str) -> Run {
    bench.write("editor", &format!("#!/bin/sh\nset -e\n{editor}\n"));
    let path = bench.path().join("editor");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it is ours");
    fs::create_dir_all(bench.path().join("memory")).expect("it is ours");
    let mut command = bench.command("script");
    command
        .env("VISUAL", format!("'{}' --wait", path.display()))
        .env("XDG_RUNTIME_DIR", bench.path().join("memory"));
    let edit = format!("'{JOBCRYPT}' vault edit v --audit log");
    let run = run(command.args(["-qec", &edit, "/dev/null"]), input);
    let left = fs::read_dir(bench.path().join("memory"))
        .expect("it is there")
        .count();
    assert_eq!(left, 0, "plaintext stays behind");
    run
}

#[test]
fn an_edited_value_is_saved_and_the_others_keep_their_bytes() {
    let bench = Workbench::with(r#"{"a":"one","b":"two"}"#);
    let before = bench.read("v");
    // As many editors save: a new file in the place of the old one.
    let run = edit(
        &bench,
        r#"test "$1" = --wait; stat -c %a "$2" "$(dirname "$2")" > modes; sed s/one/1ne/ "$2" > "$2.new"; mv "$2.new" "$2""#,
        "",
    );
    assert_eq!(run.code, 0, "{}", run.text());
    assert_eq!(bench.read("modes"), "600\n700\n");
    assert_eq!(bench.vault(&["get", "v", "a"]).done(), "1ne");
    let after = bench.read("v");
    let line = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("b "))
            .map(str::to_owned)
    };
    assert_eq!(line(&before), line(&after));
    assert!(bench.read("log").contains("\"action\":\"edit\""));
}

#[test]
fn unchanged_means_untouched() {
    let bench = Workbench::with(r#"{"a":"one"}"#);
    let before = bench.read("v");
    assert_eq!(edit(&bench, "true", "").code, 28);
    // Another text of the same values.
    assert_eq!(edit(&bench, r#"echo '# later' >> "$2""#, "").code, 28);
    for failure in ["exit 1", "kill -9 $$", r#"rm "$2""#] {
        let run = edit(&bench, failure, "");
        assert_eq!(run.code, 1, "{failure} {}", run.text());
    }
    assert_eq!(bench.read("v"), before);
}

#[test]
fn an_empty_text_takes_no_values_away() {
    let bench = Workbench::with(r#"{"a":"one"}"#);
    let before = bench.read("v");
    let run = edit(&bench, r#": > "$2""#, "");
    assert_eq!(run.code, 130, "{}", run.text());
    assert!(run.text().contains("write {}"), "{}", run.text());
    assert_eq!(bench.read("v"), before);
    assert_eq!(edit(&bench, r#"echo {} > "$2""#, "").code, 0);
    assert_eq!(bench.vault(&["list", "v"]).done(), "");
}

#[test]
fn what_an_editor_of_windows_saves_is_read() {
    let bench = Workbench::with(r#"{"a":"one"}"#);
    let editor = r#"printf '\357\273\277a: "two"\r\n' > "$2""#;
    let run = edit(&bench, editor, "");
    assert_eq!(run.code, 0, "{}", run.text());
    let json = bench.vault(&["export", "v", "--format", "json"]).done();
    assert_eq!(json.trim(), r#"{"a":"two"}"#);
}

#[test]
fn numbers_keep_their_spelling_whatever_they_are_edited_as() {
    let values = r#"{"a":"one","big":12345678901234567890123,"long":1.10,"vast":1e400}"#;
    for form in ["yaml", "json"] {
        let bench = Workbench::with(values);
        let mut script = bench.command("script");
        script.env("EDITOR", "sed -i s/one/1ne/");
        let line = format!("'{JOBCRYPT}' vault edit v --as {form}");
        let (code, screen) = Terminal::start(&mut script, &line).end();
        assert_eq!(code, 0, "{screen}");
        let json = bench.vault(&["export", "v", "--format", "json"]).done();
        assert_eq!(json.trim(), values.replace("one", "1ne"), "{form}");
    }
}

#[test]
fn a_mistake_is_shown_and_edited_again() {
    let bench = Workbench::with(r#"{"a":"one"}"#);
    let editor = r#"if test -e again; then echo 'a: "two"' > "$2"; else touch again; echo 'a: "s3cret' > "$2"; fi"#;
    let run = edit(&bench, editor, "\n");
    assert_eq!(run.code, 0, "{}", run.text());
    assert!(run.text().contains("it is no YAML"), "{}", run.text());
    assert_eq!(bench.vault(&["get", "v", "a"]).done(), "two");
}

#[test]
fn what_others_changed_meanwhile_stays() {
    let bench = Workbench::with(r#"{"a":"one","b":"two"}"#);
    let other = format!(r#"printf new | '{JOBCRYPT}' vault set v b; sed -i s/one/1ne/ "$2""#);
    assert_eq!(edit(&bench, &other, "").code, 0);
    assert_eq!(
        bench.vault(&["export", "v", "--format", "json"]).done(),
        "{\"a\":\"1ne\",\"b\":\"new\"}\n"
    );
}

#[test]
fn where_both_changed_a_value_the_others_change_can_be_kept() {
    let bench = Workbench::with(r#"{"a":"one"}"#);
    let editor = format!(
        r#"if test -e again; then sed -i s/1ne/one/ "$2"; else
        touch again; printf new | '{JOBCRYPT}' vault set v a; sed -i s/one/1ne/ "$2"; fi"#
    );
    let run = edit(&bench, &editor, "\n");
    assert_eq!(run.code, 28, "{}", run.text());
    assert!(
        run.text().contains("another process changed a"),
        "{}",
        run.text()
    );
    assert_eq!(bench.vault(&["get", "v", "a"]).done(), "new");
}

#[test]
fn a_signal_leaves_no_plaintext_and_the_old_vault() {
    let bench = Workbench::with(r#"{"a":"one"}"#);
    let before = bench.read("v");
    let run = edit(
        &bench,
        r#"echo 'a: "two"' > "$2"; kill -TERM $PPID; exec sleep 100"#,
        "",
    );
    assert_eq!(run.code, 130, "{}", run.text());
    assert_eq!(bench.read("v"), before);
}
