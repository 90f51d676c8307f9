use std::{fmt::Write, path::PathBuf};

use clap::Args;
use jobcrypt::keys::{self, Finding};

use crate::{exit::Exit, failure::Failure, output::Output};

#[derive(Args)]
pub(crate) struct Doctor {
    /// The folder of the repository
    #[arg(value_name = "FOLDER")]
    repository: PathBuf,

    /// Another key folder of this machine, which must not be the same; may be repeated
    #[arg(long, value_name = "FOLDER")]
    beside: Vec<PathBuf>,
}

impl Doctor {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let findings = keys::doctor(&self.repository, &self.beside);
        output.result(&findings, |findings| text(findings))?;
        Ok(if findings.is_empty() {
            Exit::Done
        } else {
            Exit::Findings
        })
    }
}

fn text(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "nothing to find fault with\n".to_owned();
    }
    let mut text = String::new();
    for finding in findings {
        let class = if finding.is_fault { "fault" } else { "advice" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{class:<7} {:<21} {}", finding.code, finding.message);
    }
    text
}
