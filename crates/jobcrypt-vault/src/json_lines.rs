use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use serde_json::json;

use crate::Audit;

/// Writes audit lines: one JSON object a line, with the time, and flushed before the value is released.
///
/// ```
/// # use jobcrypt_core::{Keyring, SecretKey};
/// # use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_vault::{JsonLines, Vault};
///
/// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("audit.jsonl");
/// let lines = JsonLines::append(&path)?;
/// let options = Vault::options(keyring).audit(move |audit| lines.write(audit));
/// # let _ = options;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonLines(Mutex<Box<dyn Write + Send>>);

impl JsonLines {
    /// Writes to `writer`.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(writer)))
    }

    /// Appends to the file at `path`; one that is made is for its owner only.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn append(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self::new(file))
    }

    /// Writes a line and waits until the system has taken it.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write(&self, audit: &Audit<'_>) -> io::Result<()> {
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        let mut line = json!({
            "time": time.to_string(),
            "action": audit.action.as_str(),
            "path": audit.path,
            "pipeline": audit.pipeline.to_string(),
            "actor": audit.pipeline.actor(),
            "vault": audit.vault.map(|id| id.to_string()),
        })
        .to_string();
        line.push('\n');
        // Whoever panicked with the lock left whole lines behind.
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // In one call, so that lines of several processes do not mix.
        writer.write_all(line.as_bytes())?;
        writer.flush()
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JsonLines")
    }
}
