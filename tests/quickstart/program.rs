use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::Value;
use tempfile::TempDir;

/// The program as it is now: cargo builds it, unless it is built already.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--example", "quickstart"])
        // The features that `cargo xtask test` has built everything with, so that it is built already.
        .args(env::var("JOBCRYPT_TEST_FEATURES"))
        .arg("--message-format=json-render-diagnostics")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "quickstart builds not: {errors}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "quickstart")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo says where the program is")
});

/// What a run of the program came to.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Runs the quickstart in `folder`, which is its folder for temporary files as well.
pub(crate) fn quickstart<const N: usize>(arguments: [&str; N], folder: &TempDir) -> Run {
    let output = Command::new(&*PROGRAM)
        .args(arguments)
        .current_dir(folder)
        .env("TMPDIR", folder.path())
        .output()
        .expect("the program runs");
    Run {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).expect("the output is text"),
        errors: String::from_utf8(output.stderr).expect("the errors are text"),
    }
}

impl Run {
    pub(crate) fn assert_success(&self) {
        assert_eq!(self.code, Some(0), "{}{}", self.output, self.errors);
        assert_eq!(self.errors, "");
        assert!(self.output.contains("Done in "), "{}", self.output);
        let has_colour = self.output.contains('\u{1b}');
        assert!(!has_colour, "piped output has colour codes");
    }
}
