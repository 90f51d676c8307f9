use std::{error::Error as StdError, fmt, io, iter};

/// What is left of an error of serde's once it may be stored: where, not what.
///
/// serde quotes the value that it stumbled over, and queues store the errors of workers in plaintext. So
/// an adapter puts this in the place of such an error, of jobs whose args were sealed.
///
/// ```
/// use jobcrypt_tower::ReducedError;
///
/// let error = serde_json::from_str::<u32>(r#""4111111111111111""#).unwrap_err();
/// assert!(error.to_string().contains("41111111"));
/// let reduced = ReducedError::of(&error).expect("it is serde's");
/// assert_eq!(
///     reduced.to_string(),
///     "the sealed args do not fit the worker's type: error at line 1 column 18"
/// );
/// assert_eq!(ReducedError::of(&std::io::Error::other("the card was declined")), None);
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct ReducedError {
    /// Line and column.
    place: Option<(usize, usize)>,
}

impl ReducedError {
    /// Returns what is left of `error`, or `None` where neither it nor any of its causes is serde's.
    ///
    /// Most are known by how their text ends, since `io::Error`, `anyhow` and transparent enums hide what
    /// they hold.
    #[must_use]
    pub fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        links(error).find_map(|link| match link.downcast_ref::<serde_json::Error>() {
            Some(error) => Some(Self::at(error.line(), error.column())),
            None => Self::of_text(&link.to_string()),
        })
    }

    /// Returns what is left of the text of an error, written by `Display` or by `Debug`, or `None` where it
    /// is not serde's.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let at = text.rfind("at line ").or_else(|| text.rfind("line: "))?;
        let mut words = text[at..]
            .split(|char: char| !char.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty());
        let mut number_behind = |word| {
            words.by_ref().find(|next| *next == word)?;
            words.next()?.parse().ok()
        };
        Some(Self::at(number_behind("line")?, number_behind("column")?))
    }

    /// An error about a value that stands in no text has no place: line 0.
    fn at(line: usize, column: usize) -> Self {
        let place = (line > 0).then_some((line, column));
        Self { place }
    }
}

/// An error and all that it says of its causes, also what an `io::Error` keeps to itself.
fn links<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| {
        let hidden = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        hidden
            .map(|hidden| hidden as &(dyn StdError + 'static))
            .or(error.source())
    })
}

impl fmt::Display for ReducedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the sealed args do not fit the worker's type")?;
        match self.place {
            Some((line, column)) => write!(formatter, ": error at line {line} column {column}"),
            None => Ok(()),
        }
    }
}

/// The same text: some queues store the errors of workers as `Debug` writes them.
impl fmt::Debug for ReducedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl StdError for ReducedError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapped(serde_json::Error);

    impl fmt::Display for Wrapped {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("charging failed")
        }
    }

    impl StdError for Wrapped {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    fn serde_error() -> serde_json::Error {
        serde_json::from_str::<u32>(r#""canary-4711""#).expect_err("it is no number")
    }

    #[test]
    fn whatever_wraps_it_an_error_of_serde_loses_its_text() {
        let boxed: [Box<dyn StdError>; 5] = [
            serde_error().into(),
            io::Error::from(serde_error()).into(),
            io::Error::other(Wrapped(serde_error())).into(),
            Wrapped(serde_error()).into(),
            format!("bad args: {}", serde_error()).into(),
        ];
        for error in boxed {
            let reduced = ReducedError::of(&*error).expect("it is serde's");
            assert_eq!(reduced.place, Some((1, 13)), "{error:?}");
        }
    }

    #[test]
    fn an_error_without_a_place_is_known_by_its_type() {
        let error = serde_json::from_value::<u32>("canary-4711".into()).expect_err("no number");
        let reduced = ReducedError::of(&error).expect("it is serde's");
        assert!(!reduced.to_string().contains("line"), "{reduced}");
    }

    #[test]
    fn debug_is_known_as_well() {
        let debug = format!("{:?}", Wrapped(serde_error()));
        assert!(debug.contains("canary"));
        let reduced = ReducedError::of_text(&debug).expect("it is serde's");
        assert_eq!(reduced.place, Some((1, 13)), "{debug}");
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        for text in [
            "declined at line 3",
            "at line x column 2",
            "column 1",
            "line: 2",
        ] {
            assert_eq!(ReducedError::of_text(text), None, "{text}");
        }
    }
}
