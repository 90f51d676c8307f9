use std::path::PathBuf;

use clap::Args;
use jobcrypt::keys::KeyRepository;

use crate::{exit::Exit, failure::Failure, output::Output, plural::many};

#[derive(Args)]
pub(crate) struct Import {
    /// The folder of the repository; made where there is none
    #[arg(value_name = "FOLDER")]
    repository: PathBuf,

    /// The file that `jobcrypt keys export` wrote
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
}

impl Import {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let imported = KeyRepository::import(&self.repository, &self.from)?;
        output.result(&imported, |it| {
            let begin = if it.has_changed {
                "imported"
            } else {
                "there already:"
            };
            format!(
                "{begin} {}, generation {}, fingerprint {}\n\nRemove {} now.\n",
                many(it.keys as u64, "key"),
                it.generation,
                it.fingerprint,
                self.from.display()
            )
        })?;
        Ok(Exit::Done)
    }
}
