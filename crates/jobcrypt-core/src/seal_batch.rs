use std::ptr;

use crate::{Batch, EncryptHook, Error, JobContext, Key, Payload, seal::Plaintext};

impl EncryptHook {
    /// Seals the args of many jobs in place: all of them, or none.
    ///
    /// # Errors
    ///
    /// Those of [`seal`](Self::seal), for the first job that cannot be sealed. All args stay as they
    /// were.
    ///
    /// ```
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
    /// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    /// # let hook = EncryptHook::builder(keyring).build()?;
    /// let mut first = br#"{"to":"ada"}"#.to_vec();
    /// let mut second = br#"{"to":"alan"}"#.to_vec();
    /// let job = JobContext::new("send_letter");
    /// hook.seal_batch([(job, &mut first), (job, &mut second)])?;
    /// assert!(first.starts_with(br#"{"river_encrypt":"#));
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn seal_batch<'k, 'a, P: Payload + 'a>(
        &self,
        jobs: impl IntoIterator<Item = (JobContext<'k>, &'a mut P)>,
    ) -> Result<(), Error> {
        let mut jobs: Vec<_> = jobs.into_iter().collect();
        let sealed = self.sealed_batch(jobs.iter().map(|(context, args)| (*context, &**args)))?;
        for ((_, args), sealed) in jobs.iter_mut().zip(sealed) {
            if let Some(sealed) = sealed {
                **args = sealed;
            }
        }
        Ok(())
    }

    /// Like [`seal_batch`](Self::seal_batch), for args whose kind lives in the same value, as
    /// [`sealed`](Self::sealed) is for one job. Returns the sealed args of each job, or `None` where
    /// they are to be stored as they are.
    ///
    /// # Errors
    ///
    /// Those of [`seal_batch`](Self::seal_batch).
    pub fn sealed_batch<'a, P: Payload + 'a>(
        &self,
        jobs: impl IntoIterator<Item = (JobContext<'a>, &'a P)>,
    ) -> Result<Vec<Option<P>>, Error> {
        let keyring = self.keys().snapshot();
        let jobs = jobs.into_iter();
        let mut plans = Vec::with_capacity(jobs.size_hint().0);
        let mut batches = Batches(Vec::new());
        for (context, args) in jobs {
            let in_job = |error: Error| error.for_job(context.kind());
            let json = Plaintext::of(args).map_err(in_job)?;
            let key = self
                .sealing_key(&context, &json, &keyring)
                .map_err(in_job)?;
            plans.push((context, json, key.map(|key| batches.plan(key))));
        }
        let mut seal = |context: &JobContext<'_>, json: &[u8], place| {
            let (key, batch) = batches.begun(place)?;
            let envelope = self.envelope(key, context, json, |bound, plaintext, body| {
                batch.encrypt(bound, plaintext, body)
            })?;
            P::from_json(envelope)
        };
        plans
            .into_iter()
            .map(|(context, json, place)| {
                place
                    .map(|place| seal(&context, &json, place))
                    .transpose()
                    .map_err(|error| error.for_job(context.kind()))
            })
            .collect()
    }
}

/// The batches of one call, one for each key that seals in it: nearly always a single one.
struct Batches<'a>(Vec<Planned<'a>>);

struct Planned<'a> {
    key: &'a Key,
    count: usize,
    begun: Option<Box<dyn Batch + 'a>>,
}

impl<'a> Batches<'a> {
    /// Counts one more job for `key`; returns the place of its batch.
    fn plan(&mut self, key: &'a Key) -> usize {
        let known = self.0.iter().position(|batch| ptr::eq(batch.key, key));
        let place = known.unwrap_or(self.0.len());
        if known.is_none() {
            self.0.push(Planned {
                key,
                count: 0,
                begun: None,
            });
        }
        self.0[place].count += 1;
        place
    }

    /// Returns the batch at `place`, which begins with its first job.
    fn begun(&mut self, place: usize) -> Result<(&'a Key, &mut (dyn Batch + 'a)), Error> {
        let Planned { key, count, begun } = &mut self.0[place];
        let batch = match begun {
            Some(batch) => batch,
            None => begun.insert(
                key.encryptor()
                    .batch(*count)
                    .map_err(|error| error.for_key(key.key_id()))?,
            ),
        };
        Ok((key, &mut **batch))
    }
}
