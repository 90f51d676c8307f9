use std::{
    any::Any,
    error::Error as StdError,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
};

use jobcrypt_core::{EncryptHook, JobContext, Purpose};
use zeroize::Zeroizing;

use crate::{ReducedError, SealedWords, hide_panics::Hidden};

/// What may be stored of what a worker says of a job, its errors and panics, for adapters: a worker quotes what it was about,
/// and queues store that in plaintext.
///
/// Of a job that was sealed, or whose kind is, a safe text is left, with the worker's own words sealed behind it. Where the hook
/// seals nothing for that kind any more, the words of a job that was sealed are not kept. Other jobs keep theirs as they are.
///
/// ```
/// # use jobcrypt_ciphers::XChaCha20Poly1305;
/// # use jobcrypt_core::{EncryptHook, Keyring, SecretKey};
/// use jobcrypt_tower::{SealedWords, WorkerWords};
///
/// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// # let hook = EncryptHook::builder(keyring).build()?;
/// let error = std::io::Error::other("the bank refused 4111111111111111");
/// let words = WorkerWords::of(&hook, "charge_card", true);
/// let stored = words.of_error(&error).expect("the kind is sealed").to_string();
/// assert!(stored.starts_with("the worker failed; its words are sealed: jc1."));
///
/// let opened = SealedWords::open(&hook, "charge_card", &stored).expect("it opens");
/// assert_eq!(*opened, "the bank refused 4111111111111111");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WorkerWords<'a> {
    hook: &'a EncryptHook,
    kind: &'a str,
    was_sealed: bool,
    are_readable: bool,
}

/// Longer ones are cut before they are sealed.
const LONGEST: usize = 16 * 1024;

impl<'a> WorkerWords<'a> {
    /// Those about a job of this kind, which was sealed or not.
    #[must_use]
    pub const fn of(hook: &'a EncryptHook, kind: &'a str, was_sealed: bool) -> Self {
        Self {
            hook,
            kind,
            was_sealed,
            are_readable: false,
        }
    }

    /// Leaves them as they are where the app has asked for that, but for those of serde about a sealed job, which quote args.
    #[must_use]
    pub const fn readable(mut self, are_readable: bool) -> Self {
        self.are_readable = are_readable;
        self
    }

    /// Returns what may be stored of an error and its causes; `None` where they may be stored as they are.
    #[must_use]
    pub fn of_error(&self, error: &(dyn StdError + 'static)) -> Option<SealedWords> {
        let reduced = ReducedError::of(error);
        self.sealed(FAILED, reduced.as_ref(), || words_of(error))
    }

    /// Returns what may be stored of the text of an error, written by `Display` or by `Debug`; `None` where it may be stored as it
    /// is.
    #[must_use]
    pub fn of_text(&self, text: &str) -> Option<SealedWords> {
        let reduced = ReducedError::of_text(text);
        self.sealed(FAILED, reduced.as_ref(), || text.to_owned())
    }

    /// Runs a worker. Where it panics, it panics with what may be stored of that.
    ///
    /// What the process prints when it panics comes before: [`hide_panics`](crate::hide_panics).
    pub async fn run<T>(&self, worker: impl Future<Output = T>) -> T {
        let mut worker = pin!(worker);
        std::future::poll_fn(|context| self.poll(|| worker.as_mut().poll(context))).await
    }

    /// Like [`run`](Self::run), for one poll of a worker.
    pub fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        let _hidden = Hidden::where_it(self.was_sealed && !self.are_readable);
        catch_unwind(AssertUnwindSafe(poll))
            .unwrap_or_else(|panic| resume_unwind(self.of_panic(panic)))
    }

    fn of_panic(&self, panic: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("a panic without a text");
        let reduced = ReducedError::of_text(text);
        let sealed = self.sealed(PANICKED, reduced.as_ref(), || text.to_owned());
        sealed.map_or(panic, |sealed| Box::new(sealed.to_string()))
    }

    fn sealed(
        &self,
        what: &str,
        reduced: Option<&ReducedError>,
        words: impl FnOnce() -> String,
    ) -> Option<SealedWords> {
        if self.are_readable {
            let reduced = reduced.filter(|_| self.was_sealed);
            return reduced.map(|reduced| SealedWords::new(reduced.to_string()));
        }
        let what = reduced.map_or_else(|| what.to_owned(), ToString::to_string);
        let words = Zeroizing::new(cut(words()));
        let json = Zeroizing::new(serde_json::to_vec(&*words).unwrap_or_default());
        let context = JobContext::new(self.kind).with_purpose(Purpose::ERROR);
        let behind = match self.hook.seal_bytes(&context, &json) {
            Ok(Some(envelope)) => {
                // An object whose one value is the token, in which no quote stands.
                let envelope = String::from_utf8_lossy(&envelope);
                let token = envelope.rsplit('"').nth(1).unwrap_or_default();
                format!("its words are sealed: {token}")
            }
            Ok(None) if self.was_sealed => {
                "its words are not kept: the job was sealed, and its kind is not any more"
                    .to_owned()
            }
            Ok(None) => return None,
            Err(error) => {
                let class = error.kind().as_str();
                format!("its words could not be sealed: {class}")
            }
        };
        Some(SealedWords::new(format!("{what}; {behind}")))
    }
}

