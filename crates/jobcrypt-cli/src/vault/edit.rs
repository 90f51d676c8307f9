use std::io::{self, IsTerminal, Write};

use clap::{Args, ValueEnum};
use jobcrypt::vault::{AuditAction, Difference, Value, ValuePath, Vault, VaultError, VaultOptions};
use zeroize::Zeroizing;

use crate::{
    exit::Exit,
    failure::Failure,
    output::Output,
    vault::{
        export::{write_json, write_yaml},
        source::SourceForm,
        vault_arguments::VaultArguments,
    },
};

mod draft;
mod editor;
mod signals;

use draft::Draft;
use signals::Signals;

#[derive(Args)]
pub(crate) struct Edit {
    #[command(flatten)]
    vault: VaultArguments,

    /// How the values are spelled in the editor
    #[arg(long = "as", default_value = "yaml")]
    form: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Json,
    Yaml,
}

impl Edit {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(
                Failure::new(Exit::Refused, "there is no terminal for an editor")
                    .next_step("a script uses `jobcrypt vault set` and `unset`"),
            );
        }
        let mut signals = Signals::listen()?;
        let options = self.vault.options(AuditAction::Edit)?;
        let before = options.open(self.vault.file())?;
        let text = self.spelled(&before.get(&ValuePath::root())?);
        let draft = Draft::write(&text, self.extension())?;
        loop {
            editor::run(draft.path(), &mut signals).await?;
            let edited = draft.read()?;
            if edited == text {
                return Self::unchanged(output);
            }
            match self.save(&options, &before, &edited) {
                Ok(0) => return Self::unchanged(output),
                Ok(changed) => {
                    output.result(&serde_json::json!({"changed": changed}), |_| {
                        format!("values changed: {changed}\n")
                    })?;
                    return Ok(Exit::Done);
                }
                Err(failure) => {
                    output.failure(&failure);
                    eprint!(
                        "Enter: edit again. Ctrl-C: leave the vault as it is, and lose the changes. "
                    );
                    let _ = io::stderr().flush();
                    signals.enter().await?;
                }
            }
        }
    }

    fn unchanged(output: &Output) -> Result<Exit, Failure> {
        output.result(&serde_json::json!({"changed": 0}), |_| {
            "nothing was changed\n".to_owned()
        })?;
        Ok(Exit::Unchanged)
    }

    fn save(&self, options: &VaultOptions, before: &Vault, edited: &str) -> Result<usize, Failure> {
        if edited.trim().is_empty() {
            // An editor that failed, or someone who wants to give up, as with a message of git.
            return Err(Failure::new(Exit::Refused, "the text is empty")
                .next_step("to take all values away, write {}"));
        }
        let form = match self.form {
            Form::Json => SourceForm::Json,
            Form::Yaml => SourceForm::Yaml,
        };
        let mut wanted = options.parse(before.to_text()?)?;
        wanted.set(&ValuePath::root(), &form.read(edited)?)?;
        let changes = before.diff(&wanted)?;
        options.update(self.vault.file(), |now| {
            // What others changed in the meantime stays.
            let theirs = before.diff(now)?;
            let paths: Vec<_> = both(&changes, &theirs);
            if !paths.is_empty() {
                return Err(conflict(&paths));
            }
            apply(&changes, &wanted, now)?;
            Ok(changes.len())
        })
    }

    fn spelled(&self, whole: &Value) -> Zeroizing<String> {
        match self.form {
            Form::Yaml => write_yaml(whole),
            Form::Json => write_json(whole),
        }
    }

    const fn extension(&self) -> &'static str {
        match self.form {
            Form::Json => ".json",
            Form::Yaml => ".yaml",
        }
    }
}

fn both(ours: &[Difference], theirs: &[Difference]) -> Vec<String> {
    let is_theirs = |ours: &&Difference| theirs.iter().any(|it| it.path == ours.path);
    ours.iter()
        .filter(is_theirs)
        .map(|it| it.path.clone())
        .collect()
}

/// Where another process was quicker.
fn conflict(paths: &[String]) -> Failure {
    let message = format!(
        "another process changed {} meanwhile, and nothing was written",
        paths.join(", ")
    );
    Failure::new(Exit::Conflict, message)
        .next_step("write what stood there at first, and the other change stays; or give up, and edit what is there now")
}

/// Takes away first: a value may have become a branch.
fn apply(changes: &[Difference], wanted: &Vault, now: &mut Vault) -> Result<(), VaultError> {
    let (kept, gone): (Vec<_>, Vec<_>) = changes
        .iter()
        .partition(|change| wanted.names().any(|name| name == change.path));
    for change in gone {
        now.unset(&change.path.parse()?)?;
    }
    for change in kept {
        let path: ValuePath = change.path.parse()?;
        now.set(&path, &wanted.get(&path)?)?;
    }
    Ok(())
}
