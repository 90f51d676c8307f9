use std::borrow::Cow;

use crate::{Error, ErrorKind};

/// Which values of args are meant: a JSON Pointer (RFC 6901) in which `*` stands for every element of an
/// array and every member of an object.
#[derive(Clone, Debug)]
pub(crate) struct FieldPath {
    text: Box<str>,
    parts: Box<[Part]>,
}

/// One step from a value to one inside it.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// `*`.
    Any,
    /// The member of this name, or the element of this number.
    Named(Box<str>),
}

/// More than a person writes, and few enough to go down without a thought for the stack.
const MOST_PARTS: usize = 32;

impl FieldPath {
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] for what is no such pointer, or points to the args as a whole.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| {
            let detail = format!("the field {text:?} {why}");
            Err(Error::with_detail(ErrorKind::InvalidConfiguration, detail))
        };
        let Some(behind) = text.strip_prefix('/') else {
            return refuse("is no JSON Pointer: it begins with /");
        };
        let parts: Option<Vec<Part>> = behind.split('/').map(Part::parse).collect();
        match parts {
            None => refuse("has a ~ that is not ~0 for ~, ~1 for / or ~2 for *"),
            Some(parts) if parts.len() > MOST_PARTS => refuse("has more than 32 parts"),
            Some(parts) => Ok(Self {
                text: text.into(),
                parts: parts.into(),
            }),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    pub(crate) fn part(&self, depth: usize) -> Option<&Part> {
        self.parts.get(depth)
    }

    /// Whether some value may be meant by both, or lie inside one that the other means.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let mut pairs = self.parts.iter().zip(&other.parts);
        pairs.all(|pair| match pair {
            (Part::Named(this), Part::Named(that)) => this == that,
            _ => true,
        })
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let mut name = String::with_capacity(text.len());
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            name.push(match letter {
                '~' => match letters.next()? {
                    '0' => '~',
                    '1' => '/',
                    '2' => '*',
                    _ => return None,
                },
                letter => letter,
            });
        }
        Some(Self::Named(name.into()))
    }
}

/// A name as it stands in a pointer.
pub(crate) fn escaped(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) {
        Cow::Owned(name.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(name)
    }
}
