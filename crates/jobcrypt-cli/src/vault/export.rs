use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jobcrypt::vault::{AuditAction, Environment, Value, ValuePath, Vault};
use zeroize::Zeroizing;

use crate::{
    exit::Exit,
    failure::Failure,
    output,
    output::Output,
    vault::{environment_arguments::EnvironmentArguments, vault_arguments::VaultArguments},
};

mod dotenv;
mod fish;
mod github;
mod gitlab;
mod json;
mod node;
mod powershell;
mod shell;
mod yaml;

pub(crate) use github::masks as github_masks;
pub(crate) use json::write as write_json;
pub(crate) use yaml::write as write_yaml;

#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    vault: VaultArguments,

    #[command(flatten)]
    environment: EnvironmentArguments,

    /// For whom the values are spelled
    #[arg(long, default_value = "shell")]
    format: Format,

    /// The file that github-env appends to; the one that the variable `GITHUB_ENV` names unless set
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Format {
    /// export NAME='value', for sh, bash, dash, zsh
    Shell,
    /// NAME='value', for python-dotenv and those like it
    Dotenv,
    /// NAME='value', for node --env-file
    DotenvNode,
    /// set -gx NAME 'value'
    Fish,
    /// To the file `GITHUB_ENV`, and masks to standard output, which the runner reads
    GithubEnv,
    /// NAME=value, for `artifacts:reports:dotenv`
    GitlabDotenv,
    /// One object, as the vault has it, without names of variables
    Json,
    /// $env:NAME = 'value'
    Powershell,
    /// One mapping, as the vault has it, without names of variables
    Yaml,
}

/// A text that is wiped.
type Text = Zeroizing<String>;

impl Export {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let format = if output.is_for_people() {
            self.format
        } else {
            Format::Json
        };
        let is_as_it_is = matches!(format, Format::Json | Format::Yaml);
        self.check(format, is_as_it_is)?;
        let vault = self.vault.open(AuditAction::Export)?;
        if is_as_it_is {
            let whole = self.object(&vault)?;
            let mut text = if format == Format::Json {
                Zeroizing::new(whole.as_json().to_owned())
            } else {
                yaml::write(&whole)
            };
            if !text.ends_with('\n') {
                text.push('\n');
            }
            return output::raw(text.as_bytes()).map(|()| Exit::Done);
        }
        let variables = vault.inject(&self.environment.names())?;
        if format == Format::GithubEnv {
            return github::export(&variables, self.to.as_deref());
        }
        let text = Self::spelled(format, &variables)?;
        output::raw(text.as_bytes()).map(|()| Exit::Done)
    }

    /// Refuses what would do nothing, before anything is released.
    fn check(&self, format: Format, is_as_it_is: bool) -> Result<(), Failure> {
        if self.to.is_some() && format != Format::GithubEnv {
            let message = "--to is for github-env, and all else is printed";
            let failure = Failure::new(Exit::Usage, message);
            return Err(failure.next_step("send it to a file with >, in a folder of yours alone"));
        }
        if is_as_it_is && self.environment.has_names() {
            let message = "json and yaml have the names of the vault";
            return Err(Failure::new(Exit::Usage, message).next_step(
                "leave --prefix, --name and --python-compat out, which are for variables",
            ));
        }
        Ok(())
    }

    /// Nothing is printed where one of the values cannot be.
    fn spelled(format: Format, variables: &Environment) -> Result<Text, Failure> {
        let mut text = Zeroizing::new(String::new());
        for (name, value) in variables.iter() {
            let line = match format {
                Format::Dotenv => dotenv::line(name, value),
                Format::DotenvNode => node::line(name, value),
                Format::Fish => Ok(fish::line(name, value)),
                Format::GitlabDotenv => gitlab::line(name, value),
                Format::Powershell => Ok(powershell::line(name, value)),
                _ => Ok(shell::line(name, value)),
            };
            let line = line.map_err(|why| {
                let path = variables.path(name).map(ToString::to_string);
                let message = format!("{} {why}", path.unwrap_or_default());
                Failure::new(Exit::Refused, message).next_step(
                    "`jobcrypt vault exec` carries any value; or leave it out with --only",
                )
            })?;
            append(&mut text, &line);
        }
        if format == Format::GitlabDotenv {
            gitlab::check(&text, variables.iter().len())?;
        }
        Ok(text)
    }

    /// The whole vault, or what `--only` names, at its place.
    fn object(&self, vault: &Vault) -> Result<Value, Failure> {
        match self.environment.only() {
            [] => Ok(vault.get(&ValuePath::root())?),
            [path] => Ok(vault.get(path)?),
            _ => Err(Failure::new(Exit::Refused, "json and yaml take one --only")
                .next_step("run it for each")),
        }
    }
}

/// Puts a text behind another one; where that has to move, its old place is wiped.
fn append(text: &mut Text, more: &str) {
    if text.capacity() - text.len() < more.len() {
        let mut longer = String::with_capacity((text.len() + more.len()) * 2);
        longer.push_str(text);
        *text = Zeroizing::new(longer);
    }
    text.push_str(more);
}

/// Writes signs, some of them otherwise, between a beginning and an end.
fn quoted(
    begin: &str,
    value: &str,
    end: &str,
    otherwise: impl Fn(char) -> Option<&'static str>,
) -> Text {
    let mut text = Zeroizing::new(String::with_capacity(
        begin.len() + value.len() * 4 + end.len(),
    ));
    text.push_str(begin);
    for sign in value.chars() {
        match otherwise(sign) {
            Some(spelling) => text.push_str(spelling),
            None => text.push(sign),
        }
    }
    text.push_str(end);
    text
}
