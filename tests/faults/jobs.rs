use std::sync::LazyLock;

use jobcrypt::{
    EncryptHook, JobContext, Keyring, SecretKey, ciphers::XChaCha20Poly1305, river::EncryptPlugin,
};
use tokio::runtime::Runtime;
use workbench::{ChargeCard, Database};

/// Where everything in the databases happens; the faults themselves happen elsewhere.
pub(crate) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("the system has threads"));

pub(crate) const ARGS: &str = r#"{"pan":"4111111111111111"}"#;
pub(crate) const NAMESPACE: &str = "faults";

/// River's table with some jobs under the second of two keys.
pub(crate) struct Jobs {
    pub(crate) database: Database,
    pub(crate) keys: [String; 2],
}

impl Jobs {
    pub(crate) fn on_each_database(count: usize) -> [Self; 2] {
        let both =
            RUNTIME.block_on(async { [Database::sqlite().await, Database::postgres().await] });
        both.map(|database| Self::in_it(database, count))
    }

    pub(crate) fn in_it(database: Database, count: usize) -> Self {
        let new = || SecretKey::generate().expect("the system has random bytes");
        let keys = [new(), new()].map(|key| key.to_base64().to_string());
        let jobs = Self { database, keys };
        RUNTIME.block_on(jobs.enqueue(&jobs.hook([1]), count));
        jobs
    }

    async fn enqueue(&self, hook: &EncryptHook, count: usize) {
        let client = self.database.client();
        let client = client.plugin(EncryptPlugin::new(hook.clone())).build();
        let jobs = vec![ChargeCard::new(ARGS); count];
        let enqueued = client.expect("it is sound").insert_many(jobs).await;
        enqueued.expect("jobs are enqueued");
    }

    /// A hook that has these keys.
    pub(crate) fn hook<const N: usize>(&self, keys: [usize; N]) -> EncryptHook {
        let mut keys = keys
            .into_iter()
            .map(|key| SecretKey::from_base64(&self.keys[key]).expect("it was made above"))
            .map(XChaCha20Poly1305::new);
        let keyring = Keyring::new(keys.next().expect("there is one"));
        let keyring = keys.fold(keyring, jobcrypt::KeyringBuilder::and).build();
        EncryptHook::builder(keyring.expect("the keys are sound"))
            .namespace(NAMESPACE)
            .build()
            .expect("it is sound")
    }

    /// Whether all of them open, as what was enqueued.
    pub(crate) fn must_all_open(&self, count: usize) {
        let hook = self.hook([0, 1]);
        let jobs = RUNTIME.block_on(self.database.jobs());
        assert_eq!(jobs.len(), count, "a job is gone, or there is one too many");
        for job in jobs {
            let opened = hook.open_bytes(&JobContext::new(&job.kind), job.args.as_bytes());
            let opened = opened.unwrap_or_else(|error| panic!("job {}: {error}", job.id));
            assert_eq!(opened.as_deref(), Some(ARGS.as_bytes()));
        }
    }
}
