use crate::{CipherName, Error, ErrorKind, LegacyForm, json_keys};

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
            seal_ciphers: None,
            open_ciphers: None,
            legacy: Vec::new(),
        }
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
