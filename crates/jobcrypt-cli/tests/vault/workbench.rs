//! A folder with a file of keys, and the command in it.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
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

pub(crate) struct Workbench(tempfile::TempDir);

impl Workbench {
    /// A folder with a key of XChaCha20-Poly1305 in `vault.key`.
    pub(crate) fn new() -> Self {
        let it = Self(tempfile::tempdir().expect("a folder"));
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
        code: output.status.code().unwrap_or(-1),
        out: output.stdout,
        err: String::from_utf8_lossy(&output.stderr)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    }
}
