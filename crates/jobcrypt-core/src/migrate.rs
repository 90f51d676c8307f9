use std::num::NonZeroU32;

use zeroize::Zeroizing;

use crate::{
    AuditEvent, EncryptHook, Envelope, Error, ErrorKind, JobContext, Key, KeyId, Keyring,
    LegacyForm, Purpose, envelope, form::Form, json_keys, open,
};

impl EncryptHook {
    /// Moves stored args to the key that seals their kind now, for stores. Returns the new envelope, or
    /// `None` when there is nothing to move: they are under that key already, or plaintext which the
    /// policy of the kind accepts.
    ///
    /// A kind that became readable keeps its stored jobs sealed. A time that stands in a token, as
    /// Fernet's does, stays when the job moves to another key of the same cipher.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) for what is stored and those of [`seal`](Self::seal) for what is to be;
    /// [`ErrorKind::InvalidConfiguration`] in decrypt-only mode, which never seals.
    ///
    /// ```
    /// # use jobcrypt_ciphers::{Fernet, XChaCha20Poly1305};
    /// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
    /// let keyring = Keyring::new(Fernet::new(SecretKey::generate()?)).build()?;
    /// let hook = EncryptHook::builder(keyring).build()?;
    /// let job = JobContext::new("send_letter");
    /// let stored = hook.seal_bytes(&job, br#"{"to":"ada"}"#)?.expect("every kind is sealed");
    ///
    /// hook.keys().rotate(XChaCha20Poly1305::new(SecretKey::generate()?))?;
    /// let moved = hook.migrate_bytes(&job, &stored)?.expect("it was under the old key");
    /// assert!(moved.starts_with(br#"{"river_encrypt":"jc1.xchacha20poly1305."#));
    /// assert_eq!(hook.migrate_bytes(&job, &moved)?, None);
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn migrate_bytes(
        &self,
        context: &JobContext<'_>,
        stored: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        self.migrate_bytes_between(context, context, stored)
    }

    /// Like [`migrate_bytes`](Self::migrate_bytes), for a job whose context became another one after it was
    /// sealed, as when its kind was renamed: opens it where it belonged and seals it where it belongs now,
    /// also when the key stays.
    ///
    /// # Errors
    ///
    /// Those of [`migrate_bytes`](Self::migrate_bytes).
    ///
    /// ```
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
    /// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    /// let hook = EncryptHook::builder(keyring).build()?;
    /// let (old, new) = (JobContext::new("charge"), JobContext::new("charge_card"));
    /// let stored = hook.seal_bytes(&old, br#"{"amount":1}"#)?.expect("every kind is sealed");
    ///
    /// let moved = hook.migrate_bytes_between(&old, &new, &stored)?.expect("it belonged elsewhere");
    /// assert!(hook.open_bytes(&new, &moved)?.is_some());
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn migrate_bytes_between(
        &self,
        from: &JobContext<'_>,
        to: &JobContext<'_>,
        stored: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        self.migrate_stored(from, to, &[], stored)
    }

