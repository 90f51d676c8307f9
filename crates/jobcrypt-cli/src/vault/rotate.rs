use std::path::PathBuf;

use clap::Args;
use jobcrypt::{
    CipherName,
    vault::{AuditAction, Vault, VaultForm},
};
use serde_json::json;

use crate::{
    exit::Exit,
    failure::Failure,
    output::Output,
    vault::{key_file, vault_arguments::VaultArguments},
};

#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    vault: VaultArguments,

    /// Make a new key first, and put it in front of the list in the file of keys; if one stands there that the vault is not
    /// under yet, take that
    #[arg(long)]
    new_key: bool,

    /// Take all keys but the first out of the file of keys, once nothing in this vault needs them. Older versions of the
    /// vault, and other vaults, may need them still
    #[arg(long, conflicts_with = "new_key")]
    retire: bool,
}

impl Rotate {
    /// The new key rests before the vault is touched; dying in between costs nothing, and running it again goes on with
    /// that key.
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let key_file = if self.new_key || self.retire {
            Some(self.key_file()?)
        } else {
            None
        };
        let mut options = self.vault.options(AuditAction::Get)?;
        let before = options.open(self.vault.file())?;
        if self.new_key
            && let Some(file) = &key_file
        {
            let keyring = self.vault.opening.keys.keyring()?;
            let cipher = match before.form() {
                VaultForm::Fernet => CipherName::FERNET,
                _ => keyring.primary().cipher(),
            };
            let mut fitting = keyring.keys().filter(|key| key.cipher() == cipher);
            let is_fresh = fitting
                .next()
                .is_some_and(|key| !before.is_under(key.key_id()));
            if !is_fresh {
                key_file::add_new(file, cipher)?;
            }
            options = self.vault.options(AuditAction::Get)?;
        }
        let rotated = options.rotate(self.vault.file())?;
        if self.retire
            && let Some(file) = &key_file
        {
            // Opened by the first key alone, and only then is it alone.
            key_file::retire(file, |list| {
                let first = self.vault.opening.keys.keyring_in(list)?;
                Vault::options(first).open(self.vault.file())?.verify()?;
                Ok(())
            })?;
        }
        let document = json!({
            "moved": rotated.moved,
            "kept": rotated.kept,
            "primary": rotated.primary.to_string(),
            "written": rotated.is_written,
            "retired": self.retire,
        });
        output.result(&document, |_| {
            let next_step = match (self.retire, rotated.is_written) {
                (true, _) => "The older keys are out of the file of keys.",
                (_, true) => "The older keys go on opening older versions; once none is needed, `--retire`, or take them out of the list.",
                (_, false) => "Nothing was under another key.",
            };
            format!(
                "values moved {}, kept {}, all under key {} now\n{next_step}\n",
                rotated.moved, rotated.kept, rotated.primary
            )
        })?;
        Ok(Exit::Done)
    }

    fn key_file(&self) -> Result<PathBuf, Failure> {
        self.vault.opening.keys.file().ok_or_else(|| {
            let next_step = if self.retire {
                "take the older keys out of the list where that is kept; a key repository has `jobcrypt keys rotate`"
            } else {
                "make a key with `jobcrypt keys generate`, put it in front of the list where that is kept, a comma behind it, and run this without --new-key; a key repository has `jobcrypt keys rotate`"
            };
            Failure::new(Exit::Refused, "the keys are in no file that could be changed").next_step(next_step)
        })
    }
}
