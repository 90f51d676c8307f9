use std::{path::PathBuf, process::Command, sync::LazyLock};

use tempfile::TempDir;

static PROGRAM: LazyLock<PathBuf> =
    LazyLock::new(|| workbench::program(["--example", "quickstart"]));

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
