use std::path::PathBuf;

use clap::Args;
use jobcrypt::keys::KeyRepository;

use crate::{exit::Exit, failure::Failure, output::Output, plural::many};

#[derive(Args)]
pub(crate) struct Export {
    /// The folder of the repository
    #[arg(value_name = "FOLDER")]
    repository: PathBuf,

    /// The new file; whoever can read it has the keys
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl Export {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let exported = KeyRepository::open(&self.repository)?.export(&self.to)?;
        output.result(&exported, |it| {
            format!(
                "exported {}, generation {}, fingerprint {}\n\n\
                 Bring {} to the other nodes, run `jobcrypt keys import` there, then remove it everywhere.\n",
                many(it.keys as u64, "key"),
                it.generation,
                it.fingerprint,
                self.to.display()
            )
        })?;
        Ok(Exit::Done)
    }
}
