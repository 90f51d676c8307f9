use std::borrow::Cow;

use tracing::trace;
use zeroize::Zeroize;

use crate::{
    EncryptHook, Encryptor, Envelope, Error, ErrorKind, JobContext, Payload, associated_data,
    marker, scratch,
};

impl EncryptHook {
    /// Seals args in place, on their way into the queue. Returns whether they are sealed now; `false`
    /// is for kinds that are readable, and for decrypt-only mode.
    ///
    /// # Errors
    ///
    /// The args stay as they were, and the job must not be enqueued:
    /// [`ErrorKind::AlreadySealed`] when they are an envelope, [`ErrorKind::MarkerInArgs`] when they
    /// would be readable and hold the marker, [`ErrorKind::CipherNotAllowed`] when no key has a cipher
    /// that the kind's policy allows, or the encryptor's own error.
    pub fn seal<P: Payload>(&self, context: &JobContext<'_>, args: &mut P) -> Result<bool, Error> {
        match self.sealed(context, args)? {
            Some(sealed) => {
                *args = sealed;
                Ok(true)
            }
            None => Ok(false),
        }
    }

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
    pub fn seal_batch<'a, P: Payload + 'a>(
        &self,
        jobs: impl IntoIterator<Item = (JobContext<'a>, &'a mut P)>,
    ) -> Result<(), Error> {
        let sealed: Vec<(&mut P, Option<P>)> = jobs
            .into_iter()
            .map(|(context, args)| {
                let sealed = self.sealed(&context, args)?;
                Ok((args, sealed))
            })
            .collect::<Result<_, Error>>()?;
        for (args, sealed) in sealed {
            if let Some(sealed) = sealed {
                *args = sealed;
            }
        }
        Ok(())
    }

    /// Seals args given as JSON, for stores. Returns the envelope, or `None` when the args are to be
    /// stored as they are.
    ///
    /// # Errors
    ///
    /// Those of [`seal`](Self::seal).
    pub fn seal_bytes(
        &self,
        context: &JobContext<'_>,
        json: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        self.try_seal(context, json)
            .map_err(|error| error.for_job(context.kind()))
    }

    fn sealed<P: Payload>(&self, context: &JobContext<'_>, args: &P) -> Result<Option<P>, Error> {
        let json = args
            .as_json()
            .map_err(|error| error.for_job(context.kind()))?;
        let sealed = self.seal_bytes(context, &json);
        if let Cow::Owned(mut json) = json {
            json.zeroize();
        }
        sealed?.map(P::from_json).transpose()
    }

    fn try_seal(&self, context: &JobContext<'_>, json: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let settings = &*self.0;
        let policy = self.policy(context.kind());
        if marker::is_envelope(json) {
            return Err(Error::new(
                ErrorKind::AlreadySealed,
                "they are an envelope of jobcrypt, whole and alone",
            ));
        }
        if settings.is_decrypt_only || !policy.is_sealed {
            return if settings.marker.is_anywhere_in(json) || policy.is_in_plain_form(json) {
                Err(Error::new(
                    ErrorKind::MarkerInArgs,
                    "a worker could not tell them from sealed args",
                ))
            } else {
                Ok(None)
            };
        }
        let keyring = settings.keys.snapshot();
        let key = keyring
            .encryptors()
            .find(|key| policy.seals_with(key.cipher()))
            .ok_or_else(|| Error::new(ErrorKind::CipherNotAllowed, "no key can seal this kind"))?;
        let envelope = scratch::for_context(|associated_data| {
            associated_data::write(context, &settings.namespace, associated_data)?;
            scratch::for_ciphertext(|body| {
                encrypt(key, associated_data, json, body)?;
                let token_len = Envelope::len(key.cipher(), body.len());
                let mut envelope = Vec::with_capacity(settings.marker.wrapped_len(token_len));
                settings.marker.wrap(&mut envelope, |out| {
                    Envelope::write(key.cipher(), key.key_id(), body, out);
                });
                Ok(envelope)
            })
        })
        .map_err(|error: Error| error.for_key(key.key_id()))?;
        trace!(
            target: "jobcrypt",
            kind = ?context.kind(),
            key = %key.key_id(),
            "job.sealed"
        );
        Ok(Some(envelope))
    }
}

fn encrypt(
    key: &dyn Encryptor,
    associated_data: &[u8],
    plaintext: &[u8],
    body: &mut Vec<u8>,
) -> Result<(), Error> {
    if key.binds_associated_data() {
        return key.encrypt(associated_data, plaintext, body);
    }
    let len = associated_data::framed_len(plaintext, associated_data);
    scratch::for_plaintext(len, |framed| {
        associated_data::frame(plaintext, associated_data, framed);
        key.encrypt(&[], framed, body)
    })
}
