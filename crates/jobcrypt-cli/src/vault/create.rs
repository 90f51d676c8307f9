use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jobcrypt::vault::{AuditAction, Value, VaultForm};
use serde_json::json;

use crate::{
    exit::Exit,
    failure::Failure,
    output::Output,
    vault::{
        source::{self, SourceForm},
        vault_arguments::VaultArguments,
    },
};

#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    vault: VaultArguments,

    /// A file with the first values, or - for standard input; without it, the vault is empty
    #[arg(long, value_name = "SOURCE")]
    from: Option<PathBuf>,

    /// What SOURCE is; told by its name unless set
    #[arg(long, value_name = "FORM", requires = "from")]
    source: Option<SourceForm>,

    /// The format of the vault
    #[arg(long, default_value = "jobcrypt")]
    form: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// Readable names, a token for each value, any cipher
    Jobcrypt,
    /// One Fernet token, as Python's `credentials.enc`
    Fernet,
}

impl Create {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        if self.vault.opening.id.is_some() {
            let message = "a new vault draws an id of its own";
            return Err(Failure::new(Exit::Usage, message).next_step("leave --id out"));
        }
        let options = self.vault.options(AuditAction::Get)?.form(match self.form {
            Form::Jobcrypt => VaultForm::Jobcrypt,
            Form::Fernet => VaultForm::Fernet,
        });
        let vault = options.create(self.vault.file(), &self.values()?)?;
        let values = vault.names().count();
        if let Some(source) = self.from.as_ref().filter(|it| it.is_file()) {
            eprintln!(
                "note: {} still holds the values in plaintext",
                source.display()
            );
        }
        output.result(&json!({"values": values}), |_| {
            format!("created {}; values {values}\n", self.vault.file().display())
        })?;
        Ok(Exit::Done)
    }

    fn values(&self) -> Result<Value, Failure> {
        let Some(path) = &self.from else {
            return Ok(Value::from_json("{}")?);
        };
        let form = self
            .source
            .or_else(|| SourceForm::of(path))
            .ok_or_else(|| {
                let message = format!("the name of {} does not say what it is", path.display());
                Failure::new(Exit::Failed, message)
                    .next_step("say it with --source dotenv, json or yaml")
            })?;
        let text = source::text_of(path)?;
        form.read(&text)
            .map_err(|error| Failure::from(error).about(&path.display().to_string()))
    }
}
