use std::io;

use serde_json::Value;

use crate::cargo::cargo;

/// River's client does not build without a backend.
const NEED_A_FEATURE: [&str; 1] = ["jobcrypt-river"];

/// What is left to `cargo xtask fips`: it needs more tools than a newcomer has, and changes which library
/// computes other ciphers.
const LEFT_OUT: &str = "fips";

/// What computes otherwise with another feature, and is quickly tested without a server. Elsewhere a feature adds
/// a dependency with what stands on it: the lints show whether that leans on another feature.
const TESTED_ALONE: [&str; 2] = ["jobcrypt-ciphers", "jobcrypt-core"];

/// A published package with some of its features.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Cargo's arguments.
    pub(crate) arguments: Vec<String>,
    /// Whether its tests run too.
    pub(crate) is_tested: bool,
}

/// Returns cargo's argument for all features but the one that is left out: those of the chosen packages,
/// or of all where none is chosen.
pub(crate) fn all_features(chosen: &[&str]) -> io::Result<String> {
    all_features_in(&metadata()?, chosen)
        .map(|features| format!("--features={}", features.join(",")))
        .ok_or_else(unexpected)
}

/// Returns every published package without its features, and with each feature alone. Features that lean
/// on each other by accident show only so.
pub(crate) fn selections() -> io::Result<Vec<Selection>> {
    selections_in(&metadata()?).ok_or_else(unexpected)
}

fn metadata() -> io::Result<Value> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr)));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn unexpected() -> io::Error {
    io::Error::other("cargo metadata has another form than expected")
}

fn all_features_in(metadata: &Value, chosen: &[&str]) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for package in metadata["packages"].as_array()? {
        let (name, features) = (package["name"].as_str()?, package["features"].as_object()?);
        if !chosen.is_empty() && !chosen.contains(&name) {
            continue;
        }
        let features = features.keys().filter(|feature| *feature != LEFT_OUT);
        all.extend(features.map(|feature| format!("{name}/{feature}")));
    }
    Some(all)
}

fn selections_in(metadata: &Value) -> Option<Vec<Selection>> {
    let mut selections = Vec::new();
    for package in metadata["packages"].as_array()? {
        let (name, features) = (package["name"].as_str()?, package["features"].as_object()?);
        // `publish` is null for everywhere, and a list of registries otherwise.
        if !package["publish"].is_null() || features.is_empty() {
            continue;
        }
        let mut select = |features: &[&str]| {
            let arguments = ["--package", name, "--no-default-features"];
            let arguments = arguments.iter().chain(features).map(ToString::to_string);
            selections.push(Selection {
                arguments: arguments.collect(),
                is_tested: TESTED_ALONE.contains(&name),
            });
        };
        if !NEED_A_FEATURE.contains(&name) {
            select(&[]);
        }
        let alone = |feature: &&String| !["default", LEFT_OUT].contains(&feature.as_str());
        for feature in features.keys().filter(alone) {
            select(&["--features", feature]);
        }
    }
    Some(selections)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(selections: &[Selection]) -> Vec<String> {
        let lines = selections.iter();
        lines
            .map(|selection| selection.arguments.join(" "))
            .collect()
    }

    #[test]
    fn selects_no_feature_and_each_alone() {
        let metadata = json!({"packages": [
            {"name": "ciphers", "publish": null, "features": {"default": ["b"], "a": [], "b": [], "fips": []}},
            {"name": "without", "publish": null, "features": {}},
            {"name": "inner", "publish": [], "features": {"a": []}},
            {"name": "jobcrypt-river", "publish": null, "features": {"sqlite": []}},
        ]});
        let selections = selections_in(&metadata).expect("the form is cargo's");
        assert_eq!(
            lines(&selections),
            [
                "--package ciphers --no-default-features",
                "--package ciphers --no-default-features --features a",
                "--package ciphers --no-default-features --features b",
                "--package jobcrypt-river --no-default-features --features sqlite",
            ]
        );
    }

    #[test]
    fn all_features_are_all_but_the_one_that_is_left_out() {
        let metadata = json!({"packages": [
            {"name": "ciphers", "features": {"a": [], "fips": []}},
            {"name": "inner", "features": {"default": []}},
        ]});
        let expected = ["ciphers/a", "inner/default"].map(ToOwned::to_owned);
        assert_eq!(all_features_in(&metadata, &[]), Some(expected.to_vec()));
        let of_inner = all_features_in(&metadata, &["inner"]);
        assert_eq!(of_inner, Some(expected[1..].to_vec()));
    }

    #[test]
    fn finds_those_of_this_workspace() -> io::Result<()> {
        let selections = selections()?;
        let lines = lines(&selections);
        let fernet = "--package jobcrypt-ciphers --no-default-features --features fernet";
        assert!(lines.iter().any(|line| line == fernet), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("jobcrypt-bench")));
        for package in TESTED_ALONE {
            let is_tested = |selection: &Selection| {
                selection.is_tested && selection.arguments.iter().any(|word| word == package)
            };
            assert!(selections.iter().any(is_tested), "{package}");
        }
        Ok(())
    }
}
