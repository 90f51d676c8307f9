use clap::Args;

use crate::{
    exit::Exit,
    failure::Failure,
    keys::{audited_repository::AuditedRepository, status},
    output::Output,
};

#[derive(Args)]
pub(crate) struct Stage {
    #[command(flatten)]
    repository: AuditedRepository,
}

impl Stage {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let repository = self.repository.open()?;
        repository.stage()?;
        status::print(&repository, output, "a new key is staged")
    }
}
