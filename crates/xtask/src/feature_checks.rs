use std::io;

use serde_json::Value;

use crate::cargo::cargo;

/// River's client does not build without a backend.
const NEED_A_FEATURE: [&str; 1] = ["jobcrypt-river"];

/// Returns cargo's arguments for every published package without its features, and with each
/// feature alone. Features that lean on each other by accident show only so.
pub(crate) fn selections() -> io::Result<Vec<Vec<String>>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr)));
    }
    selections_in(&serde_json::from_slice(&output.stdout)?)
        .ok_or_else(|| io::Error::other("cargo metadata has another form than expected"))
}

fn selections_in(metadata: &Value) -> Option<Vec<Vec<String>>> {
    let mut selections = Vec::new();
    for package in metadata["packages"].as_array()? {
        let (name, features) = (package["name"].as_str()?, package["features"].as_object()?);
        // `publish` is null for everywhere, and a list of registries otherwise.
        if !package["publish"].is_null() || features.is_empty() {
            continue;
        }
        let none = ["--package", name, "--no-default-features"].map(ToOwned::to_owned);
        if !NEED_A_FEATURE.contains(&name) {
            selections.push(none.to_vec());
        }
        for feature in features.keys().filter(|feature| *feature != "default") {
            let mut alone = none.to_vec();
            alone.extend(["--features".to_owned(), feature.clone()]);
            selections.push(alone);
        }
    }
    Some(selections)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selects_no_feature_and_each_alone() {
        let metadata = json!({"packages": [
            {"name": "ciphers", "publish": null, "features": {"default": ["b"], "a": [], "b": []}},
            {"name": "without", "publish": null, "features": {}},
            {"name": "inner", "publish": [], "features": {"a": []}},
            {"name": "jobcrypt-river", "publish": null, "features": {"sqlite": []}},
        ]});
        let selections = selections_in(&metadata).expect("the form is cargo's");
        let lines: Vec<String> = selections.iter().map(|words| words.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "--package ciphers --no-default-features",
                "--package ciphers --no-default-features --features a",
                "--package ciphers --no-default-features --features b",
                "--package jobcrypt-river --no-default-features --features sqlite",
            ]
        );
    }

    #[test]
    fn finds_those_of_this_workspace() -> io::Result<()> {
        let lines: Vec<String> = selections()?.iter().map(|words| words.join(" ")).collect();
        let fernet = "--package jobcrypt-ciphers --no-default-features --features fernet";
        assert!(lines.iter().any(|line| line == fernet), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("jobcrypt-bench")));
        Ok(())
    }
}
