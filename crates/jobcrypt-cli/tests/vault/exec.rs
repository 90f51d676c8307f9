//! A command that has the values, watched from outside.

use std::os::unix::process::ExitStatusExt;

use crate::workbench::{JOBCRYPT, Workbench, run};

const VALUES: &str = r#"{"database":{"password":"s3cret-in-a-million","port":5432},"tls":true}"#;

#[test]
fn the_command_has_the_values_and_no_key() {
    let bench = Workbench::with(VALUES);
    let key = bench.read("vault.key");
    let printed = bench
        .vault(&["exec", "v", "--prefix", "APP_", "--", "env"])
        .done();
    assert!(
        printed.contains("APP_DATABASE_PASSWORD=s3cret-in-a-million\n"),
        "{printed}"
    );
    assert!(printed.contains("APP_TLS=true\n"));
    assert!(!printed.contains("JOBCRYPT_KEYS"), "{printed}");
    let mut command = bench.command(JOBCRYPT);
    command
        .env_remove("JOBCRYPT_KEYS_FILE")
        .env("SOME_KEYS", key.trim());
    let with = [
        "vault",
        "exec",
        "v",
        "--keys-from",
        "SOME_KEYS",
        "--only",
        "tls",
        "--",
        "env",
    ];
    let printed = run(command.args(with), "").done();
    assert!(
        printed.contains("TLS=true\n") && !printed.contains(key.trim()),
        "{printed}"
    );
    assert!(!printed.contains("DATABASE"));
    let pristine = bench
        .vault(&["exec", "v", "--pristine", "--python-compat", "--", "env"])
        .done();
    assert_eq!(
        pristine,
        "DATABASE_PASSWORD=s3cret-in-a-million\nDATABASE_PORT=5432\nTLS=True\n"
    );
}

#[test]
fn arguments_exit_codes_and_signals_are_as_they_came() {
    let bench = Workbench::with(VALUES);
    let exec = |command: &[&str]| {
        let arguments: Vec<_> = ["exec", "v", "--"].iter().chain(command).copied().collect();
        bench.vault(&arguments)
    };
    assert_eq!(
        exec(&["printf", "%s|", "a b", "$HOME", "*", "--json"]).done(),
        "a b|$HOME|*|--json|"
    );
    assert_eq!(exec(&["sh", "-c", "exit 42"]).code, 42);
    assert_eq!(exec(&["no-such-command"]).code, 127);
    assert_eq!(exec(&["/no/such/command"]).code, 127);
    bench.write("not-executable", "x");
    assert_eq!(exec(&["./not-executable"]).code, 126);
    let mut command = bench.command(JOBCRYPT);
    let status = command
        .args(["vault", "exec", "v", "--", "sh", "-c", "kill -TERM $$"])
        .status();
    assert_eq!(status.expect("it runs").signal(), Some(15));
    // It is the same process, so whoever sends a signal to it sends it to the command.
    let mut command = bench.command(JOBCRYPT);
    command.args(["vault", "exec", "v", "--", "sh", "-c", "echo $$; exec cat"]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)
        .expect("it prints");
    assert_eq!(line.trim(), child.id().to_string());
    child.kill().expect("it lives");
    assert_eq!(child.wait().expect("it ends").signal(), Some(9));
}

#[test]
fn variables_that_are_set_are_overwritten_with_a_warning_or_not_at_all() {
    let bench = Workbench::with(VALUES);
    let exec = |option: &[&str]| {
        let mut command = bench.command(JOBCRYPT);
        command
            .env("TLS", "old")
            .args(["vault", "exec", "v"])
            .args(option);
        run(command.args(["--", "printenv", "TLS"]), "")
    };
    let warned = exec(&[]);
    assert_eq!(warned.text(), "true\n");
    assert!(warned.err.contains("overwrites TLS"), "{}", warned.err);
    let refused = exec(&["--strict"]);
    assert_eq!((refused.code, refused.out.len()), (25, 0));
    assert!(
        exec(&["--name", "OTHER=tls", "--strict"])
            .text()
            .contains("old")
    );
    assert_eq!(exec(&["--name", "JOBCRYPT_KEYS=tls"]).code, 25);
}

#[test]
#[cfg(target_os = "linux")]
fn no_plaintext_is_written_and_no_key_reaches_the_child() {
    let bench = Workbench::with(VALUES);
    let key = bench.read("vault.key");
    let traced = [
        "-f",
        "-v",
        "-s",
        "100000",
        "-o",
        "trace",
        "-e",
        "trace=execve,open,openat,creat,write,writev,pwrite64,sendto,clone,fork,vfork",
        JOBCRYPT,
        "vault",
        "exec",
        "v",
        "--",
        "/usr/bin/printf",
        "done",
    ];
    let mut command = bench.command("strace");
    assert_eq!(run(command.args(traced), "").done(), "done");
    let trace = bench.read("trace");
    let (ours, child) = trace
        .split_once("/usr/bin/printf\", [")
        .expect("it became the command");
    // Once as jobcrypt, once as the command, by the same process.
    assert_eq!(trace.matches("execve(").count(), 2, "{trace}");
    assert!(!ours.contains("s3cret-in-a-million"), "{ours}");
    assert!(
        !ours
            .lines()
            .any(|line| line.contains("O_CREAT") || line.contains("O_WRONLY")),
        "{ours}"
    );
    assert!(child.contains("DATABASE_PASSWORD=s3cret-in-a-million"));
    assert!(!child.contains(key.trim()) && !child.contains("JOBCRYPT_KEYS"));
}
