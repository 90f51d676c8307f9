//! A folder with a file of keys, and the command in it.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

pub(crate) const JOBCRYPT: &str = env!("CARGO_BIN_EXE_jobcrypt");

/// What the command uses, and this process may have.
const VARIABLES: [&str; 8] = [
    "JOBCRYPT_AUDIT_KEY",
    "JOBCRYPT_KEYS",
    "JOBCRYPT_KEYS_FILE",
    "MASTER_KEY",
    "MASTER_KEY_FILE",
    "GITHUB_ENV",
    "VISUAL",
    "EDITOR",
];

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    /// Lines are broken to the width of a terminal; here they are one.
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.out).expect("it is text")
    }

    /// Returns what was printed by a command that succeeded.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{}", self.err);
        String::from_utf8(self.out).expect("it is text")
    }
}

/// The Python that the project has seen to.
pub(crate) fn python() -> String {
    std::env::var("JOBCRYPT_TEST_PYTHON")
        .expect("JOBCRYPT_TEST_PYTHON is not set: run the tests with `cargo xtask test`")
}

/// As shells have it: 128 and the signal.
fn code(status: ExitStatus) -> i32 {
    let by_signal = || status.signal().map(|signal| 128 + signal);
    status.code().or_else(by_signal).expect("it ended")
}

pub(crate) struct Workbench(tempfile::TempDir);

impl Workbench {
    /// A folder with a key of XChaCha20-Poly1305 in `vault.key`.
    pub(crate) fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// The same, in a folder of that one.
    pub(crate) fn below(parent: &Path) -> Self {
        let it = Self(tempfile::tempdir_in(parent).expect("a folder"));
        let key = it.run(&["keys", "generate"], "").done();
        it.write("vault.key", &key);
        it
    }

    pub(crate) fn with(values: &str) -> Self {
        let it = Self::new();
        it.create(values);
        it
    }

    pub(crate) fn create(&self, values: &str) {
        let source = ["create", "v", "--from", "-", "--source", "json"];
        self.vault_with(&source, values).done();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::write(&path, text).expect("it is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("it is there")
    }

    /// A program in this folder, with the variables of no key but the file.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        command
            .env("JOBCRYPT_KEYS_FILE", self.path().join("vault.key"))
            .env("COLUMNS", "200")
            .current_dir(self.path());
        command
    }

    /// What is in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("it is there");
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("it is text");
        let mut names: Vec<_> = entries.flatten().map(name).collect();
        names.sort();
        names
    }

    pub(crate) fn vault(&self, arguments: &[&str]) -> Run {
        self.vault_with(arguments, "")
    }

    pub(crate) fn vault_with(&self, arguments: &[&str], input: &str) -> Run {
        let arguments: Vec<_> = ["vault"].iter().chain(arguments).copied().collect();
        self.run(&arguments, input)
    }

    fn run(&self, arguments: &[&str], input: &str) -> Run {
        let mut command = self.command(JOBCRYPT);
        command.args(arguments);
        run(&mut command, input)
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command, input: &str) -> Run {
    let program = command.get_program().display().to_string();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; cargo xtask test installs it"));
    let mut stdin = child.stdin.take().expect("it is piped");
    // Whoever needs no input closes it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    Run {
        code: code(output.status),
        out: output.stdout,
        err: String::from_utf8_lossy(&output.stderr)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// A command line on a terminal of its own, which `script` makes.
pub(crate) struct Terminal {
    child: Child,
    keyboard: Option<ChildStdin>,
    screen: ChildStdout,
    seen: Vec<u8>,
}

impl Terminal {
    pub(crate) fn start(script: &mut Command, line: &str) -> Self {
        let mut child = script
            .args(["-qec", line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux, runs");
        Self {
            keyboard: child.stdin.take(),
            screen: child.stdout.take().expect("it is piped"),
            child,
            seen: Vec::new(),
        }
    }

    /// Waits until this is on the screen.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_for_either(text, text);
    }

    /// Waits until one of these is on the screen; returns whether it is the second.
    pub(crate) fn wait_for_either(&mut self, first: &str, second: &str) -> bool {
        let mut part = [0; 1024];
        loop {
            let seen = self.screen();
            if seen.contains(first) || seen.contains(second) {
                return !seen.contains(first);
            }
            let length = self.screen.read(&mut part).expect("it is open");
            assert_ne!(length, 0, "{first} never came: {seen}");
            self.seen.extend_from_slice(&part[..length]);
        }
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        let keyboard = self.keyboard.as_mut().expect("it is open");
        keyboard.write_all(text.as_bytes()).expect("it is open");
        keyboard.flush().expect("it is open");
    }

    /// Waits for the end; returns the exit code and what was on the screen.
    pub(crate) fn end(mut self) -> (i32, String) {
        self.screen.read_to_end(&mut self.seen).expect("it is open");
        drop(self.keyboard.take());
        let status = self.child.wait().expect("it ends");
        (code(status), self.screen())
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}
