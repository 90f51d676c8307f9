use std::{error::Error as StdError, fmt};

use apalis_core::{
    backend::{Backend, TaskSinkError, codec::Codec},
    task::Task,
};
use futures_util::{SinkExt, stream};
use jobcrypt_core::{Error, ErrorKind};

use crate::{EncryptBackend, StorageError, Store};

/// Jobs of one kind that are sealed and not stored yet: by [`EncryptBackend::seal_bulk`], for
/// [`EncryptBackend::push_sealed`].
#[must_use = "jobs are stored by `push_sealed`"]
pub struct SealedBulk {
    kind: Box<str>,
    args: Vec<Vec<u8>>,
}

/// Jobs of several kinds that belong together are sealed first, all of them, and then stored.
impl<B: Store> EncryptBackend<B> {
    /// Seals jobs without storing them. apalis has a storage for each kind, so whoever enqueues jobs of
    /// several seals those of each before any is stored: where one cannot be sealed, none is.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use apalis_sqlite::{SqlitePool, SqliteStorage};
    /// use jobcrypt_apalis::EncryptBackend;
    ///
    /// # let key = jobcrypt_core::SecretKey::generate()?;
    /// # let keyring = jobcrypt_core::Keyring::new(jobcrypt_ciphers::XChaCha20Poly1305::new(key)).build()?;
    /// # let hook = jobcrypt_core::EncryptHook::builder(keyring).build()?;
    /// let pool = SqlitePool::connect(":memory:").await?;
    /// SqliteStorage::setup(&pool).await?;
    /// let mut charges = EncryptBackend::new(hook.clone(), "charge_card", SqliteStorage::<u64>::new(&pool));
    /// let mut letters = EncryptBackend::new(hook, "send_letter", SqliteStorage::<String>::new(&pool));
    ///
    /// let sealed_charges = charges.seal_bulk(&[990, 1990])?;
    /// let sealed_letters = letters.seal_bulk(&["ada@example.com".to_owned()])?;
    /// charges.push_sealed(sealed_charges).await?;
    /// letters.push_sealed(sealed_letters).await?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// What the codec says of args that are no JSON, and [`StorageError::Seal`].
    pub fn seal_bulk<A>(
        &self,
        args: &[A],
    ) -> Result<SealedBulk, TaskSinkError<StorageError<<B as Backend>::Error>>>
    where
        B::Codec: Codec<A, Compact = Vec<u8>>,
        <B::Codec as Codec<A>>::Error: StdError + Send + Sync + 'static,
    {
        let jobs = args
            .iter()
            .map(|args| self.encode(args))
            .collect::<Result<_, _>>()?;
        let args = self.opening.seal_all(jobs).map_err(StorageError::Seal)?;
        let kind = self.opening.kind().into();
        Ok(SealedBulk { kind, args })
    }

    /// Stores jobs that were sealed before, by this backend or another of the same kind.
    ///
    /// # Errors
    ///
    /// The store's own, as [`StorageError::Store`], and [`StorageError::Seal`] where the jobs are of another
    /// kind, whose workers alone can open them. How much was stored then is the store's to say: each has
    /// jobs of one call at once, and none has those of several calls.
    pub async fn push_sealed(
        &mut self,
        sealed: SealedBulk,
    ) -> Result<(), StorageError<<B as Backend>::Error>> {
        if *sealed.kind != *self.opening.kind() {
            return Err(StorageError::Seal(Error::new(
                ErrorKind::InvalidConfiguration,
                "jobs are stored by a backend of the kind that they were sealed for",
            )));
        }
        let tasks = sealed.args.into_iter().map(Task::new).map(Ok);
        let sent = self.store.send_all(&mut stream::iter(tasks)).await;
        sent.map_err(StorageError::Store)
    }
}

impl fmt::Debug for SealedBulk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SealedBulk")
            .field("kind", &self.kind)
            .field("jobs", &self.args.len())
            .finish_non_exhaustive()
    }
}
