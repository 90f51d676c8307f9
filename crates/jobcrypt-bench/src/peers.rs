use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    candidate::Who,
    peer::{Abilities, Peer},
    task::Operation,
};

const GO: Abilities = Abilities {
    who: Who::Go,
    ciphers: &["secretbox"],
    operations: &[
        Operation::Seal,
        Operation::Open,
        Operation::OpenTenthKey,
        Operation::OpenPlaintext,
    ],
};
const PYTHON: Abilities = Abilities {
    who: Who::Python,
    ciphers: &["fernet", "secretbox"],
    operations: &[Operation::Seal, Operation::Open],
};
const NODE: Abilities = Abilities {
    who: Who::Node,
    ciphers: &["aes256gcm"],
    operations: &[Operation::Seal, Operation::Open],
};

const HAMMERWORK: Abilities = Abilities {
    who: Who::Hammerwork,
    ciphers: &["aes256gcm"],
    operations: &[Operation::Seal, Operation::Open],
};

/// Where Debian keeps the sources of Go's libraries.
const GOPATH: &str = "/usr/share/gocode";

/// The peers that this machine has, running, and a line for each that it does not have.
pub(crate) struct Peers {
    pub(crate) programs: Vec<Peer>,
    pub(crate) left_out: Vec<String>,
}

impl Peers {
    /// Finds and starts the peers.
    pub(crate) fn find() -> io::Result<Self> {
        let mut peers = Self {
            programs: Vec::new(),
            left_out: Vec::new(),
        };
        peers.add("Go, River's path", go()?);
        peers.add("Python's cryptography and PyNaCl", python()?);
        peers.add("Node's crypto", node()?);
        peers.programs.extend(hammerwork()?);
        Ok(peers)
    }

    fn add(&mut self, title: &str, found: Result<Peer, &str>) {
        match found {
            Ok(peer) => self.programs.push(peer),
            Err(missing) => self.left_out.push(format!(
                "{title}: there is no {missing}; `cargo xtask bench --peers` installs it"
            )),
        }
    }
}

/// What is missing, or the peer.
type Found = io::Result<Result<Peer, &'static str>>;

fn go() -> Found {
    let folder = installed_peers()?;
    let installed = folder.join("venv/bin/go").into_os_string();
    let Some(go) = [installed, OsString::from("go")]
        .into_iter()
        .find(|go| answers(go, &["version"]))
    else {
        return Ok(Err("Go"));
    };
    if !Path::new(GOPATH)
        .join("src/golang.org/x/crypto/nacl/secretbox")
        .exists()
    {
        return Ok(Err("x/crypto (Debian's golang-golang-x-crypto-dev)"));
    }
    fs::create_dir_all(&folder)?;
    let program = folder.join("go-peer");
    let built = Command::new(go)
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(sources("go"))
        .env("GO111MODULE", "off")
        .env("GOPATH", GOPATH)
        .env("GOCACHE", folder.join("go-cache"))
        .env("GOFLAGS", "-buildvcs=false")
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local")
        .status()?;
    if !built.success() {
        // An older Go has said above what it does not understand.
        return Ok(Err("Go 1.22 or later"));
    }
    let peer = Peer::start(&GO, &mut Command::new(program))?;
    Ok(Ok(peer.with_version(|go| {
        format!("{}, x/crypto {}", go.replace("go", "Go "), x_crypto())
    })))
}

fn python() -> Found {
    let installed = installed_peers()?.join("venv/bin/python");
    let python = [installed.into_os_string()]
        .into_iter()
        .chain(env::var_os("JOBCRYPT_TEST_PYTHON"))
        .chain(["/usr/bin/python3", "python3"].map(OsString::from))
        .find(|python| answers(python, &["-c", "import cryptography.fernet, nacl.secret"]));
    let Some(python) = python else {
        return Ok(Err("Python 3 that can import cryptography and nacl"));
    };
    let peer = Peer::start(
        &PYTHON,
        Command::new(python).arg(sources("python").join("peer.py")),
    )?;
    Ok(Ok(peer.with_version(|said| format!("Python {said}"))))
}

fn node() -> Found {
    let node = OsString::from("node");
    if !answers(&node, &["--version"]) {
        return Ok(Err("Node"));
    }
    let peer = Peer::start(
        &NODE,
        Command::new(node).arg(sources("node").join("peer.js")),
    )?;
    Ok(Ok(peer.with_version(|said| format!("Node {said}"))))
}

/// The engine of Hammerwork, where `cargo xtask bench --peers=all` has built it.
fn hammerwork() -> io::Result<Option<Peer>> {
    let program = installed_peers()?.join("hammerwork/release/hammerwork-peer");
    program
        .exists()
        .then(|| Peer::start(&HAMMERWORK, &mut Command::new(program)))
        .transpose()
}

fn answers(program: &OsString, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Debian's package of x/crypto knows its version, its sources do not.
fn x_crypto() -> String {
    Command::new("dpkg-query")
        .args(["-W", "-f", "${Version}", "golang-golang-x-crypto-dev"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map_or_else(
            || "of unknown version".to_owned(),
            |output| {
                let version = String::from_utf8_lossy(&output.stdout).into_owned();
                let upstream = version
                    .rsplit_once('-')
                    .map_or(&*version, |(front, _)| front);
                let upstream = upstream.split_once(':').map_or(upstream, |(_, rest)| rest);
                upstream.to_owned()
            },
        )
}

fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("peers")
        .join(language)
}

/// Where `cargo xtask bench --peers` installs: beside the folder of this program.
fn installed_peers() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or_else(|| {
        io::Error::other("this program does not lie in the target folder of cargo")
    })?;
    Ok(target.join("bench-peers"))
}
