use std::{error::Error as StdError, iter};

use serde::de::Error as _;
use sidekiq::Error;

/// Takes the text out of an error that serde made of a sealed job's args: serde quotes the value it
/// stumbled over, and rusty-sidekiq stores the error with the job, in plaintext.
///
/// An error that a worker made into text of its own is known by how serde's end.
pub(crate) fn reduce(error: Error) -> Error {
    if let Error::Json(_) = error {
        return Error::Json(reduced());
    }
    if links(&error).any(is_serdes) {
        return Error::Any(reduced().into());
    }
    error
}

fn reduced() -> serde_json::Error {
    serde_json::Error::custom("the sealed args do not fit the worker's type")
}

fn links<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| {
        let hidden = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        hidden
            .map(|hidden| hidden as &(dyn StdError + 'static))
            .or(error.source())
    })
}

fn is_serdes(link: &(dyn StdError + 'static)) -> bool {
    if link.is::<serde_json::Error>() {
        return true;
    }
    // `Error::Any` is transparent: what it holds is not its source.
    if let Some(Error::Any(held)) = link.downcast_ref::<Error>() {
        return links(&**held).any(is_serdes);
    }
    let text = link.to_string();
    text.rfind("at line ").is_some_and(|at| {
        let mut words = text[at..].split(|char: char| !char.is_ascii_alphanumeric());
        let mut number_behind = |word| {
            words.by_ref().find(|next| *next == word)?;
            words.next()?.parse::<usize>().ok()
        };
        number_behind("line").is_some() && number_behind("column").is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serde_error() -> serde_json::Error {
        serde_json::from_str::<u32>(r#""canary-4711""#).expect_err("it is no number")
    }

    #[test]
    fn whatever_wraps_it_an_error_of_serde_loses_its_text() {
        for error in [
            Error::Json(serde_error()),
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
