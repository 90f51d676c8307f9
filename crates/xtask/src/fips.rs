use std::io;

use crate::{
    cargo::{announce, exit_code},
    requirements,
};

/// Builds AWS-LC's FIPS module, and tests AES-256-GCM inside it: what it says of itself, the contract of an
/// encryptor, Wycheproof, and another implementation. Returns the exit code of `cargo test`.
pub(crate) fn run() -> io::Result<u8> {
    requirements::meet_those_of_fips()?;
    let tests = ["conformance", "differential", "fips", "wycheproof"];
    let mut arguments = vec!["test", "--package", "jobcrypt-ciphers", "--all-features"];
    arguments.extend(tests.iter().flat_map(|test| ["--test", test]));
    arguments.extend(["--", "--show-output"]);
    exit_code(&mut announce("fips", &arguments))
}