const FAILED: &str = "the worker failed";
const PANICKED: &str = "the worker panicked";

/// An error and its causes, as queues store them.
fn words_of(error: &(dyn StdError + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = next.source();
    }
    words
}

fn cut(mut words: String) -> String {
    if words.len() > LONGEST {
        let mut end = LONGEST;
        while !words.is_char_boundary(end) {
            end -= 1;
        }
        words.truncate(end);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use std::{fmt, io};

    use jobcrypt_ciphers::XChaCha20Poly1305;
    use jobcrypt_core::{Keyring, Policy, SecretKey};

    use super::*;

    fn hook(policy: Policy) -> EncryptHook {
        let key = SecretKey::generate().expect("the system has random bytes");
        let keyring = Keyring::new(XChaCha20Poly1305::new(key)).build();
        EncryptHook::builder(keyring.expect("one key is enough"))
            .default_policy(policy)
            .build()
            .expect("the hook is sound")
    }

    #[derive(Debug)]
    struct Refused(io::Error);

    impl fmt::Display for Refused {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("charging failed")
        }
    }

    impl StdError for Refused {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    fn stored(words: WorkerWords<'_>, text: &str) -> Option<String> {
        words.of_text(text).map(|it| it.to_string())
    }

    #[test]
    fn an_error_is_sealed_with_its_causes_and_opens_for_its_kind_only() {
        let hook = hook(Policy::sealed());
        let words = WorkerWords::of(&hook, "charge_card", true);
        let error = Refused(io::Error::other("the bank refused 41111111"));
        let stored = words.of_error(&error).expect("the kind is sealed");
        assert_eq!(stored.to_string(), format!("{stored:?}"));
        let stored = stored.to_string();
        assert!(!stored.contains("41111111"), "{stored}");
        let opened = SealedWords::open(&hook, "charge_card", &stored).expect("it opens");
        assert_eq!(*opened, "charging failed: the bank refused 41111111");
        assert_eq!(SealedWords::open(&hook, "send_letter", &stored), None);
        assert_eq!(
            SealedWords::open(&hook, "charge_card", "the worker failed"),
            None
        );
    }

    #[test]
    fn what_is_left_follows_from_what_was_sealed_and_what_is() {
        let (sealed, readable) = (hook(Policy::sealed()), hook(Policy::readable()));
        let decrypting = sealed.to_decrypt_only().expect("it rejects no plaintext");
        for (hook, was_sealed, begins) in [
            (
                &sealed,
                true,
                Some("the worker failed; its words are sealed: jc1."),
            ),
            (
                &sealed,
                false,
                Some("the worker failed; its words are sealed: jc1."),
            ),
            (
                &readable,
                true,
                Some("the worker failed; its words are not kept: "),
            ),
            (&readable, false, None),
            (
                &decrypting,
                true,
                Some("the worker failed; its words are not kept: "),
            ),
            (&decrypting, false, None),
        ] {
            let words = WorkerWords::of(hook, "charge_card", was_sealed);
            let stored = stored(words, "declined: 41111111");
            let begins_so = stored.as_deref().zip(begins);
            let is_so = begins_so.map(|(text, begins)| text.starts_with(begins));
            assert_eq!(is_so, begins.map(|_| true), "{stored:?}");
            assert!(!stored.unwrap_or_default().contains("41111111"));
            let words = words.readable(true);
            assert_eq!(self::stored(words, "declined: 41111111"), None);
        }
    }

    #[test]
    fn words_that_are_too_long_are_cut_between_letters() {
        let hook = hook(Policy::sealed());
        let words = WorkerWords::of(&hook, "charge_card", true);
        let long = "a".to_owned() + &"ö".repeat(LONGEST);
        let stored = stored(words, &long).expect("the kind is sealed");
        let opened = SealedWords::open(&hook, "charge_card", &stored).expect("it opens");
        let end = LONGEST - 1;
        assert_eq!(*opened, long[..end].to_owned() + "…");
    }

    #[test]
    fn panics_are_sealed_whatever_they_hold() {
        let hook = hook(Policy::sealed());
        let words = WorkerWords::of(&hook, "charge_card", true);
        for (payload, expected) in [
            (Box::new("41111111") as Box<dyn Any + Send>, "41111111"),
            (Box::new("41111111".to_owned()), "41111111"),
            (Box::new(4111_u32), "a panic without a text"),
        ] {
            let panic = words.of_panic(payload);
            let stored = panic.downcast_ref::<String>().expect("it is a text");
            let opened = SealedWords::open(&hook, "charge_card", stored).expect("it opens");
            assert_eq!(*opened, expected);
        }
        let readable = words.readable(true);
        let panic = readable.of_panic(Box::new(4111_u32));
        assert_eq!(panic.downcast_ref::<u32>(), Some(&4111));
    }
}
