use jobcrypt_core::Error;

/// Turns jobcrypt's error into the error of the service behind a layer: the queue's own word for
/// later or never.
///
/// Closures and functions of `Error` are such; [`FromError`] is the one that layers begin with.
pub trait MapError<E> {
    /// Returns the service's error that means this one.
    fn map_error(&self, error: Error) -> E;
}

impl<E, F: Fn(Error) -> E> MapError<E> for F {
    fn map_error(&self, error: Error) -> E {
        self(error)
    }
}

/// Takes the error as it is, by the service's `From`: what layers do unless
/// [`map_error`](crate::EncryptLayer::map_error) says otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromError;

impl<E: From<Error>> MapError<E> for FromError {
    fn map_error(&self, error: Error) -> E {
        error.into()
    }
}
