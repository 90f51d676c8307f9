use std::{fs, io, path::PathBuf};

use clap::{Args, ValueEnum};

use crate::cargo::{announce, exit_code};

#[derive(Args)]
pub(crate) struct Fuzz {
    /// What to fuzz; all of them, one after the other, unless one is named
    target: Option<Target>,
    /// How long each runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// Token parsing
    Token,
    /// Opening altered envelopes
    Open,
    /// Telling envelopes from plaintext
    Envelope,
    /// Sealing fields, and opening them in altered args
    Fields,
    /// Reading files of the credential vault, paths and values
    Vault,
}

/// What cargo-fuzz asks the compiler for: counters at each edge and comparison, and the address sanitizer
/// for the dependencies that use `unsafe`.
const INSTRUMENTED: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Ccodegen-units=1 -Zsanitizer=address";

/// Fuzzes and returns the exit code of the first target that finds something, which libFuzzer leaves in
/// `target/fuzz/<target>`.
pub(crate) fn run(fuzz: &Fuzz) -> io::Result<u8> {
    let targets = fuzz
        .target
        .map_or_else(|| Target::value_variants().to_vec(), |target| vec![target]);
    for target in targets {
        let code = run_target(target.name(), fuzz.seconds)?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Open => "open",
            Self::Envelope => "envelope",
            Self::Fields => "fields",
            Self::Vault => "vault",
        }
    }
}

fn run_target(name: &str, seconds: u32) -> io::Result<u8> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    // What is found along the way goes here, and the corpus of the repository stays small.
    let found = root.join("target/fuzz").join(name);
    fs::create_dir_all(&found)?;
    let seeds = root.join("tests/fuzz/corpus").join(name);
    let [found, seeds] = [found, seeds].map(|path| path.display().to_string());
    let host = host();
    let time = format!("-max_total_time={seconds}");
    let artifacts = format!("-artifact_prefix={found}/");
    // Naming the host's target keeps the instruments out of build scripts and macros.
    let arguments = [
        "run",
        "--quiet",
        "--release",
        "--manifest-path",
        "tests/fuzz/Cargo.toml",
        "--target-dir",
        "target/fuzz-build",
        "--target",
        &host,
        "--bin",
        name,
        "--",
        &time,
        "-print_final_stats=1",
        &artifacts,
        &found,
        &seeds,
    ];
    exit_code(
        announce("fuzz", &arguments)
            // A stable compiler knows the sanitizers too, and keeps them behind this.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", INSTRUMENTED),
    )
}

/// The platform that this program was compiled for.
fn host() -> String {
    format!(
        "{}-unknown-linux-{}",
        std::env::consts::ARCH,
        if cfg!(target_env = "musl") {
            "musl"
        } else {
            "gnu"
        }
    )
}
