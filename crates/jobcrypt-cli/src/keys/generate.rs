use clap::Args;
use jobcrypt::{CipherName, SecretKey, keys::key_as_text};
use serde::Serialize;

use crate::{exit::Exit, failure::Failure, output::Output};

#[derive(Args)]
pub(crate) struct Generate {
    /// The cipher that will use the key
    #[arg(long, default_value = "xchacha20poly1305")]
    cipher: CipherName,
}

#[derive(Serialize)]
struct Generated<'a> {
    cipher: &'a str,
    key_id: String,
    key: &'a str,
}

impl Generate {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let key = SecretKey::generate()
            .map_err(|error| Failure::new(Exit::Failed, "no key was made").because(error))?;
        let text = key_as_text(self.cipher, &key);
        let generated = Generated {
            cipher: self.cipher.as_str(),
            key_id: key.id(self.cipher).to_string(),
            key: &text,
        };
        output.result(&generated, |it| format!("{}\n", it.key))?;
        Ok(Exit::Done)
    }
}
