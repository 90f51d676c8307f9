use std::num::NonZeroU32;

use crate::{
    CipherName, Error, ErrorKind, LegacyForm,
    fields::{Fields, Paths},
    json_keys,
};

/// What happens to the jobs of one kind: sealed or readable on enqueue, and what is accepted on
/// dequeue.
///
/// Whether stored args are opened is not a matter of what is sealed: an envelope always is, so that a
/// kind can be taken off the list while its jobs are stored. Only
/// [`open_ciphers`](Self::open_ciphers) refuses envelopes.
///
/// ```
/// use jobcrypt_core::{CipherName, LegacyForm, Policy};
///
/// let strict = Policy::sealed()
///     .reject_plaintext()
///     .ciphers([CipherName::XCHACHA20_POLY1305]);
/// let moving_from_river = Policy::sealed().legacy(LegacyForm::River);
/// # let _ = (strict, moving_from_river);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Policy {
    pub(crate) is_sealed: bool,
    pub(crate) rejects_plaintext: bool,
    pub(crate) admits_sealed_values: bool,
    pub(crate) bucket: Option<NonZeroU32>,
    fields: Option<Box<Fields>>,
    /// What the policy was given that it cannot keep.
    fault: Option<&'static str>,
    /// `None` allows all, here and below.
    seal_ciphers: Option<Vec<CipherName>>,
    open_ciphers: Option<Vec<CipherName>>,
    legacy: Vec<LegacyForm>,
}

impl Policy {
    /// Args are sealed on enqueue. Plaintext jobs, such as those enqueued before, are worked.
    pub const fn sealed() -> Self {
        Self::new(true)
    }

    /// Args are stored as they are.
    pub const fn readable() -> Self {
        Self::new(false)
    }

