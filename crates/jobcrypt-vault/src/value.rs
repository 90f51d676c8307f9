use std::fmt;

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::{Segment, ValuePath, VaultError, json};

/// A value of a vault: any JSON. Wiped when dropped; its `Debug` says only what kind of value it is.
///
/// Numbers keep their spelling, and names of objects come out sorted.
///
/// ```
/// use jobcrypt_vault::{Value, ValueKind};
///
/// let value = Value::from_json(r#"{"host": "db.example.com", "port": 5432}"#)?;
/// let port = value.at(&"port".parse()?).expect("it is there");
/// assert_eq!(port.kind(), ValueKind::Number);
/// assert_eq!(port.as_json(), "5432");
/// assert_eq!(*Value::from("s3cret!").to_text(), "s3cret!");
/// assert_eq!(format!("{value:?}"), "Value(an object)");
/// # Ok::<(), jobcrypt_vault::VaultError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Value(Zeroizing<String>);

/// What kind of JSON a [`Value`] is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ValueKind {
    /// `true` or `false`.
    Bool,
    /// A list.
    List,
    /// `null`.
    Null,
    /// A number.
    Number,
    /// An object.
    Object,
    /// A text.
    String,
}

impl ValueKind {
    /// Returns the kind as it is called in a sentence, such as `a number`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::List => "a list",
            Self::Null => "null",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::String => "a string",
        }
    }
}

impl Value {
    /// Reads a value from JSON. The caller's text is the caller's to wipe.
    ///
    /// # Errors
    ///
    /// [`VaultError::BadValue`], with the place and never the text, when it is not JSON, holds half of a surrogate pair,
    /// or is nested more than 64 deep.
    pub fn from_json(text: &str) -> Result<Self, VaultError> {
        json::canonical(text).map(Self)
    }

    /// Takes a number as it is spelled.
    ///
    /// # Errors
    ///
    /// [`VaultError::BadValue`] when JSON knows no such number.
    pub fn number(spelling: &str) -> Result<Self, VaultError> {
        let value = Self::from_json(spelling)?;
        match value.kind() {
            ValueKind::Number => Ok(value),
            _ => Err(VaultError::bad_value("it is not a number")),
        }
    }

    /// Makes a list.
    #[must_use]
    pub fn list(elements: impl IntoIterator<Item = Self>) -> Self {
        let elements: Vec<_> = elements.into_iter().collect();
        Self(json::built(|out| {
            out("[");
            for (at, element) in elements.iter().enumerate() {
                out(if at == 0 { "" } else { "," });
                out(&element.0);
            }
            out("]");
        }))
    }

    /// Makes an object.
    ///
    /// # Errors
    ///
    /// [`VaultError::BadValue`] when a name stands twice.
    pub fn object<N: Into<String>>(
        members: impl IntoIterator<Item = (N, Self)>,
    ) -> Result<Self, VaultError> {
        let mut sorted = std::collections::BTreeMap::new();
        for (name, value) in members {
            let name = name.into();
            if sorted.contains_key(&name) {
                return Err(VaultError::bad_value(format!(
                    "{name:?} stands twice in an object"
                )));
            }
            sorted.insert(name, value);
        }
        Ok(Self(json::built(|out| {
            out("{");
            for (at, (name, value)) in sorted.iter().enumerate() {
                out(if at == 0 { "" } else { "," });
                json::write_quoted(name, out);
                out(":");
                out(&value.0);
            }
            out("}");
        })))
    }

    /// Returns what kind of value it is.
    #[must_use]
    pub fn kind(&self) -> ValueKind {
        match self.0.as_bytes().first() {
            Some(b'"') => ValueKind::String,
            Some(b'[') => ValueKind::List,
            Some(b'{') => ValueKind::Object,
            Some(b'n') => ValueKind::Null,
            Some(b't' | b'f') => ValueKind::Bool,
            _ => ValueKind::Number,
        }
    }

    /// Returns the value as JSON, without white space.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Returns the text of a string, and all else as JSON spells it.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        match self.kind() {
            ValueKind::String => json::unquote(&self.0),
            _ => self.0.clone(),
        }
    }

    /// Reads the value as a type of the app. Copies that the type makes are the app's to wipe.
    ///
    /// # Errors
    ///
    /// [`VaultError::WrongType`], which never quotes the value.
    ///
    /// ```
    /// # use jobcrypt_vault::Value;
    /// let hosts: Vec<String> = Value::from_json(r#"["a", "b"]"#)?.to()?;
    /// assert_eq!(hosts, ["a", "b"]);
    /// # Ok::<(), jobcrypt_vault::VaultError>(())
    /// ```
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, VaultError> {
        // What serde says could quote the value.
        serde_json::from_str(&self.0).map_err(|error| VaultError::WrongType {
            path: "the value".to_owned(),
            found: self.kind().as_str(),
            column: error.column(),
        })
    }

    /// Returns the value at `path` inside of this one.
    #[must_use]
    pub fn at(&self, path: &ValuePath) -> Option<Self> {
        self.step(path.segments())
    }

    /// Returns the elements of a list and the values of an object, in their order, with their places; none of anything
    /// else.
    #[must_use]
    pub fn children(&self) -> Vec<(Segment, Self)> {
        let value = |json: &str| Self(Zeroizing::new(json.to_owned()));
        match self.kind() {
            ValueKind::List => json::elements(&self.0)
                .enumerate()
                .map(|(at, element)| (Segment::Index(at), value(element)))
                .collect(),
            ValueKind::Object => json::members(&self.0)
                .map(|(name, member)| (Segment::Name(name_of(name)), value(member)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Follows the steps.
    pub(crate) fn step(&self, segments: &[Segment]) -> Option<Self> {
        let mut json = &**self.0;
        let kind_of = |json: &str| json.as_bytes().first().copied();
        for segment in segments {
            json = match (segment, kind_of(json)) {
                (Segment::Index(index), Some(b'[')) => json::elements(json).nth(*index)?,
                (Segment::Name(wanted), Some(b'{')) => {
                    let mut members = json::members(json);
                    members.find(|(name, _)| name_of(name) == *wanted)?.1
                }
                _ => return None,
            };
        }
        Some(Self(Zeroizing::new(json.to_owned())))
    }

    /// Takes a JSON text that is canonical already.
    pub(crate) fn canonical(json: Zeroizing<String>) -> Self {
        Self(json)
    }

    pub(crate) fn is_empty_object(&self) -> bool {
        *self.0 == "{}"
    }
}

/// Names are no secrets: they stand readable in the file.
fn name_of(quoted: &str) -> String {
    std::mem::take(&mut *json::unquote(quoted))
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self(json::quoted(text))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self(Zeroizing::new(value.to_string()))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Value({})", self.kind().as_str())
    }
}
