use std::sync::{LazyLock, atomic::Ordering};

use zeroize::Zeroizing;

use crate::{
    AuditEvent, EncryptHook, Encryptor, Envelope, Error, ErrorKind, JobContext, Key, Keyring,
    LegacyForm, Payload, Policy, associated_data, envelope, fields::Paths, form::Form, json_keys,
    marker, padding, scratch,
};

impl EncryptHook {
    /// Opens args in place, on their way to the worker: exactly the bytes that the app enqueued.
    /// Returns whether they were sealed; `false` means that they are plaintext which the policy of
    /// the kind accepts.
    ///
    /// # Errors
    ///
    /// The args stay as they were, and the job must not be worked. Where
    /// [`Error::is_retryable`] is true, [`ErrorKind::NoMatchingKey`] and
    /// [`ErrorKind::KeySourceUnavailable`], it is to be tried again later; otherwise it is to be set
    /// aside, whole: [`ErrorKind::AuthenticationFailed`], [`ErrorKind::CipherNotAllowed`],
    /// [`ErrorKind::KeyNotAllowed`], [`ErrorKind::KeyRetired`], [`ErrorKind::Malformed`], [`ErrorKind::PlaintextRejected`],
    /// [`ErrorKind::UnsupportedVersion`], and [`ErrorKind::InvalidConfiguration`] for a kind or detail
    /// of more than 65,000 bytes.
    pub fn open<P: Payload>(&self, context: &JobContext<'_>, args: &mut P) -> Result<bool, Error> {
        match self.opened(context, args)? {
            Some(opened) => {
                *args = opened;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Like [`open`](Self::open), for args whose kind lives in the same value, so that one of the two
    /// cannot be borrowed mutably. Returns the opened args, or `None` when they are plaintext which the
    /// policy of the kind accepts.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn opened<P: Payload>(
        &self,
        context: &JobContext<'_>,
        args: &P,
    ) -> Result<Option<P>, Error> {
        let in_job = |error: Error| error.for_job(context.kind());
        self.open_bytes(context, &args.as_json().map_err(in_job)?)?
            .map(P::from_json)
            .transpose()
            .map_err(in_job)
    }

    /// Like [`open`](Self::open); where no key fits, reloads the [`Keys`](crate::Keys) once, as far as
    /// their rate limit allows, and tries again.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), and [`ErrorKind::KeySourceUnavailable`] when the keys could not
    /// be reloaded.
    pub async fn open_or_reload<P: Payload>(
        &self,
        context: &JobContext<'_>,
        args: &mut P,
    ) -> Result<bool, Error> {
        match self.open(context, args) {
            Err(error) if error.kind() == ErrorKind::NoMatchingKey => {
                let reloaded = self.keys().reload().await;
                if !reloaded.map_err(|error| error.for_job(context.kind()))? {
                    return Err(error);
                }
                let opened = self.open(context, args);
                if let Err(error) = &opened
                    && error.kind() == ErrorKind::NoMatchingKey
                    && let Some(key_id) = error.key_id()
                {
                    let kind = context.kind();
                    self.audit(&AuditEvent::KeyUnknown { key_id, kind });
                }
                opened
            }
            done => done,
        }
    }

    /// Opens stored args, for stores. Returns the plaintext, or `None` when `stored` is plaintext
    /// which the policy of the kind accepts.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_bytes(
        &self,
        context: &JobContext<'_>,
        stored: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        self.try_open(context, stored).map_err(|error| {
            let kind = context.kind();
            let error = error.for_job(kind);
            self.audit(&match error.kind() {
                ErrorKind::PlaintextRejected => AuditEvent::PlaintextRejected { kind },
                _ => AuditEvent::OpenFailed {
                    kind,
                    error: &error,
                },
            });
            error
        })
    }

    /// Whether stored args are sealed, so that [`open`](Self::open) would open or refuse them: an
    /// envelope, whole or damaged, or what a legacy form of the kind covers.
    #[must_use]
    pub fn is_sealed(&self, context: &JobContext<'_>, stored: &[u8]) -> bool {
        !matches!(self.0.marker.find(stored), Ok(None))
            || marker::is_envelope(stored)
            || self.policy(context.kind()).is_in_plain_form(stored)
    }

    fn try_open(&self, context: &JobContext<'_>, stored: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let policy = self.policy(context.kind());
        if let Some(text) = self.0.marker.find(stored)? {
            if !envelope::has_version(&text) && policy.reads(LegacyForm::River) {
                return self
                    .open_legacy(context, policy, LegacyForm::River, &text)
                    .map(Some);
            }
            let plaintext = self.open_token(context, policy, &text)?;
            return if Form::of(&text).is_fields {
                self.put_together(policy, stored, plaintext).map(Some)
            } else {
                Ok(Some(plaintext))
            };
        }
        if let Some(form) = policy.plain_form()
            && policy.is_in_plain_form(stored)
        {
            return match json_keys::string_value(stored) {
                Some((text, rest)) if json_keys::trim_start(rest).is_empty() => self
                    .open_legacy(context, policy, form, text.as_bytes())
                    .map(Some),
                _ => Err(Error::new(
                    ErrorKind::Malformed,
                    "this kind's legacy form is a JSON string, and this is not",
                )),
            };
        }
        accept_plaintext(policy, stored)?;
        if policy.is_sealed && !self.0.is_decrypt_only {
            self.0.plaintext_accepted.fetch_add(1, Ordering::Relaxed);
            let kind = context.kind();
            self.audit(&AuditEvent::PlaintextAccepted { kind });
        }
        Ok(None)
    }

    /// Puts the fields that a token held back into the args around it.
    fn put_together(
        &self,
        policy: &Policy,
        stored: &[u8],
        sealed: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let sealed = Zeroizing::new(sealed);
        // Nothing has looked at all of it yet; that it is JSON shows when its fields are looked for.
        if !stored.is_ascii() && std::str::from_utf8(stored).is_err() {
            let detail = "they hold the marker and are not JSON";
            return Err(Error::new(ErrorKind::Malformed, detail));
        }
        let paths = policy.paths().unwrap_or(&NO_PATHS);
        paths.put_together(stored, &sealed, &self.0.marker)
    }

    pub(crate) fn open_token(
        &self,
        context: &JobContext<'_>,
        policy: &Policy,
        token: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let keyring = self.keys().snapshot();
        let form = Form::of(token);
        let Some((key, body)) = keyring.find(form, token) else {
            return Err(no_key(token, policy, &keyring));
        };
        if let Some(kind) = self.refusal(context, policy, key) {
            // What is no token at all is not refused for its cipher.
            Envelope::parse_bytes(token)?;
            let detail = format!("the stored token was sealed with {}", key.cipher());
            return Err(Error::with_detail(kind, detail).for_key(key.key_id()));
        }
        let plaintext = scratch::for_context(|associated_data| {
            let context = form.context(context);
            associated_data::write(form, &context, &self.0.namespace, associated_data)?;
            scratch::for_ciphertext(|decoded| {
                envelope::decode_body(body, decoded)?;
                decrypt(key.encryptor(), form, associated_data, decoded)
            })
        })
        .map_err(|error: Error| error.for_key(key.key_id()))?;
        self.audit(&AuditEvent::JobOpened {
            kind: context.kind(),
            key_id: key.key_id(),
        });
        Ok(plaintext)
    }

    /// Says why a token of `key` must not be opened for this job, if so.
    fn refusal(&self, context: &JobContext<'_>, policy: &Policy, key: &Key) -> Option<ErrorKind> {
        if !policy.opens(key.cipher().as_str()) {
            return Some(ErrorKind::CipherNotAllowed);
        }
        let is_allowed = key.allows(context.kind(), &self.0.namespace);
        (!is_allowed).then_some(ErrorKind::KeyNotAllowed)
    }

    fn open_legacy(
        &self,
        context: &JobContext<'_>,
        policy: &Policy,
        form: LegacyForm,
        text: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let plaintext = form.open(text, &self.keys().snapshot(), |key| {
            policy.opens(key.cipher().as_str()) && key.allows(context.kind(), &self.0.namespace)
        })?;
        let kind = context.kind();
        self.audit(&AuditEvent::LegacyAccepted { kind, form });
        Ok(plaintext)
    }
}

/// For kinds whose policy is not of fields now.
static NO_PATHS: LazyLock<Paths> = LazyLock::new(Paths::default);

/// Version 0x80 and the first bytes of a time before the year 2106.
const BEGIN_OF_FERNET: &[u8] = b"gAAAAA";

/// Whether what has no token of this hook may be worked as plaintext.
pub(crate) fn accept_plaintext(policy: &Policy, stored: &[u8]) -> Result<(), Error> {
    if marker::is_envelope(stored) {
        return Err(Error::new(
            ErrorKind::Malformed,
            "they are an envelope under another marker than this hook has",
        ));
    }
    let is_bare_token = json_keys::trim_start(stored).starts_with(BEGIN_OF_FERNET);
    if is_bare_token && policy.reads(LegacyForm::PlainFernet) {
        return Err(Error::new(
            ErrorKind::Malformed,
            "they begin like a Fernet token, and the legacy form is one in a JSON string",
        ));
    }
    if policy.rejects_plaintext {
        return Err(Error::new(
            ErrorKind::PlaintextRejected,
            "its kind accepts sealed jobs only",
        ));
    }
    Ok(())
}

/// Says why no key of the keyring opens a token.
fn no_key(token: &[u8], policy: &Policy, keyring: &Keyring) -> Error {
    let envelope = match Envelope::parse_bytes(token) {
        Ok(envelope) => envelope,
        Err(malformed) => return malformed,
    };
    let (cipher, id) = (envelope.cipher(), envelope.key_id());
    if !policy.opens(cipher) {
        let detail = format!("the stored token was sealed with {cipher}");
        return Error::with_detail(ErrorKind::CipherNotAllowed, detail).for_key(id);
    }
    if keyring.is_retired(id) {
        let detail = "the keyring holds its tombstone";
        return Error::new(ErrorKind::KeyRetired, detail).for_key(id);
    }
    let known = keyring.keys().len();
    let detail = format!("the token's cipher is {cipher}, and none of {known} keys has its id");
    Error::with_detail(ErrorKind::NoMatchingKey, detail).for_key(id)
}

fn decrypt(
    key: &dyn Encryptor,
    form: Form,
    associated_data: &[u8],
    body: &[u8],
) -> Result<Vec<u8>, Error> {
    let is_bound = key.binds_associated_data();
    let sent = if is_bound { associated_data } else { &[] };
    let mut plaintext = Zeroizing::new(Vec::with_capacity(body.len()));
    key.decrypt(sent, body, &mut plaintext)?;
    if !is_bound && !associated_data::strip_from(&mut plaintext, associated_data) {
        return Err(Error::new(
            ErrorKind::AuthenticationFailed,
            "it was sealed for another kind, purpose or namespace",
        ));
    }
    if form.is_padded && !padding::strip_from(&mut plaintext) {
        return Err(Error::new(
            ErrorKind::AuthenticationFailed,
            "it says that it is padded and is not",
        ));
    }
    Ok(std::mem::take(&mut *plaintext))
}
