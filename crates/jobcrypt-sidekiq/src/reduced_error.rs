use std::error::Error as StdError;

use jobcrypt_tower::ReducedError;
use serde::de::Error as _;
use sidekiq::Error;

/// Takes the text out of an error that serde made of a sealed job's args: serde quotes the value it
/// stumbled over, and rusty-sidekiq stores the error with the job, in plaintext.
pub(crate) fn reduce(error: Error) -> Error {
    match reduced(&error) {
        None => error,
        // It stays what it was to whoever looks at its kind.
        Some(reduced) if matches!(error, Error::Json(_)) => {
            Error::Json(serde_json::Error::custom(reduced))
        }
        Some(reduced) => Error::Any(reduced.into()),
    }
}

fn reduced(error: &(dyn StdError + 'static)) -> Option<ReducedError> {
    // `Error::Any` is transparent: what it holds is not its source.
    match error.downcast_ref::<Error>() {
        Some(Error::Any(held)) => reduced(&**held),
        Some(Error::Json(held)) => ReducedError::of(held),
        _ => ReducedError::of(error).or_else(|| error.source().and_then(reduced)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serde_error() -> serde_json::Error {
        serde_json::from_str::<u32>(r#""canary-4711""#).expect_err("it is no number")
    }

    #[test]
    fn whatever_wraps_it_an_error_of_serde_loses_its_text() {
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
            let reduced = format!("{:?}", reduce(error));
            assert!(!reduced.contains("canary"), "{reduced}");
            assert!(reduced.contains("do not fit"), "{reduced}");
        }
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        for text in ["declined at line 3", "at line x column 2", "column 1"] {
            let error = reduce(Error::Message(text.to_owned()));
            assert_eq!(error.to_string(), text);
        }
    }
}
