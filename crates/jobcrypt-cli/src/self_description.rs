use clap::CommandFactory;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::{cli::Cli, exit::Exit, failure::Failure, output};

pub(crate) fn completions(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "jobcrypt", &mut script);
    output::raw(&script).map(|()| Exit::Done)
}

/// Prints one page with the command and all below it.
pub(crate) fn man() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    render(&command, &mut page)
        .map_err(|error| Failure::new(Exit::Failed, "the manual cannot be made").because(error))?;
    output::raw(&page).map(|()| Exit::Done)
}

fn render(command: &clap::Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    Man::new(command.clone()).render(page)?;
    command
        .get_subcommands()
        .filter(|it| it.get_name() != "help")
        .try_for_each(|it| render(it, page))
}