    /// Like [`migrate_bytes`](Self::migrate_bytes), and moves the single values in the args too that were
    /// [sealed](crate::Sealed) for this kind under one of `names`, which do not stand in their tokens: in args that are
    /// readable, beside and among sealed fields, and inside of args that were sealed as a whole afterwards. A value that
    /// opens under none of the names stays as it is.
    ///
    /// # Errors
    ///
    /// Those of [`migrate_bytes`](Self::migrate_bytes).
    ///
    /// ```
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, Policy, Sealed, SecretKey};
    /// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    /// let policy = Policy::readable().with_sealed_values();
    /// let hook = EncryptHook::builder(keyring).default_policy(policy).build()?;
    /// let pin = Sealed::seal(&hook, "open_door", "pin", &1234)?;
    /// let stored = serde_json::to_vec(&serde_json::json!({ "door": 7, "pin": pin }))?;
    ///
    /// hook.keys().rotate(XChaCha20Poly1305::new(SecretKey::generate()?))?;
    /// let job = JobContext::new("open_door");
    /// let moved = hook.migrate_bytes_and_values(&job, &["pin"], &stored)?.expect("it was under the old key");
    /// let args: serde_json::Value = serde_json::from_slice(&moved)?;
    /// let pin: Sealed<u16> = serde_json::from_value(args["pin"].clone())?;
    /// assert_eq!(pin.open(&hook, "open_door", "pin")?, 1234);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn migrate_bytes_and_values(
        &self,
        context: &JobContext<'_>,
        names: &[impl AsRef<str>],
        stored: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let value = context.with_purpose(Purpose::VALUE);
        let names = names.iter().map(AsRef::as_ref);
        let values: Vec<_> = names.map(|name| value.with_detail(name)).collect();
        self.migrate_stored(context, context, &values, stored)
    }

    fn migrate_stored(
        &self,
        from: &JobContext<'_>,
        to: &JobContext<'_>,
        values: &[JobContext<'_>],
        stored: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let in_job = |error: Error| error.for_job(to.kind());
        if self.0.is_decrypt_only {
            let detail = "a decrypt-only hook cannot move jobs to another key";
            return Err(in_job(Error::new(ErrorKind::InvalidConfiguration, detail)));
        }
        let policy = self.policy(from.kind());
        let token = self.0.marker.find(stored).map_err(in_job)?;
        if token.is_none() && !policy.is_in_plain_form(stored) {
            open::accept_plaintext(policy, stored).map_err(in_job)?;
            return self.migrate_tokens(values, stored);
        }
        let keyring = self.keys().snapshot();
        let key = self.key_of(to, &keyring).map_err(in_job)?;
        let envelope = token
            .as_deref()
            .and_then(|token| Envelope::parse_bytes(token).ok());
        let is_there = from == to && envelope.is_some_and(|it| it.is_of(key));
        if is_there && values.is_empty() {
            return Ok(None);
        }
        if let Some(token) = token.as_deref()
            && envelope.is_some_and(|it| it.is_fields())
        {
            return self.migrate_fields(from, to, values, stored, token, key);
        }
        let Some(plaintext) = self.open_bytes(from, stored)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let with_values = self.migrate_tokens(values, &plaintext)?.map(Zeroizing::new);
        if is_there && with_values.is_none() {
            return Ok(None);
        }
        let replaced = match envelope {
            Some(envelope) => envelope.body_for(key),
            None => self.legacy_body(from, stored, token.as_deref(), key, &keyring),
        };
        let plaintext = with_values.as_ref().unwrap_or(&plaintext);
        // What was sealed as a whole stays so, whatever the policy has become.
        let bucket = self.bucket_after(to, envelope);
        self.padded_envelope(key, to, bucket, plaintext, |bound, plaintext, body| {
            key.encrypt_again(replaced.as_deref(), bound, plaintext, body)
        })
        .map(Some)
        .map_err(in_job)
    }

    /// Moves the token of fields and the values among them, and leaves what else stands beside it as it is.
    fn migrate_fields(
        &self,
        from: &JobContext<'_>,
        to: &JobContext<'_>,
        values: &[JobContext<'_>],
        stored: &[u8],
        token: &[u8],
        key: &Key,
    ) -> Result<Option<Vec<u8>>, Error> {
        let in_job = |error: Error| error.for_job(to.kind());
        // Opened as a worker would, so that nothing that was changed passes under the new key.
        drop(self.open_bytes(from, stored)?.map(Zeroizing::new));
        let policy = self.policy(from.kind());
        let sealed = self.open_token(from, policy, token).map(Zeroizing::new);
        let sealed = sealed.map_err(in_job)?;
        let with_values = self.migrate_tokens(values, &sealed)?.map(Zeroizing::new);
        let envelope = Envelope::parse_bytes(token).map_err(in_job)?;
        let is_there = from == to && envelope.is_of(key) && with_values.is_none();
        let sealed = with_values.as_ref().unwrap_or(&sealed);
        let replaced = envelope.body_for(key);
        let bucket = self.bucket_after(to, Some(envelope));
        let form = Form::new(true, bucket.is_some());
        let encrypt = |bound: &[u8], plaintext: &[u8], body: &mut Vec<u8>| {
            key.encrypt_again(replaced.as_deref(), bound, plaintext, body)
        };
        let moved = if is_there {
            token.to_vec()
        } else {
            let moved = self.encrypted(key, to, (form, bucket), sealed, encrypt, |body| {
                let mut token = key.token_prefix(form).to_vec();
                envelope::encode_body(body, &mut token);
                Ok(token)
            });
            let moved = moved.map_err(in_job)?;
            self.audit(&AuditEvent::JobSealed {
                kind: to.kind(),
                key_id: key.key_id(),
            });
            moved
        };
        let around = |stored: &[u8]| self.0.marker.with_token(stored, &moved).map_err(in_job);
        if let Some(beside) = self.migrate_tokens(values, stored)? {
            let args = around(&beside)?;
            // A bound field with a value in it is bound as it is written, and stays.
            if self
                .open_bytes(to, &args)
                .map(|it| it.map(Zeroizing::new))
                .is_ok()
            {
                return Ok(Some(args));
            }
        }
        if is_there {
            return Ok(None);
        }
        around(stored).map(Some)
    }

    /// To what a token is padded that takes the place of `replaced`. Where the policy at hand does not say, as on the command
    /// line, a padded one is as long as that was as a body, so that its length says no more than before.
    pub(crate) fn bucket_after(
        &self,
        context: &JobContext<'_>,
        replaced: Option<Envelope<'_>>,
    ) -> Option<NonZeroU32> {
        let padded = replaced.filter(Envelope::is_padded);
        let len = || NonZeroU32::new(u32::try_from(padded?.body_len()).ok()?);
        self.policy(context.kind()).bucket.or_else(len)
    }

    /// Returns the id of the key that seals jobs of this context now, so that a store can pass over those
    /// that are under it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CipherNotAllowed`] and [`ErrorKind::KeyNotAllowed`] when no key does.
    ///
    /// ```
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
    /// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    /// let primary = keyring.primary().key_id();
    /// let hook = EncryptHook::builder(keyring).build()?;
    /// assert_eq!(hook.primary_of(&JobContext::new("send_letter"))?, primary);
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn primary_of(&self, context: &JobContext<'_>) -> Result<KeyId, Error> {
        let keyring = self.keys().snapshot();
        let key = self.key_of(context, &keyring);
        key.map(Key::key_id)
            .map_err(|error| error.for_job(context.kind()))
    }

    /// Returns what an encryptor of the cipher of `key` wrote in a legacy form.
    fn legacy_body(
        &self,
        context: &JobContext<'_>,
        stored: &[u8],
        token: Option<&[u8]>,
        key: &Key,
        keyring: &Keyring,
    ) -> Option<Vec<u8>> {
        if let Some(token) = token {
            // This form does not say which cipher wrote it; that of a key that opens it did.
            let body = LegacyForm::River.decode(token).ok()?;
            let mut alike = keyring.keys().filter(|it| it.cipher() == key.cipher());
            let opens = |it: &Key| {
                let mut plaintext = Zeroizing::new(Vec::with_capacity(body.len()));
                it.encryptor().decrypt(&[], &body, &mut plaintext).is_ok()
            };
            return alike.any(opens).then_some(body);
        }
        let form = self.policy(context.kind()).plain_form()?;
        let (text, _) = json_keys::string_value(stored)?;
        form.fits(key).then(|| form.decode(text.as_bytes()).ok())?
    }
}
