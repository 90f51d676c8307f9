//! Tokens amid a text: single values in readable args, outputs, errors. What they are for does not stand in them, so
//! each is tried for all that it may be; its context is authenticated, and it opens for one at most.

use std::ops::Range;

use memchr::memmem;
use zeroize::Zeroizing;

use crate::{
    AuditEvent, EncryptHook, Envelope, Error, ErrorKind, JobContext, Key, envelope, form::Form,
};

impl EncryptHook {
    /// Moves the tokens that stand amid a text, each to the key that seals the first of `contexts` for which it opens.
    /// Returns the text with them, or `None` when it is to stay as it is. Tokens that open for none of the contexts
    /// stay, and so do those of fields.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] in decrypt-only mode, those of [`seal`](Self::seal) about keys, and the
    /// encryptor's own.
    ///
    /// ```
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, Purpose, SecretKey};
    /// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    /// let hook = EncryptHook::builder(keyring).build()?;
    /// let output = JobContext::new("report").with_purpose(Purpose::OUTPUT);
    /// let sealed = hook.seal_bytes(&output, b"42")?.expect("every kind is sealed");
    /// let metadata = [b"{\"output\":", &*sealed, b"}"].concat();
    /// assert_eq!(hook.migrate_tokens(&[output], &metadata)?, None);
    ///
    /// hook.keys().rotate(XChaCha20Poly1305::new(SecretKey::generate()?))?;
    /// let moved = hook.migrate_tokens(&[output], &metadata)?.expect("its key is no longer the primary");
    /// assert_eq!(*hook.open_tokens(&[output], &moved)[0].1, b"42");
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn migrate_tokens(
        &self,
        contexts: &[JobContext<'_>],
        text: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        if self.0.is_decrypt_only {
            let detail = "a decrypt-only hook cannot move tokens to another key";
            return Err(Error::new(ErrorKind::InvalidConfiguration, detail));
        }
        if contexts.is_empty() {
            return Ok(None);
        }
        let mut moved = Vec::new();
        for place in tokens(text) {
            if let Some(token) = self.migrate_token(contexts, &text[place.clone()])? {
                moved.push((place, token));
            }
        }
        if moved.is_empty() {
            return Ok(None);
        }
        // As long as it gets at once: a vector that grows leaves copies behind.
        let added: usize = moved.iter().map(|(_, token)| token.len()).sum();
        let mut new = Vec::with_capacity(text.len() + added);
        let mut at = 0;
        for (place, token) in moved {
            new.extend_from_slice(&text[at..place.start]);
            new.extend_from_slice(&token);
            at = place.end;
        }
        new.extend_from_slice(&text[at..]);
        Ok(Some(new))
    }

    /// Opens the tokens that stand amid a text. Returns what each holds that opens for one of `contexts`, with that
    /// context, in the order of the text.
    #[must_use]
    pub fn open_tokens<'c>(
        &self,
        contexts: &[JobContext<'c>],
        text: &[u8],
    ) -> Vec<(JobContext<'c>, Zeroizing<Vec<u8>>)> {
        let open = |place: Range<usize>| {
            let token = &text[place];
            contexts.iter().find_map(|context| {
                let opened = self.open_token(context, self.policy(context.kind()), token);
                Some((*context, Zeroizing::new(opened.ok()?)))
            })
        };
        tokens(text).filter_map(open).collect()
    }

    /// Returns the token under the key that seals it now, unless it is or does not open.
    fn migrate_token(
        &self,
        contexts: &[JobContext<'_>],
        token: &[u8],
    ) -> Result<Option<Vec<u8>>, Error> {
        let Ok(envelope) = Envelope::parse_bytes(token) else {
            return Ok(None);
        };
        let keyring = self.keys().snapshot();
        for context in contexts {
            let in_job = |error: Error| error.for_job(context.kind());
            let policy = self.policy(context.kind());
            let key = self.key_of(context, &keyring).map_err(in_job)?;
            if envelope.is_of(key) {
                continue;
            }
            let Ok(value) = self.open_token(context, policy, token).map(Zeroizing::new) else {
                continue;
            };
            let replaced = envelope.body_for(key);
            let bucket = self.bucket_after(context, Some(envelope));
            let form = Form::new(false, bucket.is_some());
            let encrypt = |bound: &[u8], value: &[u8], body: &mut Vec<u8>| {
                key.encrypt_again(replaced.as_deref(), bound, value, body)
            };
            let moved = self.encrypted(key, context, (form, bucket), &value, encrypt, |body| {
                let mut token = key.token_prefix(form).to_vec();
                envelope::encode_body(body, &mut token);
                Ok(token)
            });
            let moved = moved.map_err(in_job)?;
            self.audit(&AuditEvent::JobSealed {
                kind: context.kind(),
                key_id: key.key_id(),
            });
            return Ok(Some(moved));
        }
        Ok(None)
    }
}

impl Envelope<'_> {
    /// Whether it names this key.
    pub(crate) fn is_of(self, key: &Key) -> bool {
        self.key_id() == key.key_id() && self.cipher() == key.cipher().as_str()
    }

    /// The length of its body.
    pub(crate) fn body_len(self) -> usize {
        self.written_body().len() / 4 * 3 + 2
    }

    /// Returns its body, if it is of the cipher of `key`.
    pub(crate) fn body_for(self, key: &Key) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        let is_of_cipher = self.cipher() == key.cipher().as_str();
        (is_of_cipher && self.read_body(&mut body).is_ok()).then_some(body)
    }
}

impl Key {
    /// Encrypts what a token of the same cipher held, whose body is `replaced`, or something new.
    pub(crate) fn encrypt_again(
        &self,
        replaced: Option<&[u8]>,
        bound: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        match replaced {
            Some(replaced) => self
                .encryptor()
                .re_encrypt(replaced, bound, plaintext, body),
            None => self.encryptor().encrypt(bound, plaintext, body),
        }
    }
}

/// Where tokens of whole values may stand.
fn tokens(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at + memmem::find(&text[at..], BEGIN)?;
        at = begin + len_of_token(&text[begin..]);
        Some(begin..at)
    })
}

const BEGIN: &[u8] = b"jc1.";

/// How long the token is that a text begins with: three dots and what a token is made of.
fn len_of_token(text: &[u8]) -> usize {
    let mut dots = 0;
    text.iter()
        .take_while(|byte| {
            dots += u8::from(**byte == b'.');
            dots <= 3 && (byte.is_ascii_alphanumeric() || b".+-_".contains(byte))
        })
        .count()
}
