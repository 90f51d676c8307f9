use crate::{JobContext, Purpose};

/// What a token holds, and how: the first part of its context.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Form {
    /// Whether it holds fields of args that stand beside it.
    pub(crate) is_fields: bool,
    /// Whether what it holds was padded.
    pub(crate) is_padded: bool,
}

impl Form {
    pub(crate) const WHOLE: Self = Self::new(false, false);
    pub(crate) const ALL: [Self; 4] = [
        Self::WHOLE,
        Self::new(false, true),
        Self::new(true, false),
        Self::new(true, true),
    ];

    pub(crate) const fn new(is_fields: bool, is_padded: bool) -> Self {
        Self {
            is_fields,
            is_padded,
        }
    }

    /// What a token claims, from how it begins; whether that is a token at all is asked elsewhere.
    pub(crate) fn of(token: &[u8]) -> Self {
        let is_fields = token.starts_with(FIELDS_PREFIX);
        let cipher = &token[token.len().min(if is_fields { 5 } else { 4 })..];
        let is_padded =
            memchr::memchr(b'.', cipher).is_some_and(|dot| cipher[..dot].ends_with(PAD));
        Self::new(is_fields, is_padded)
    }

    /// Its name in a context.
    pub(crate) const fn as_str(self) -> &'static str {
        match (self.is_fields, self.is_padded) {
            (false, false) => "jc1",
            (false, true) => "jc1+pad",
            (true, false) => "jc1f",
            (true, true) => "jc1f+pad",
        }
    }

    /// The first part of a token.
    pub(crate) const fn first_part(self) -> &'static str {
        if self.is_fields { "jc1f" } else { "jc1" }
    }

    /// What stands behind the name of the cipher.
    pub(crate) const fn options(self) -> &'static str {
        if self.is_padded { "+pad" } else { "" }
    }

    /// The context of a token of this form: fields of args are bound as such.
    pub(crate) fn context<'a>(self, context: &JobContext<'a>) -> JobContext<'a> {
        if self.is_fields && context.purpose() == Purpose::ARGS {
            context.with_purpose(Purpose::FIELDS)
        } else {
            *context
        }
    }

    /// Its place in [`Form::ALL`].
    pub(crate) fn index(self) -> usize {
        usize::from(self.is_fields) * 2 + usize::from(self.is_padded)
    }
}

/// How a token of fields begins.
pub(crate) const FIELDS_PREFIX: &[u8] = b"jc1f.";

const PAD: &[u8] = b"+pad";
