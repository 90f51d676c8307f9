//! The independent reader and writer in Go.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// Where Debian and Fedora keep the sources of Go's libraries.
const GOPATH: &str = "/usr/share/gocode";

/// Builds `jobcrypt_format.go`, written from docs/format.md, once, and returns its path.
pub(crate) fn jobcrypt_format() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(build);
    &PROGRAM
}

fn build() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join("jobcrypt_format_go");
    let built = Command::new("go")
        .arg("build")
        .arg("-o")
        .arg(&program)
        .arg("jobcrypt_format.go")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/go"))
        .env("GO111MODULE", "off")
        .env(
            "GOPATH",
            env::var_os("JOBCRYPT_TEST_GOPATH").unwrap_or(GOPATH.into()),
        )
        .env("GOCACHE", folder.join("go-cache"))
        .env("GOFLAGS", "-buildvcs=false")
        .env("GOTOOLCHAIN", "local")
        .status();
    let is_built = built.is_ok_and(|status| status.success());
    assert!(
        is_built,
        "Go, or its library x/crypto, is missing: run the tests with `cargo xtask test`, which installs them or says how"
    );
    program
}
