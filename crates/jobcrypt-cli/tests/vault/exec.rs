//! A command that has the values, watched from outside.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    process::{Child, Stdio},
};

use crate::workbench::{JOBCRYPT, Workbench, run};

/// A script that says that it runs, and goes on until there is no more to read.
const WAIT: &str = "echo ready; read -r line || true";
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
    let (mut child, line) = begin(&mut command);
    assert_eq!(line.trim(), child.id().to_string());
    child.kill().expect("it lives");
    assert_eq!(child.wait().expect("it ends").signal(), Some(9));
}

/// Starts a command that prints a line and waits.
fn begin(command: &mut std::process::Command) -> (Child, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it prints");
    (child, line)
}

#[test]
#[cfg(target_os = "linux")]
fn whoever_looks_at_the_process_sees_no_key_and_no_value_but_in_its_environment() {
    let bench = Workbench::with(VALUES);
    let key = bench.read("vault.key");
    let mut command = bench.command(JOBCRYPT);
    command
        .env_remove("JOBCRYPT_KEYS_FILE")
        .env("JOBCRYPT_KEYS", key.trim())
        .env("JOBCRYPT_AUDIT_KEY", "unused")
        .env("MASTER_KEY", "unused");
    command.args(["vault", "exec", "v", "--", "sh", "-c", WAIT]);
    let (mut child, _) = begin(&mut command);
    let look = |name: &str| {
        let seen = fs::read(format!("/proc/{}/{name}", child.id())).expect("it lives");
        String::from_utf8_lossy(&seen).into_owned()
    };
    let environment = look("environ");
    assert!(environment.contains("DATABASE_PASSWORD=s3cret-in-a-million\0"));
    for name in [
        "JOBCRYPT_KEYS",
        "JOBCRYPT_AUDIT_KEY",
        "MASTER_KEY",
        key.trim(),
    ] {
        assert!(!environment.contains(name), "{name} is there");
    }
    assert_eq!(look("cmdline"), format!("sh\0-c\0{WAIT}\0"));
    // Neither the vault nor its keys nor their folder is open still.
    let folder = bench.path().canonicalize().expect("it is there");
    for open in fs::read_dir(format!("/proc/{}/fd", child.id())).expect("it lives") {
        let file = fs::read_link(open.expect("it lives").path()).expect("it lives");
        assert!(!file.starts_with(&folder), "{} is open", file.display());
    }
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
    assert_eq!(bench.names(), ["v", "vault.key"]);
}

#[test]
#[cfg(target_os = "linux")]
fn signals_are_ignored_or_not_as_they_were() {
    let bench = Workbench::with(VALUES);
    let of = |program: &[&str]| {
        let mut shell = bench.command("sh");
        shell.args(["-c", r#"trap "" HUP USR1; exec "$@""#, "sh"]);
        let status = ["grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"];
        let sets = run(shell.args(program).args(status), "").done();
        let set = |line: &str| {
            let set = line.split_whitespace().last().expect("it has a set");
            // The C library keeps 32 and 33 for itself.
            u64::from_str_radix(set, 16).expect("it is a set") & !(0b11 << 31)
        };
        sets.lines().map(set).collect::<Vec<_>>()
    };
    let direct = of(&[]);
    // SIGHUP is 1 and SIGUSR1 is 10.
    assert_eq!(direct[1] & 0x201, 0x201, "{direct:x?}");
    assert_eq!(of(&[JOBCRYPT, "vault", "exec", "v", "--"]), direct);
}

#[test]
fn masks_stand_in_front_of_what_the_command_prints() {
    let bench = Workbench::with(VALUES);
    let print = "echo out; echo err >&2";
    let run = bench.vault(&["exec", "v", "--mask", "--", "sh", "-c", print]);
    assert_eq!(run.code, 0);
    let masks = ["::add-mask::s3cret-in-a-million", "::add-mask::5432"];
    assert_eq!(run.text(), masks.join("\n") + "\nout\n");
    assert_eq!(run.err, masks.join(" ") + " err");
    assert!(
        !bench
            .vault(&["exec", "v", "--", "true"])
            .text()
            .contains("::")
    );
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
        "trace=execve,open,openat,creat,memfd_create,write,writev,pwrite64,sendto,clone,fork,vfork",
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
            .any(|line| ["O_CREAT", "O_WRONLY", "O_RDWR", "memfd"]
                .iter()
                .any(|it| line.contains(it))),
        "{ours}"
    );
    assert!(child.contains("DATABASE_PASSWORD=s3cret-in-a-million"));
    assert!(!child.contains(key.trim()) && !child.contains("JOBCRYPT_KEYS"));
}
