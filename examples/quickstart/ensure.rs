use riverqueue::BoxError;

/// Everything that the quickstart prints is checked by this first.
pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), BoxError> {
    if holds {
        Ok(())
    } else {
        Err(otherwise().into())
    }
}
