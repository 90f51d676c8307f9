use std::{borrow::Cow, num::NonZeroU32};

use zeroize::Zeroize;

use crate::{
    AuditEvent, EncryptHook, Error, ErrorKind, JobContext, Key, Keyring, Payload, Purpose,
    associated_data, envelope, form::Form, marker, padding, scratch,
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
    /// that the kind's policy seals with and opens, [`ErrorKind::KeyNotAllowed`] when all keys that have one are bound
    /// to other kinds or namespaces, or the encryptor's own error.
    pub fn seal<P: Payload>(&self, context: &JobContext<'_>, args: &mut P) -> Result<bool, Error> {
        match self.sealed(context, args)? {
            Some(sealed) => {
                *args = sealed;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Like [`seal`](Self::seal), for args whose kind lives in the same value, so that one of the two
    /// cannot be borrowed mutably. Returns the sealed args, or `None` when they are to be stored as
    /// they are.
    ///
    /// # Errors
    ///
    /// Those of [`seal`](Self::seal).
    ///
    /// ```
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
    /// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    /// # let hook = EncryptHook::builder(keyring).build()?;
    /// struct Row {
    ///     kind: String,
    ///     args: String,
    /// }
    ///
    /// impl Row {
    ///     fn context(&self) -> JobContext<'_> {
    ///         JobContext::new(&self.kind)
    ///     }
    /// }
    ///
    /// let mut row = Row { kind: "send_letter".to_owned(), args: r#"{"to":"ada"}"#.to_owned() };
    /// if let Some(sealed) = hook.sealed(&row.context(), &row.args)? {
    ///     row.args = sealed;
    /// }
    /// if let Some(opened) = hook.opened(&row.context(), &row.args)? {
    ///     row.args = opened;
    /// }
    /// assert_eq!(row.args, r#"{"to":"ada"}"#);
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn sealed<P: Payload>(
        &self,
        context: &JobContext<'_>,
        args: &P,
    ) -> Result<Option<P>, Error> {
        let in_job = |error: Error| error.for_job(context.kind());
        let json = Plaintext::of(args).map_err(in_job)?;
        self.seal_bytes(context, &json)?
            .map(P::from_json)
            .transpose()
            .map_err(in_job)
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
        let keyring = self.keys().snapshot();
        let seal = || {
            let Some(key) = self.sealing_key(context, json, &keyring)? else {
                return Ok(None);
            };
            let encryptor = key.encryptor();
            self.envelope(key, context, json, |bound, plaintext, body| {
                encryptor.encrypt(bound, plaintext, body)
            })
            .map(Some)
        };
        seal().map_err(|error: Error| error.for_job(context.kind()))
    }

    /// Returns the key that seals these args, or `None` when they are to be stored as they are.
    pub(crate) fn sealing_key<'a>(
        &self,
        context: &JobContext<'_>,
        json: &[u8],
        keyring: &'a Keyring,
    ) -> Result<Option<&'a Key>, Error> {
        let policy = self.policy(context.kind());
        if marker::is_envelope(json) {
            return Err(Error::new(
                ErrorKind::AlreadySealed,
                "they are an envelope of jobcrypt, or hold a token of fields at their top",
            ));
        }
        if !self.0.is_decrypt_only && policy.is_sealed {
            return self.key_of(context, keyring).map(Some);
        }
        if policy.is_in_plain_form(json) {
            return Err(Error::new(
                ErrorKind::MarkerInArgs,
                "a worker could not tell them from sealed args",
            ));
        }
        self.refuse_marker_in(json, policy)?;
        Ok(None)
    }

    /// Returns the first key that the policy of the kind allows and that may be used for it: one that is
    /// bound to the kind or the namespace before one that is for everything.
    pub(crate) fn key_of<'a>(
        &self,
        context: &JobContext<'_>,
        keyring: &'a Keyring,
    ) -> Result<&'a Key, Error> {
        let policy = self.policy(context.kind());
        let allowed = keyring
            .keys()
            .filter(|key| policy.allows_sealing_with(key.cipher()));
        if allowed.clone().next().is_none() {
            return Err(Error::new(
                ErrorKind::CipherNotAllowed,
                "no key has a cipher that its policy seals with and opens",
            ));
        }
        let key = allowed
            .clone()
            .filter(|key| key.is_bound())
            .chain(allowed)
            .find(|key| key.allows(context.kind(), &self.0.namespace))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::KeyNotAllowed,
                    "all keys are bound to other kinds or namespaces",
                )
            })?;
        key.report_overdue();
        Ok(key)
    }

    /// Seals a value of its own, whatever the policy of the kind is.
    pub(crate) fn seal_value(
        &self,
        context: &JobContext<'_>,
        json: &[u8],
    ) -> Result<Vec<u8>, Error> {
        if self.0.is_decrypt_only {
            return Err(Error::new(
                ErrorKind::InvalidConfiguration,
                "a decrypt-only hook seals no values",
            ));
        }
        let keyring = self.keys().snapshot();
        let key = self.key_of(context, &keyring)?;
        self.whole_envelope(key, context, json, |bound, plaintext, body| {
            key.encryptor().encrypt(bound, plaintext, body)
        })
    }

    /// Makes what is stored of `json`, sealed under `key`; `encrypt` is called once, as an encryptor is.
    pub(crate) fn envelope(
        &self,
        key: &Key,
        context: &JobContext<'_>,
        json: &[u8],
        encrypt: impl FnOnce(&[u8], &[u8], &mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<Vec<u8>, Error> {
        let policy = self.policy(context.kind());
        match policy.paths() {
            Some(paths) if context.purpose() == Purpose::ARGS => {
                self.fields_envelope(key, context, (policy, paths), json, encrypt)
            }
            _ => self.whole_envelope(key, context, json, encrypt),
        }
    }

    /// Makes the envelope of `plaintext` as a whole.
    pub(crate) fn whole_envelope(
        &self,
        key: &Key,
        context: &JobContext<'_>,
        plaintext: &[u8],
        encrypt: impl FnOnce(&[u8], &[u8], &mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<Vec<u8>, Error> {
        let bucket = self.policy(context.kind()).bucket;
        self.padded_envelope(key, context, bucket, plaintext, encrypt)
    }

    /// Makes the envelope of `plaintext` as a whole, padded to a multiple of `bucket`.
    pub(crate) fn padded_envelope(
        &self,
        key: &Key,
        context: &JobContext<'_>,
        bucket: Option<NonZeroU32>,
        plaintext: &[u8],
        encrypt: impl FnOnce(&[u8], &[u8], &mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<Vec<u8>, Error> {
        let marker = &self.0.marker;
        let form = Form::new(false, bucket.is_some());
        let envelope =
            self.encrypted(key, context, (form, bucket), plaintext, encrypt, |body| {
                let prefix = key.token_prefix(form);
                let token_len = prefix.len() + envelope::encoded_len(body);
                let mut envelope = Vec::with_capacity(marker.wrapped_len(token_len));
                marker.wrap(&mut envelope, |out| {
                    out.extend_from_slice(prefix);
                    envelope::encode_body(body, out);
                });
                Ok(envelope)
            })?;
        self.audit(&AuditEvent::JobSealed {
            kind: context.kind(),
            key_id: key.key_id(),
        });
        Ok(envelope)
    }

    /// Encrypts what a token of `form` holds, padded to a multiple of `bucket`, and hands the body to `write`.
    pub(crate) fn encrypted<T>(
        &self,
        key: &Key,
        context: &JobContext<'_>,
        (form, bucket): (Form, Option<NonZeroU32>),
        plaintext: &[u8],
        encrypt: impl FnOnce(&[u8], &[u8], &mut Vec<u8>) -> Result<(), Error>,
        write: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        scratch::for_context(|associated_data| {
            let context = form.context(context);
            associated_data::write(form, &context, &self.0.namespace, associated_data)?;
            scratch::for_ciphertext(|body| {
                let is_bound = key.encryptor().binds_associated_data();
                if is_bound && bucket.is_none() {
                    encrypt(associated_data, plaintext, body)?;
                } else {
                    let len = bucket.map_or(plaintext.len(), |bucket| {
                        padding::padded_len(plaintext.len(), bucket)
                    });
                    let len = len + associated_data::frame_len(associated_data);
                    scratch::for_plaintext(len, |framed| {
                        framed.extend_from_slice(plaintext);
                        if let Some(bucket) = bucket {
                            padding::pad(framed, bucket);
                        }
                        if is_bound {
                            return encrypt(associated_data, framed, body);
                        }
                        associated_data::frame(associated_data, framed);
                        encrypt(&[], framed, body)
                    })?;
                }
                write(body)
            })
        })
        .map_err(|error: Error| error.for_key(key.key_id()))
    }
}

/// The JSON of args; a copy is wiped when it is dropped.
pub(crate) struct Plaintext<'a>(Cow<'a, [u8]>);

impl<'a> Plaintext<'a> {
    pub(crate) fn of(args: &'a impl Payload) -> Result<Self, Error> {
        args.as_json().map(Self)
    }
}

impl std::ops::Deref for Plaintext<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Plaintext<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(json) = &mut self.0 {
            json.zeroize();
        }
    }
}
