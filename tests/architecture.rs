//! Who may know whom: the arrows between the crates, as `docs/architecture.md` draws them.

use std::process::Command;

use serde_json::Value;

/// Each crate and the crates of the project that its library may depend on.
const MAY_KNOW: [(&str, &[&str]); 17] = [
    ("jobcrypt-core", &[]),
    ("jobcrypt-apalis", &["jobcrypt-core", "jobcrypt-tower"]),
    ("jobcrypt-audit", &["jobcrypt-core"]),
    ("jobcrypt-ciphers", &["jobcrypt-core"]),
    (
        "jobcrypt-graphile-worker",
        &["jobcrypt-core", "jobcrypt-tower"],
    ),
    ("jobcrypt-keys", &["jobcrypt-core"]),
    ("jobcrypt-river", &["jobcrypt-core", "jobcrypt-tower"]),
    ("jobcrypt-sidekiq", &["jobcrypt-core", "jobcrypt-tower"]),
    ("jobcrypt-store", &["jobcrypt-core"]),
    ("jobcrypt-testkit", &["jobcrypt-core"]),
    (
        "jobcrypt-tower",
        &["jobcrypt-core", "jobcrypt-tower-derive"],
    ),
    ("jobcrypt-tower-derive", &[]),
    ("jobcrypt-vault", &["jobcrypt-core"]),
    (
        "jobcrypt",
        &[
            "jobcrypt-apalis",
            "jobcrypt-audit",
            "jobcrypt-ciphers",
            "jobcrypt-core",
            "jobcrypt-graphile-worker",
            "jobcrypt-keys",
            "jobcrypt-river",
            "jobcrypt-sidekiq",
            "jobcrypt-store",
            "jobcrypt-tower",
            "jobcrypt-vault",
        ],
    ),
    ("jobcrypt-bench", &["jobcrypt", "jobcrypt-testkit"]),
    ("jobcrypt-cli", &["jobcrypt"]),
    ("xtask", &["jobcrypt-testkit"]),
];

/// What the contract must do without: I/O, a runtime, a queue, a cipher.
const NOT_IN_CORE: [&str; 8] = [
    "aes",
    "chacha20poly1305",
    "crypto_secretbox",
    "fernet",
    "riverqueue",
    "sqlx",
    "tokio",
    "tower",
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata failed");
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

/// The packages that the library of `name` depends on, without those of its tests.
fn dependencies(metadata: &Value, name: &str) -> Vec<String> {
    let packages = metadata["packages"].as_array().expect("there are packages");
    let package = packages
        .iter()
        .find(|package| package["name"] == name)
        .unwrap_or_else(|| panic!("there is no package {name}"));
    package["dependencies"]
        .as_array()
        .expect("a package lists its dependencies")
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| {
            dependency["name"]
                .as_str()
                .expect("it has a name")
                .to_owned()
        })
        .collect()
}

#[test]
fn each_crate_knows_only_whom_it_may() {
    let metadata = metadata();
    for (name, may_know) in MAY_KNOW {
        for dependency in dependencies(&metadata, name) {
            assert!(
                !dependency.starts_with("jobcrypt") || may_know.contains(&&*dependency),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn every_crate_of_the_project_is_in_the_list() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().expect("there are packages") {
        let path = package["manifest_path"].as_str().expect("it has a path");
        let name = package["name"].as_str().expect("it has a name");
        assert!(
            !path.contains("/crates/") || MAY_KNOW.iter().any(|(listed, _)| *listed == name),
            "say whom {name} may know"
        );
    }
}

#[test]
fn the_contract_needs_no_runtime_no_queue_and_no_cipher() {
    for dependency in dependencies(&metadata(), "jobcrypt-core") {
        assert!(!NOT_IN_CORE.contains(&&*dependency), "{dependency}");
    }
}
