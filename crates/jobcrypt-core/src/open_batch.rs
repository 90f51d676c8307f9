use crate::{EncryptHook, Error, JobContext, Payload};

impl EncryptHook {
    /// Opens the args of many jobs in place, each by itself: one that cannot be opened stands in the way of
    /// no other. Returns for each job, in order, what [`open`](Self::open) does.
    ///
    /// ```
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
    /// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    /// # let hook = EncryptHook::builder(keyring).build()?;
    /// let job = JobContext::new("send_letter");
    /// let mut args = [br#"{"to":"ada"}"#.to_vec(), br#"{"to":"alan"}"#.to_vec()];
    /// hook.seal_batch(args.iter_mut().map(|args| (job, args)))?;
    /// args[1].truncate(20);
    ///
    /// let opened = hook.open_batch(args.iter_mut().map(|args| (job, args)));
    /// assert!(opened[0].is_ok() && opened[1].is_err());
    /// assert_eq!(args[0], br#"{"to":"ada"}"#);
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn open_batch<'k, 'a, P: Payload + 'a>(
        &self,
        jobs: impl IntoIterator<Item = (JobContext<'k>, &'a mut P)>,
    ) -> Vec<Result<bool, Error>> {
        jobs.into_iter()
            .map(|(context, args)| self.open(&context, args))
            .collect()
    }
}
