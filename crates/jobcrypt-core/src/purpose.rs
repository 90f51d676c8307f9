use std::fmt;

/// What a token is for. A token sealed for one purpose does not open for another, so an output can
/// never be put in the place of args.
///
/// ```
/// use jobcrypt_core::Purpose;
///
/// const REPORT: Purpose = Purpose::custom("x-report");
/// assert_eq!(REPORT.as_str(), "x-report");
/// assert_eq!(Purpose::default(), Purpose::ARGS);
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Purpose(&'static str);

impl Purpose {
    /// The whole args of a job.
    pub const ARGS: Self = Self("args");
    /// The text of an error that an attempt ended with.
    pub const ERROR: Self = Self("error");
    /// Selected fields of the args of a job.
    pub const FIELDS: Self = Self("fields");
    /// What a worker recorded as its result.
    pub const OUTPUT: Self = Self("output");
    /// A single value inside args.
    pub const VALUE: Self = Self("value");
    /// An entry of a credential vault.
    pub const VAULT: Self = Self("vault");

    /// Names a purpose of the app's own.
    ///
    /// # Panics
    ///
    /// When `name` does not begin with `x-`. In a `const` that is an error of the compiler.
    #[must_use]
    pub const fn custom(name: &'static str) -> Self {
        assert!(
            matches!(name.as_bytes(), [b'x', b'-', _, ..]),
            "a purpose of your own begins with x-"
        );
        Self(name)
    }

    /// Returns the name as it is bound into tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Default for Purpose {
    fn default() -> Self {
        Self::ARGS
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}
