use std::{fmt::Write, path::PathBuf, time::SystemTime};

use clap::Args;
use jobcrypt::keys::{KeyRepository, KeyStatus, Status as Shown};

use crate::{exit::Exit, failure::Failure, output::Output};

#[derive(Args)]
pub(crate) struct Status {
    /// The folder of the repository
    #[arg(value_name = "FOLDER")]
    repository: PathBuf,
}

impl Status {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let repository = KeyRepository::open(&self.repository)?;
        print(&repository, output, "")
    }
}

/// Prints the keys of a repository, below `news` of it.
pub(crate) fn print(
    repository: &KeyRepository,
    output: &Output,
    news: &str,
) -> Result<Exit, Failure> {
    output.result(&repository.status()?, |status| text(status, news))?;
    Ok(Exit::Done)
}

fn text(status: &Shown, news: &str) -> String {
    let mut text = format!("{}", status.path.display());
    if !news.is_empty() {
        let _ = write!(text, ": {news}");
    }
    let _ = writeln!(
        text,
        "\n{} layout, generation {}, fingerprint {}\n",
        status.layout.as_str(),
        status.generation,
        status.fingerprint
    );
    row(&mut text, ["state", "key", "cipher", "created", "file"]);
    for key in &status.keys {
        let record = &key.record;
        row(
            &mut text,
            [
                record.state.as_str(),
                &record.id.to_string(),
                record.cipher.as_str(),
                &date(record.created),
                &file(key),
            ],
        );
    }
    for grave in &status.tombstones {
        let state = if grave.destroyed.is_some() {
            "destroyed"
        } else {
            "retired"
        };
        row(
            &mut text,
            [
                state,
                &grave.id.to_string(),
                grave.cipher.as_str(),
                &date(grave.created),
                grave.file.as_deref().unwrap_or("-"),
            ],
        );
    }
    for remark in &status.remarks {
        let _ = writeln!(text, "\nnote: {remark}");
    }
    if status.is_unfinished {
        text.push_str("\nA rotation died; `jobcrypt keys rotate` completes it.\n");
    }
    text
}

fn file(key: &KeyStatus) -> String {
    let file = key.record.file.clone();
    let named = match &key.record.alias {
        Some(alias) => format!("{file} ({alias})"),
        None => file,
    };
    match &*key.key_hashes {
        [] => named,
        hashes => format!("{named}  key_hash {}", hashes.join(" or ")),
    }
}

fn date(date: Option<SystemTime>) -> String {
    date.map_or_else(
        || "-".to_owned(),
        |date| humantime::format_rfc3339_seconds(date).to_string(),
    )
}

fn row(text: &mut String, [state, key, cipher, created, file]: [&str; 5]) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{state:<10} {key:<23} {cipher:<18} {created:<21} {file}"
    );
}
