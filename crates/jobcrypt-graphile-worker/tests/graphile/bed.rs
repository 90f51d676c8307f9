//! A server, the kinds that the tests work, and a look at what is stored.

use std::{
    future::Future,
    sync::{Arc, Mutex},
};

use graphile_worker::{
    BatchTaskHandler, IntoBatchTaskHandlerResult, IntoTaskHandlerResult, TaskHandler, Worker,
    WorkerContext, WorkerOptions, WorkerUtils,
};
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, Keyring, Policy, SecretKey};
use jobcrypt_graphile_worker::EncryptPlugin;
use jobcrypt_testkit::PostgresServer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgPool, Row};

/// What the handlers got, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Value>>>);

impl Seen {
    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }

    fn push(context: &WorkerContext) {
        let Self(seen) = context.get_ext::<Self>().expect("the bed installs it");
        let payload = context.payload().clone();
        seen.lock().expect("nobody panics with it").push(payload);
    }
}

#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct ChargeCard {
    pub(crate) pan: String,
}

impl TaskHandler for ChargeCard {
    const IDENTIFIER: &'static str = "charge_card";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        Seen::push(&context);
        match &*self.pan {
            "declined" => Err("declined".to_owned()),
            "misread" => Err(misread().to_string()),
            "panics" => panic!("{:?}", misread()),
            "refused" => Err(format!("the bank refused {CARD}")),
            "panics of a card" => panic!("no such card: {CARD}"),
            "again" => {
                let utils = EncryptPlugin::utils(&context).expect("the plugin is installed");
                let next = Self {
                    pan: "41111111".into(),
                };
                utils.add_job(next, later()).await.expect("it is stored");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct RebuildIndex {
    pub(crate) index: String,
}

impl TaskHandler for RebuildIndex {
    const IDENTIFIER: &'static str = "rebuild_index";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        Seen::push(&context);
    }
}

/// Fails for items that begin with "bad".
#[derive(Deserialize, Serialize)]
pub(crate) struct SendInvoice(pub(crate) String);

impl BatchTaskHandler for SendInvoice {
    const IDENTIFIER: &'static str = "send_invoice";

    fn run_batch(
        items: Vec<Self>,
        context: WorkerContext,
    ) -> impl Future<Output = impl IntoBatchTaskHandlerResult> + Send + 'static {
        Seen::push(&context);
        let result = |Self(item): Self| {
            if item.starts_with("bad") {
                Err(format!("refused {item}"))
            } else {
                Ok(())
            }
        };
        std::future::ready(items.into_iter().map(result).collect::<Vec<_>>())
    }
}

/// What a handler had from somewhere else than from args.
pub(crate) const CARD: &str = "41111111-of-a-card";

/// What serde says quotes the value that it stumbled over.
fn misread() -> serde_json::Error {
    serde_json::from_str::<u32>(r#""41111111-of-a-card""#).expect_err("it is no number")
}

pub(crate) fn later() -> graphile_worker::JobSpec {
    graphile_worker::JobSpec {
        run_at: Some(chrono::Utc::now() + chrono::Duration::hours(1)),
        ..Default::default()
    }
}

pub(crate) struct Bed {
    pub(crate) pool: PgPool,
    pub(crate) hook: EncryptHook,
    pub(crate) worker: Worker,
    pub(crate) utils: WorkerUtils,
    pub(crate) seen: Seen,
    _server: PostgresServer,
}

pub(crate) fn cipher() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::generate().expect("the system has randomness"))
}

pub(crate) fn hook(cipher: impl jobcrypt_core::Encryptor) -> EncryptHook {
    let keyring = Keyring::new(cipher).build().expect("one key is enough");
    EncryptHook::builder(keyring)
        .kind("rebuild_index", Policy::readable())
        .build()
        .expect("the hook is sound")
}

impl Bed {
    pub(crate) async fn new() -> Self {
        Self::with(hook(cipher()), |plugin| plugin).await
    }

    /// With another hook, and a plugin that is changed before it is installed.
    pub(crate) async fn with(
        hook: EncryptHook,
        change: impl FnOnce(EncryptPlugin) -> EncryptPlugin,
    ) -> Self {
        let server = PostgresServer::start(&std::env::temp_dir()).expect("PostgreSQL starts");
        let pool = PgPool::connect(&server.url()).await.expect("it lets us in");
        let seen = Seen::default();
        let plugin = change(EncryptPlugin::new(hook.clone()))
            .job::<ChargeCard>()
            .job::<RebuildIndex>()
            .batch_job::<SendInvoice>();
        let worker = plugin
            .install(WorkerOptions::default())
            .add_extension(seen.clone())
            .listen_os_shutdown_signals(false)
            .pg_pool(pool.clone())
            .init()
            .await
            .expect("the worker is sound");
        let utils = worker.create_utils();
        Self {
            pool,
            hook,
            worker,
            utils,
            seen,
            _server: server,
        }
    }

    /// Works all that is due; returns what the handlers got.
    pub(crate) async fn work(&self) -> Vec<Value> {
        self.worker.run_once().await.expect("the worker lives on");
        self.seen.take()
    }

    /// The payloads as they are stored, by id.
    pub(crate) async fn stored(&self) -> Vec<String> {
        let rows =
            sqlx::query("select payload::text from graphile_worker._private_jobs order by id");
        let rows = rows
            .fetch_all(&self.pool)
            .await
            .expect("the table is there");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Stores a job past the plugin.
    pub(crate) async fn plant(&self, kind: &str, payload: &str) {
        sqlx::query("select graphile_worker.add_job($1, $2::json)")
            .bind(kind)
            .bind(payload)
            .execute(&self.pool)
            .await
            .expect("it is stored");
    }

    pub(crate) async fn make_due(&self) {
        sqlx::query(
            "update graphile_worker._private_jobs set run_at = now()
             where run_at < now() + interval '1 year'",
        )
        .execute(&self.pool)
        .await
        .expect("it runs");
    }
}