    /// These fields of the args are sealed on enqueue, together, into one token under the marker. Their places
    /// hold null, and everything else stays readable, byte for byte. A job without one of them is refused.
    ///
    /// A field is named by a JSON Pointer (RFC 6901) in which `*` stands for every element of an array and
    /// every member of an object; `~2` is a name's own `*`. Args have to be an object. Outputs and
    /// errors of the kind are sealed as a whole.
    ///
    /// ```
    /// use jobcrypt_ciphers::XChaCha20Poly1305;
    /// use jobcrypt_core::{EncryptHook, JobContext, Keyring, Policy, SecretKey};
    ///
    /// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    /// let policy = Policy::fields(["/credentials", "/users/*/ssn"])
    ///     .optional_fields(["/note"])
    ///     .bind(["/host", "/port"])
    ///     .reject_plaintext();
    /// let hook = EncryptHook::builder(keyring).kind("send_command", policy).build()?;
    ///
    /// let job = JobContext::new("send_command");
    /// let args = r#"{"host":"sw1","credentials":{"u":"ada","p":"swordfish"},"users":[{"ssn":"1"}]}"#;
    /// let mut stored = args.to_owned();
    /// hook.seal(&job, &mut stored)?;
    /// assert!(stored.starts_with(r#"{"river_encrypt":"jc1f."#));
    /// assert!(stored.ends_with(r#"","host":"sw1","credentials":null,"users":[{"ssn":null}]}"#));
    ///
    /// // A password is not sent to another host than the one it was meant for.
    /// let mut changed = stored.replace("sw1", "sw2");
    /// assert!(hook.open(&job, &mut changed).is_err());
    ///
    /// hook.open(&job, &mut stored)?;
    /// assert_eq!(stored, args);
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn fields(required: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            fields: Some(Box::new(Fields::new(required))),
            ..Self::new(true)
        }
    }

    /// These fields are sealed too, where they are there. Beside [`fields`](Self::fields) only.
    pub fn optional_fields(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        match &mut self.fields {
            Some(fields) => fields.add_optional(paths),
            None => self.fault = Some("optional fields belong to a policy of fields"),
        }
        self
    }

    /// Binds readable fields to the sealed ones: a job in which one of them was changed, removed or added
    /// since is refused. Beside [`fields`](Self::fields) only.
    ///
    /// Bound is what a field means and not how it is written, so that a job survives PostgreSQL's `jsonb`. A
    /// field that is not there is bound as well.
    pub fn bind(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        match &mut self.fields {
            Some(fields) => fields.add_bound(paths),
            None => self.fault = Some("fields are bound by a policy of fields only"),
        }
        self
    }

    /// Lets readable args hold values that were [sealed](crate::Sealed) under a key of this keyring, each alone
    /// in an object below the top. Otherwise the marker is refused in readable args at any depth.
    ///
    /// The hook passes them on as they are. Only [`Sealed::open`](crate::Sealed::open) opens them, for their
    /// own kind, namespace and name; so what a user's input can do that holds a stolen token is
    /// bring back a value to the place that it was sealed for.
    pub fn with_sealed_values(mut self) -> Self {
        self.admits_sealed_values = true;
        self
    }

    /// Pads what is sealed to a multiple of `bytes`, 2 to 1,048,576, so that its length says less. Padded
    /// and unpadded jobs open alike. What is readable is not padded.
    ///
    /// ```
    /// use jobcrypt_core::Policy;
    ///
    /// let policy = Policy::sealed().pad_to(256);
    /// # let _ = policy;
    /// ```
    pub const fn pad_to(mut self, bytes: u32) -> Self {
        if bytes < 2 || bytes > 1024 * 1024 {
            self.fault = Some("args are padded to a multiple of 2 to 1,048,576 bytes");
        }
        self.bucket = NonZeroU32::new(bytes);
        self
    }

    /// Plaintext jobs are not worked but refused on dequeue.
    ///
    /// Recommended once every stored job of the kind is sealed: without it, whoever can write the
    /// queue's table can insert jobs of his own.
    pub const fn reject_plaintext(mut self) -> Self {
        self.rejects_plaintext = true;
        self
    }

    /// Seals with these ciphers only: with the first key of the keyring that has one of them, and one that
    /// [`open_ciphers`](Self::open_ciphers) opens.
    pub fn seal_ciphers(mut self, allowed: impl IntoIterator<Item = CipherName>) -> Self {
        self.seal_ciphers = Some(allowed.into_iter().collect());
        self
    }

    /// Opens tokens of these ciphers only. Others are refused before any key is touched, and keys of
    /// other ciphers are not tried on legacy forms. Jobs that are stored under another cipher are
    /// parked, so let them drain first.
    pub fn open_ciphers(mut self, allowed: impl IntoIterator<Item = CipherName>) -> Self {
        self.open_ciphers = Some(allowed.into_iter().collect());
        self
    }

    /// Allows these ciphers only, for sealing and for opening: [`seal_ciphers`](Self::seal_ciphers) and
    /// [`open_ciphers`](Self::open_ciphers) with one list.
    pub fn ciphers(self, allowed: impl IntoIterator<Item = CipherName>) -> Self {
        let allowed: Vec<CipherName> = allowed.into_iter().collect();
        self.seal_ciphers(allowed.clone()).open_ciphers(allowed)
    }

    /// Opens jobs that were stored in this form before jobcrypt. Nothing is ever sealed in it.
    pub fn legacy(mut self, form: LegacyForm) -> Self {
        self.legacy.push(form);
        self
    }

    const fn new(is_sealed: bool) -> Self {
        Self {
            is_sealed,
            rejects_plaintext: false,
            admits_sealed_values: false,
            bucket: None,
            fields: None,
            fault: None,
            seal_ciphers: None,
            open_ciphers: None,
            legacy: Vec::new(),
        }
    }

    /// Reads the fields; the policy is used only after that.
    pub(crate) fn prepared(mut self) -> Result<Self, Error> {
        if let Some(fields) = &mut self.fields {
            fields.prepare()?;
        }
        Ok(self)
    }

    /// Returns the fields to seal, where not the args as a whole are.
    pub(crate) fn paths(&self) -> Option<&Paths> {
        self.fields.as_deref().map(Fields::paths)
    }

    /// Whether a job may be sealed with this cipher: only if it may be opened again.
    pub(crate) fn allows_sealing_with(&self, cipher: CipherName) -> bool {
        is_allowed(self.seal_ciphers.as_deref(), cipher.as_str()) && self.opens(cipher.as_str())
    }

    pub(crate) fn opens(&self, cipher: &str) -> bool {
        is_allowed(self.open_ciphers.as_deref(), cipher)
    }

    pub(crate) fn reads(&self, form: LegacyForm) -> bool {
        self.legacy.contains(&form)
    }

    /// Returns the form, if one is named, whose jobs are a JSON string.
    pub(crate) fn plain_form(&self) -> Option<LegacyForm> {
        self.legacy
            .iter()
            .copied()
            .find(|form| *form != LegacyForm::River)
    }

    /// Whether stored args would be read in that form: every JSON string is.
    pub(crate) fn is_in_plain_form(&self, stored: &[u8]) -> bool {
        self.plain_form().is_some() && json_keys::trim_start(stored).first() == Some(&b'"')
    }

    pub(crate) fn check(&self, is_decrypt_only: bool) -> Result<(), Error> {
        let refuse = |detail| Err(Error::new(ErrorKind::InvalidConfiguration, detail));
        if let Some(fault) = self.fault {
            return refuse(fault);
        }
        if self.rejects_plaintext && !self.is_sealed {
            return refuse("a readable kind cannot reject plaintext: all its jobs are");
        }
        if self.rejects_plaintext && is_decrypt_only {
            return refuse(
                "decrypt-only enqueues plaintext, and this kind would reject it; accept plaintext first",
            );
        }
        let lists = [&self.seal_ciphers, &self.open_ciphers];
        if lists.into_iter().flatten().any(Vec::is_empty) {
            return refuse("an empty list of allowed ciphers allows none");
        }
        if let Some(sealing) = &self.seal_ciphers
            && !sealing.iter().any(|cipher| self.opens(cipher.as_str()))
        {
            return refuse("the policy would not open what it seals");
        }
        if self.reads(LegacyForm::PlainFernet) && self.reads(LegacyForm::PlainBox) {
            return refuse(
                "the legacy forms PlainFernet and PlainBox are both JSON strings; a kind has one of them",
            );
        }
        Ok(())
    }
}

fn is_allowed(allowed: Option<&[CipherName]>, cipher: &str) -> bool {
    allowed.is_none_or(|allowed| allowed.iter().any(|name| name.as_str() == cipher))
}
