use std::error::Error as StdError;

use jobcrypt_tower::{SealedWords, WorkerWords};
use serde::de::Error as _;
use sidekiq::Error;

/// Takes the words out of an error that must not be stored as it is: rusty-sidekiq stores it with the job, and logs it, in
/// plaintext. It keeps the class that it has in Sidekiq, where that is one without a type of its own.
pub(crate) fn seal(words: WorkerWords<'_>, error: Error) -> Error {
    match sealed(words, &error) {
        None => error,
        Some(sealed) => match error {
            Error::Json(_) => Error::Json(serde_json::Error::custom(sealed)),
            Error::Message(_) => Error::Message(sealed.to_string()),
            _ => Error::Any(sealed.into()),
        },
    }
}

fn sealed(words: WorkerWords<'_>, error: &(dyn StdError + 'static)) -> Option<SealedWords> {
    // `Error::Any` is transparent: what it holds is not its source.
    match error.downcast_ref::<Error>() {
        Some(Error::Any(held)) => sealed(words, &**held),
        Some(Error::Json(held)) => words.of_error(held),
        _ => words.of_error(error),
    }
}

#[cfg(test)]
mod tests {
    use jobcrypt_ciphers::XChaCha20Poly1305;
    use jobcrypt_core::{EncryptHook, Keyring, SecretKey};

    use super::*;

    fn serde_error() -> serde_json::Error {
        serde_json::from_str::<u32>(r#""canary-4711""#).expect_err("it is no number")
    }

    fn hook() -> EncryptHook {
        let key = SecretKey::generate().expect("the system has random bytes");
        let keyring = Keyring::new(XChaCha20Poly1305::new(key)).build();
        let hook = EncryptHook::builder(keyring.expect("one key is enough")).build();
        hook.expect("the hook is sound")
    }

    #[test]
    fn whatever_wraps_it_an_error_of_serde_loses_its_text() {
        let hook = hook();
        let words = WorkerWords::of(&hook, "charge_card", true);
        for words in [words, words.readable(true)] {
            let without_place = serde_json::from_value::<u32>("canary-4711".into());
            for error in [
                Error::Json(serde_error()),
                Error::Json(without_place.expect_err("it is no number")),
                Error::Any(serde_error().into()),
                Error::Any(std::io::Error::from(serde_error()).into()),
                Error::Message(format!("bad args: {}", serde_error())),
                Error::Any(Box::new(Error::Json(serde_error()))),
            ] {
                assert!(format!("{error:?}").contains("canary"));
                let class = std::mem::discriminant(&error);
                let sealed = seal(words, error);
                assert_eq!(std::mem::discriminant(&sealed), class);
                let sealed = format!("{sealed:?}");
                assert!(!sealed.contains("canary"), "{sealed}");
                assert!(sealed.contains("do not fit"), "{sealed}");
            }
        }
    }

    #[test]
    fn other_errors_keep_their_words_where_the_app_asked_for_that() {
        let hook = hook();
        let words = WorkerWords::of(&hook, "charge_card", true);
        for text in ["declined at line 3", "at line x column 2", "column 1"] {
            let error = Error::Message(text.to_owned());
            let sealed = seal(words, error).to_string();
            assert!(sealed.starts_with("the worker failed; its words are sealed: jc1."));
            assert!(!sealed.contains(text), "{sealed}");
            let error = Error::Message(text.to_owned());
            assert_eq!(seal(words.readable(true), error).to_string(), text);
        }
    }
}
