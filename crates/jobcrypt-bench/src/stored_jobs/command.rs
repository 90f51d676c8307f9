use std::{
    env, fs,
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use jobcrypt::{EncryptHook, KeyId, Keyring, SecretKey, ciphers::XChaCha20Poly1305};
use riverqueue::BoxError;
use serde_json::Value;

use crate::stored_jobs::{locks::LockWatch, stored_table::StoredTable};

/// The command `jobcrypt`, with two keys of which either can be the primary.
pub(crate) struct Command {
    program: PathBuf,
    url: String,
    /// The primary first.
    keys: [String; 2],
    hook: EncryptHook,
}

/// One run of `migrate`.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) rows: u64,
    pub(crate) elapsed: Duration,
    /// In bytes.
    pub(crate) peak_memory: u64,
    pub(crate) longest_lock: Duration,
}

/// A `migrate` that goes on.
pub(crate) struct Running(Child);

impl Command {
    pub(crate) fn new(table: &StoredTable) -> Result<Self, BoxError> {
        let program = env::current_exe()?.with_file_name("jobcrypt");
        if !program.exists() {
            return Err(
                "run it by `cargo xtask bench --stored-jobs`, which builds the command".into(),
            );
        }
        let keys = [SecretKey::generate()?, SecretKey::generate()?];
        let keys = keys.map(|key| key.to_base64().to_string());
        Ok(Self {
            program,
            url: table.url().to_owned(),
            hook: EncryptHook::builder(keyring(&keys)?).build()?,
            keys,
        })
    }

    pub(crate) fn hook(&self) -> &EncryptHook {
        &self.hook
    }

    /// Makes the other key the primary, so that every job is to be moved again.
    pub(crate) fn rotate(&mut self) -> Result<(), BoxError> {
        self.keys.swap(0, 1);
        self.hook.keys().swap(keyring(&self.keys)?);
        Ok(())
    }

    /// The key that jobs move to.
    pub(crate) fn primary(&self) -> KeyId {
        self.hook.keys().snapshot().primary().key_id()
    }

    /// Counts once and returns how long that took.
    pub(crate) fn status(&self) -> Result<Duration, BoxError> {
        let begin = Instant::now();
        let output = self.command(&["jobs", "status"]).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(begin.elapsed())
    }

    pub(crate) async fn migrate(
        &self,
        table: &StoredTable,
        options: &[String],
    ) -> Result<Done, BoxError> {
        let locks = LockWatch::start(table.pool.clone());
        let done = self.begin_migration(options)?.finish().await;
        let longest_lock = locks.finish().await?;
        Ok(Done {
            longest_lock,
            ..done?
        })
    }

    pub(crate) async fn migrate_by_two(&self, table: &StoredTable) -> Result<Vec<Done>, BoxError> {
        let locks = LockWatch::start(table.pool.clone());
        let (first, second) = (self.begin_migration(&[])?, self.begin_migration(&[])?);
        let (first, second) = tokio::join!(first.finish(), second.finish());
        locks.finish().await?;
        Ok(vec![first?, second?])
    }

    pub(crate) fn begin_migration(&self, options: &[String]) -> Result<Running, BoxError> {
        let child = self
            .command(&["jobs", "migrate"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Running(child))
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command
            .arg("--json")
            .args(arguments)
            .env("DATABASE_URL", &self.url)
            .env("JOBCRYPT_KEYS", self.keys.join(","));
        command
    }
}

impl Running {
    async fn finish(self) -> Result<Done, BoxError> {
        let begin = Instant::now();
        let memory = format!("/proc/{}/status", self.0.id());
        let mut waiting = tokio::task::spawn_blocking(|| self.0.wait_with_output());
        let mut peak_memory = 0;
        let output = loop {
            let wait = tokio::time::timeout(Duration::from_millis(20), &mut waiting);
            match wait.await {
                Ok(output) => break output??,
                Err(_) => peak_memory = peak_memory.max(high_water_mark(&memory)),
            }
        };
        let elapsed = begin.elapsed();
        let report: Value = serde_json::from_slice(&output.stdout)?;
        Ok(Done {
            rows: report["migrated"]
                .as_u64()
                .ok_or("the report has no count")?,
            elapsed,
            peak_memory,
            longest_lock: Duration::ZERO,
        })
    }

    /// Ends it, which must not have ended by itself.
    pub(crate) async fn must_be_running_and_stop(mut self) -> Result<(), BoxError> {
        if let Some(status) = self.0.try_wait()? {
            return Err(format!("the migration was over too soon: {status}").into());
        }
        self.0.kill()?;
        tokio::task::spawn_blocking(move || self.0.wait()).await??;
        Ok(())
    }
}

fn keyring(keys: &[String; 2]) -> Result<Keyring, jobcrypt::Error> {
    let key = |text: &str| SecretKey::from_base64(text).map(XChaCha20Poly1305::new);
    Keyring::new(key(&keys[0])?).and(key(&keys[1])?).build()
}

/// The most memory that a process has had by now, in bytes; 0 once it is gone.
fn high_water_mark(status: &str) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or_default()
        * 1024
}
