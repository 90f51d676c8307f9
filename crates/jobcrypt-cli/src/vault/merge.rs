use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use jobcrypt::vault::AuditAction;

use crate::{
    exit::Exit,
    failure::Failure,
    output::Output,
    vault::{beside::Beside, vault_arguments::OpeningArguments},
};

#[derive(Args)]
pub(crate) struct Merge {
    /// The version that both sides began with: %O; an empty file where there was none
    base: PathBuf,
    /// Our version, which is overwritten by the merged one: %A
    ours: PathBuf,
    /// Their version: %B
    theirs: PathBuf,
    /// The path in the repository, for messages: %P
    name: Option<String>,

    #[command(flatten)]
    opening: OpeningArguments,
}

impl Merge {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let options = self.opening.options(AuditAction::Diff)?;
        let (base, ours, theirs) = (read(&self.base)?, read(&self.ours)?, read(&self.theirs)?);
        let name = self.name.unwrap_or_else(|| self.ours.display().to_string());
        let merged = options.merge(base, ours, theirs).map_err(|error| {
            let failure = Failure::from(error);
            failure.about(&name)
        })?;
        let text = merged.vault.to_text()?;
        // On a full disk our version stays whole: git takes it as it is then.
        let written = fs::canonicalize(&self.ours)
            .and_then(|file| Beside::write(&file, text.as_bytes())?.put_in_place());
        written.map_err(|error| cannot("write", &self.ours, error))?;
        output.result(&merged.taken, |taken| {
            format!("{name}: taken from the other side: {}\n", taken.len())
        })?;
        Ok(Exit::Done)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| cannot("read", path, error))
}

fn cannot(what: &str, path: &Path, error: io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("cannot {what} {}", path.display())).because(error)
}
