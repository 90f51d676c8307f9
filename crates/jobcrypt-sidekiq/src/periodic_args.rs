use jobcrypt_core::JobContext;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidekiq::{RedisConnection, Worker, periodic::Builder, redis_rs};
use zeroize::Zeroizing;

use crate::{
    EncryptClient,
    encrypt_client::seal_failed,
    redis_keys::{PERIODIC, PERIODIC_ARGS, whole},
    stored_args,
};

/// Keeps an envelope for a periodic job, unless another process was faster: then that one is returned.
const KEEP: &str = "
    local kept = redis.call('HGET', KEYS[1], ARGV[1]) or ''
    if kept ~= ARGV[2] then return kept end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
    return ARGV[3]";

/// A periodic job, as rusty-sidekiq stores it.
#[derive(Deserialize)]
struct Registered {
    name: String,
    class: String,
    args: Option<String>,
}

impl EncryptClient {
    /// Names a periodic job and gives it sealed args; it is then to be registered.
    ///
    /// rusty-sidekiq keeps every job that was ever registered and differs in a letter from the others,
    /// and sealed args differ each time. So the envelope is kept for all processes that register a job of
    /// this name and class; it is made anew when the args or the key have changed, and what was
    /// registered with the earlier one, or in plaintext, is taken out.
    ///
    /// ```
    /// # use async_trait::async_trait;
    /// # use sidekiq::{RedisPool, Worker};
    /// # struct SendReport;
    /// # #[async_trait]
    /// # impl Worker<String> for SendReport {
    /// #     async fn perform(&self, _: String) -> sidekiq::Result<()> { Ok(()) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = jobcrypt_testkit::RedisServer::start(&std::env::temp_dir())?;
    /// # let manager = sidekiq::RedisConnectionManager::new(server.url())?;
    /// # let redis = RedisPool::builder().build(manager).await?;
    /// # let key = jobcrypt_core::SecretKey::generate()?;
    /// # let keyring = jobcrypt_core::Keyring::new(jobcrypt_ciphers::XChaCha20Poly1305::new(key)).build()?;
    /// # let hook = jobcrypt_core::EncryptHook::builder(keyring).build()?;
    /// # let mut processor = sidekiq::Processor::new(redis.clone(), Vec::new());
    /// # let client = jobcrypt_sidekiq::EncryptClient::new(hook, redis);
    /// let hourly = sidekiq::periodic::builder("0 0 * * * *")?;
    /// client
    ///     .periodic::<SendReport, _>(hourly, "hourly report", "ada@example.com".to_owned())
    ///     .await?
    ///     .register(&mut processor, SendReport)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`perform_async`](Self::perform_async).
    pub async fn periodic<W, A>(
        &self,
        builder: Builder,
        name: &str,
        args: A,
    ) -> sidekiq::Result<Builder>
    where
        W: Worker<A>,
        A: Serialize,
    {
        let class = W::class_name();
        let json = Zeroizing::new(serde_json::to_vec(&args)?);
        let mut connection = self.redis.get().await?;
        let args = match self.envelope(&mut connection, &class, name, &json).await? {
            Some(envelope) => Value::Array(vec![serde_json::from_str(&envelope)?]),
            None => stored_args::in_array(serde_json::from_slice(&json)?),
        };
        take_out_others(&mut connection, &class, name, &args.to_string()).await?;
        builder.name(name).args(args)
    }

    /// Returns the envelope that all processes use for these args; `None` where the kind is readable.
    async fn envelope(
        &self,
        connection: &mut RedisConnection,
        class: &str,
        name: &str,
        json: &[u8],
    ) -> sidekiq::Result<Option<String>> {
        let context = JobContext::new(class);
        let sealed = self.hook.seal_bytes(&context, json).map_err(seal_failed)?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let field = format!("{class}:{name}");
        let mut kept = connection.cmd_with_key("HGET", PERIODIC_ARGS.to_owned());
        let kept: Option<String> = kept
            .arg(&field)
            .query_async(connection.unnamespaced_borrow_mut())
            .await?;
        if let Some(kept) = &kept
            && self.is_as_good(&context, kept, json)
        {
            return Ok(Some(kept.clone()));
        }
        let mut keep = redis_rs::cmd("EVAL");
        keep.arg(KEEP).arg(1).arg(whole(connection, PERIODIC_ARGS));
        keep.arg(field).arg(kept.unwrap_or_default()).arg(sealed);
        let connection = connection.unnamespaced_borrow_mut();
        Ok(Some(keep.query_async(connection).await?))
    }

    /// Whether an envelope holds these args and is under the key that would seal them now.
    fn is_as_good(&self, context: &JobContext<'_>, kept: &str, json: &[u8]) -> bool {
        let opened = self.hook.open_bytes(context, kept.as_bytes());
        let is_same = opened.is_ok_and(|opened| {
            let opened = opened.map(Zeroizing::new);
            opened.is_some_and(|opened| *opened == json)
        });
        is_same && matches!(self.hook.migrate_bytes(context, kept.as_bytes()), Ok(None))
    }
}

async fn take_out_others(
    connection: &mut RedisConnection,
    class: &str,
    name: &str,
    args: &str,
) -> sidekiq::Result<()> {
    for stored in connection.zrange(PERIODIC.to_owned(), 0, -1).await? {
        let Ok(other) = serde_json::from_str::<Registered>(&stored) else {
            continue;
        };
        if other.class == class && other.name == name && other.args.as_deref() != Some(args) {
            connection.zrem(PERIODIC.to_owned(), stored).await?;
        }
    }
    Ok(())
}
