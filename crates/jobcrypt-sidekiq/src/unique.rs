//! What keeps equal jobs out.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use jobcrypt_core::{EncryptHook, Error, ErrorKind, JobContext, UniqueKeys};
use sha2::{Digest, Sha256};
use sidekiq::{Job, RedisConnection, redis_rs};
use zeroize::Zeroizing;

use crate::{encrypt_client::seal_failed, stored_args};

/// How equal jobs are known.
#[derive(Clone)]
pub(crate) enum Unique {
    ByKeys(Arc<UniqueKeys>),
    /// By the hash of rusty-sidekiq, which anybody can compute.
    ByPlainHash,
    /// Sealed jobs not at all, readable ones by that hash.
    Unsaid,
}

impl Unique {
    /// Returns the keys under which others are kept out that are equal: that of rusty-sidekiq, or those of keyed hashes. They
    /// are made of readable args, `json`, since sealed ones never are equal.
    pub(crate) fn keys_of(&self, job: &Job, json: &[u8]) -> sidekiq::Result<Vec<String>> {
        if job.unique_for.is_none() {
            return Ok(Vec::new());
        }
        let args = stored_args::in_array(serde_json::from_slice(json)?);
        let args = Zeroizing::new(serde_json::to_vec(&args)?);
        let Job { queue, class, .. } = job;
        let hashes = match self {
            Self::ByKeys(keys) => keys.hashes(class, &args).map_err(seal_failed)?,
            Self::ByPlainHash | Self::Unsaid => vec![hex(&Sha256::digest(&*args))],
        };
        let key = |hash: String| format!("sidekiq:unique:{queue}:{class}:{hash}");
        Ok(hashes.into_iter().map(key).collect())
    }

    /// Fails where a hash of what is sealed in one of the jobs would be stored without a key.
    pub(crate) fn refuse_guessable(&self, hook: &EncryptHook, jobs: &[Job]) -> sidekiq::Result<()> {
        let would_be_guessable = |job: &Job| {
            let Some([only]) = job.args.as_array().map(Vec::as_slice) else {
                return false;
            };
            let context = JobContext::new(&job.class);
            job.unique_for.is_some() && hook.is_sealed(&context, only.to_string().as_bytes())
        };
        match self {
            Self::Unsaid if jobs.iter().any(would_be_guessable) => {
                let detail = "a job is unique and sealed, and by rusty-sidekiq's hash whoever reads Redis could guess its args; \
                              give the client keys by `unique_by`";
                Err(seal_failed(Error::new(
                    ErrorKind::InvalidConfiguration,
                    detail,
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Returns whether nobody had this key.
pub(crate) async fn claim(
    connection: &mut RedisConnection,
    key: &str,
    wait: Duration,
) -> sidekiq::Result<bool> {
    let seconds = usize::try_from(wait.as_secs()).unwrap_or(usize::MAX);
    // Redis knows no lease of no time.
    let claimed = connection.set_nx_ex(key.to_owned(), "", seconds.max(1));
    Ok(!matches!(claimed.await?, redis_rs::Value::Nil))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
