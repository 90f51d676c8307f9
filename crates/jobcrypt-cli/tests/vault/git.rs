//! A repository of git that has the command as its merge driver and its textconv.

use crate::workbench::{JOBCRYPT, Run, Workbench, run};

fn git(bench: &Workbench, arguments: &[&str]) -> Run {
    let mut git = bench.command("git");
    // Whatever this machine's user has configured.
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null");
    run(git.args(arguments), "")
}

fn repository(has_driver: bool) -> Workbench {
    let bench = Workbench::new();
    bench
        .vault_with(
            &[
                "create",
                "credentials.vault",
                "--from",
                "-",
                "--source",
                "json",
            ],
            r#"{"a":1,"b":2,"c":3}"#,
        )
        .done();
    let must = |arguments: &[&str]| git(&bench, arguments).done();
    must(&["init", "--quiet", "--initial-branch=base"]);
    must(&["config", "user.name", "Ada"]);
    must(&["config", "user.email", "ada@example.com"]);
    if has_driver {
        must(&[
            "config",
            "merge.jobcrypt.driver",
            &format!("{JOBCRYPT} vault merge %O %A %B %P"),
        ]);
        must(&[
            "config",
            "diff.jobcrypt.textconv",
            &format!("{JOBCRYPT} vault textconv"),
        ]);
    }
    bench.write(
        ".gitattributes",
        "*.vault -text merge=jobcrypt diff=jobcrypt\n",
    );
    bench.write(".gitignore", "vault.key\n");
    commit(&bench);
    must(&["branch", "theirs"]);
    must(&["switch", "--quiet", "--create", "ours"]);
    bench
}

fn commit(bench: &Workbench) {
    git(bench, &["add", "--all"]).done();
    git(bench, &["commit", "--quiet", "--message=Change"]).done();
}

fn set(bench: &Workbench, branch: &str, path: &str, value: &str) {
    git(bench, &["switch", "--quiet", branch]).done();
    bench
        .vault_with(&["set", "credentials.vault", path], value)
        .done();
    commit(bench);
}

fn merge(bench: &Workbench) -> Run {
    git(bench, &["switch", "--quiet", "ours"]).done();
    git(bench, &["merge", "--message=Merge", "theirs"])
}

#[test]
fn branches_that_change_different_values_merge() {
    let bench = repository(true);
    set(&bench, "ours", "a", "ours");
    set(&bench, "theirs", "b", "theirs");
    merge(&bench).done();
    let json = bench
        .vault(&["export", "credentials.vault", "--format", "json"])
        .done();
    assert_eq!(json, "{\"a\":\"ours\",\"b\":\"theirs\",\"c\":3}\n");
}

#[test]
fn branches_that_change_one_value_conflict_by_its_name() {
    let bench = repository(true);
    set(&bench, "ours", "a", "ours");
    set(&bench, "theirs", "a", "theirs");
    let run = merge(&bench);
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("credentials.vault: both sides changed a"),
        "{}",
        run.err
    );
    assert_eq!(
        bench.vault(&["get", "credentials.vault", "a"]).done(),
        "ours"
    );
}

#[test]
fn a_merge_by_text_alone_is_refused_with_advice() {
    let bench = repository(false);
    set(&bench, "ours", "a", "ours");
    set(&bench, "theirs", "c", "theirs");
    assert_ne!(merge(&bench).code, 0);
    let refused = bench.vault(&["get", "credentials.vault", "a"]);
    assert_eq!(refused.code, 23);
    assert!(
        refused.err.contains("jobcrypt vault merge"),
        "{}",
        refused.err
    );
}

#[test]
fn differences_between_commits_show_the_values() {
    let bench = repository(true);
    set(&bench, "ours", "b", "new");
    let diff = git(&bench, &["diff", "base", "ours"]).done();
    assert!(diff.contains("-b = 2\n+b = \"new\"\n"), "{diff}");
}
