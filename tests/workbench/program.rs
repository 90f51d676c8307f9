use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Returns a program of the project as it is now, selected as cargo does, such as `--bin jobcrypt`: cargo
/// builds it, unless it is built already.
pub fn program(selection: [&str; 2]) -> PathBuf {
    build(selection, &[])
}

/// Returns a program that needs a feature which is off by default, such as `jobcrypt-examples/naas`.
pub fn program_with(selection: [&str; 2], feature: &str) -> PathBuf {
    build(selection, &["--features", feature])
}

fn build([selector, name]: [&str; 2], features: &[&str]) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo says of the package of a test, build scripts look at: what stands on them would be built anew.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    let output = cargo
        .args(["build", "--quiet", "--workspace", selector, name])
        // Beside a test, cargo chooses the features of all that both depend on as it has for the tests.
        .args(["--test", "architecture"])
        .args(features)
        // The features that `cargo xtask test` has built everything with, so that it is built already.
        .args(env::var("JOBCRYPT_TEST_FEATURES"))
        .arg("--message-format=json-render-diagnostics")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} builds not: {errors}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo says where the program is")
}
