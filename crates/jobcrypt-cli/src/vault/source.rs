//! Values from other formats.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::Path,
};

use clap::ValueEnum;
use jobcrypt::vault::{Value, VaultError};
use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure};

mod dotenv;
mod yaml;

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SourceForm {
    /// NAME=value, a line each
    Dotenv,
    /// One object
    Json,
    /// One mapping; also what JSON is
    Yaml,
}

impl SourceForm {
    /// Tells the form by the name of a file.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        match path.extension().and_then(|it| it.to_str()) {
            Some("json") => Some(Self::Json),
            Some("yaml" | "yml") => Some(Self::Yaml),
            Some("env") => Some(Self::Dotenv),
            _ if name == ".env" || name.starts_with(".env.") => Some(Self::Dotenv),
            _ => None,
        }
    }

    pub(crate) fn read(self, text: &str) -> Result<Value, VaultError> {
        // Windows' editors put it in front; in YAML it would become a part of the first name.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Dotenv => dotenv::read(text),
            Self::Json => Value::from_json(text),
            Self::Yaml => yaml::read(text),
        }
    }
}

/// Reads a file, or standard input where it is called `-`.
pub(crate) fn text_of(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let cannot = |error: io::Error| {
        let message = format!("cannot read {}", path.display());
        Failure::new(Exit::Failed, message).because(error)
    };
    if path.as_os_str() != "-" {
        return text(&mut File::open(path).map_err(cannot)?).map_err(cannot);
    }
    let mut stdin = io::stdin();
    if stdin.is_terminal() {
        eprintln!("reading until Ctrl-D");
    }
    text(&mut stdin).map_err(cannot)
}

/// Reads to the end, and leaves no copy behind.
pub(crate) fn text(from: &mut dyn Read) -> io::Result<Zeroizing<String>> {
    let mut whole = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let mut part = Zeroizing::new([0; 16 * 1024]);
    loop {
        let length = match from.read(&mut *part) {
            Ok(0) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if whole.capacity() - whole.len() < length {
            let mut longer = Vec::with_capacity(whole.capacity() * 2);
            longer.extend_from_slice(&whole);
            whole = Zeroizing::new(longer);
        }
        whole.extend_from_slice(&part[..length]);
    }
    String::from_utf8(std::mem::take(&mut *whole))
        .map(Zeroizing::new)
        .map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")
        })
}

/// A value that cannot be read; never quotes the text.
fn wrong(line: usize, why: &str) -> VaultError {
    VaultError::BadValue {
        why: format!("{why} at line {line}").into(),
    }
}
