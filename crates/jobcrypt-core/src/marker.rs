use std::{borrow::Cow, sync::LazyLock};

use memchr::{memchr, memchr2, memmem};
use serde_json::value::RawValue;

use crate::{
    Envelope, Error, ErrorKind, field_places, form,
    json_keys::{self, JsonKey, JsonKeys},
    json_scan::Written,
};

/// The key under which a token stands in stored args: `{"river_encrypt":"jc1..."}`.
#[derive(Clone)]
pub(crate) struct Marker {
    name: Box<str>,
    /// `{"river_encrypt":`, as we write it.
    prefix: Box<[u8]>,
    /// Keys that a queue adds beside the token on its own.
    siblings: Vec<Box<str>>,
    finder: memmem::Finder<'static>,
}

/// The marker that River's own drain query looks for.
pub(crate) const DEFAULT: &str = "river_encrypt";

impl Marker {
    pub(crate) fn new(name: &str, siblings: Vec<Box<str>>) -> Result<Self, Error> {
        let plain =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-');
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return Err(Error::new(
                ErrorKind::InvalidConfiguration,
                "a marker is 1 to 64 characters of a-z, A-Z, 0-9, _ and -",
            ));
        }
        Ok(Self {
            name: name.into(),
            prefix: format!("{{\"{name}\":").into_bytes().into(),
            siblings,
            finder: memmem::Finder::new(name.as_bytes()).into_owned(),
        })
    }

    /// Returns the text under the marker if `args` are an envelope: an object that has the marker
    /// at its top. From there on whatever is not exactly right is an error, never plaintext.
    pub(crate) fn find<'a>(&self, args: &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Error> {
        if let Some(token) = self.find_as_written(args) {
            return Ok(Some(Cow::Borrowed(token)));
        }
        if !self.may_hold(args) {
            return Ok(None);
        }
        let malformed = |detail| Err(Error::new(ErrorKind::Malformed, detail));
        let mut value = None;
        let mut has_sibling = false;
        for key in top_keys(args) {
            if key.is(&self.name) {
                if value.replace(key.rest).is_some() {
                    return malformed("the marker stands twice");
                }
            } else if !self.siblings.iter().any(|sibling| key.is(sibling)) {
                has_sibling = true;
            }
        }
        if value.is_none() && self.finder.find(args).is_none() {
            return Ok(None);
        }
        // An envelope behind a byte order mark, or cut short, must not pass for plaintext.
        if serde_json::from_slice::<&RawValue>(args).is_err() {
            return malformed("they hold the marker and are not JSON");
        }
        let Some(value) = value else {
            return Ok(None);
        };
        let text = json_keys::string_value(value);
        // Fields stand beside their token; whether they are those that it is about shows when it is opened.
        let is_fields = |text: &str| text.as_bytes().starts_with(form::FIELDS_PREFIX);
        if has_sibling && !text.as_ref().is_some_and(|(text, _)| is_fields(text)) {
            return malformed("something stands beside the marker");
        }
        match text {
            Some((Cow::Borrowed(token), _)) => Ok(Some(Cow::Borrowed(token.as_bytes()))),
            Some((Cow::Owned(token), _)) => Ok(Some(Cow::Owned(token.into_bytes()))),
            None => malformed("what stands under the marker is no string"),
        }
    }

    /// Whether `args` have the marker as a key, at any depth.
    pub(crate) fn is_anywhere_in(&self, args: &[u8]) -> bool {
        self.may_hold(args) && JsonKeys::new(args).any(|key| key.is(&self.name))
    }

    /// Appends the envelope around a token, which `write_token` writes.
    pub(crate) fn wrap(&self, out: &mut Vec<u8>, write_token: impl FnOnce(&mut Vec<u8>)) {
        out.push(b'{');
        self.write_member(out, write_token);
        out.push(b'}');
    }

    /// Appends the member under the marker.
    pub(crate) fn write_member(&self, out: &mut Vec<u8>, write_token: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.prefix[1..]);
        out.push(b'"');
        write_token(out);
        out.push(b'"');
    }

    /// Returns stored args with another token under the marker.
    pub(crate) fn with_token(&self, args: &[u8], token: &[u8]) -> Result<Vec<u8>, Error> {
        let found = field_places::find(args, &[], self)?;
        let value = found.marked.map(|marked| marked.value);
        let value = value.ok_or_else(|| Error::new(ErrorKind::Malformed, "the marker is gone"))?;
        let quoted: &[u8] = &[b"\"", token, b"\""].concat();
        Ok([&args[..value.start], quoted, &args[value.end..]].concat())
    }

    /// Whether a name is the marker.
    pub(crate) fn is(&self, name: Written<'_>) -> bool {
        name.is(&self.name)
    }

    /// Whether the marker stands nowhere but alone in an object below the top, over a token that `is_ours`.
    pub(crate) fn holds_only_values(
        &self,
        args: &[u8],
        is_ours: impl Fn(Envelope<'_>) -> bool,
    ) -> bool {
        JsonKeys::new(args)
            .filter(|key| key.is(&self.name))
            .all(|key| {
                let value = json_keys::string_value(key.rest);
                let is_token = value
                    .as_ref()
                    .is_some_and(|(text, _)| Envelope::parse(text).is_ok_and(&is_ours));
                let is_last =
                    value.is_some_and(|(_, rest)| json_keys::trim_start(rest).starts_with(b"}"));
                key.depth > 1 && key.is_first_in(args) && is_last && is_token
            })
    }

    /// The length of an envelope around a token of `token` bytes.
    pub(crate) fn wrapped_len(&self, token: usize) -> usize {
        self.prefix.len() + token + 3
    }

    /// The envelope exactly as we write it, or as jsonb prints it, with a space behind the colon.
    fn find_as_written<'a>(&self, args: &'a [u8]) -> Option<&'a [u8]> {
        let rest = args.strip_prefix(&*self.prefix)?;
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let rest = rest.strip_prefix(b"\"")?;
        let end = memchr2(b'"', b'\\', rest)?;
        // Only what is base64 is ever opened, so there is no need to see whether this is UTF-8.
        let (token, behind) = rest.split_at(end);
        let is_whole = behind == b"\"}";
        let is_fields = token.starts_with(form::FIELDS_PREFIX) && behind.starts_with(b"\",");
        (is_whole || is_fields).then_some(token)
    }

    /// A cheap no: the marker is neither there as written nor can an escape hide it.
    fn may_hold(&self, args: &[u8]) -> bool {
        self.finder.find(args).is_some() || memchr(b'\\', args).is_some()
    }
}

/// Whether `args` are what a hook of jobcrypt writes and an app does not, under whatever marker: an object of
/// nothing but one token, or one with a token of fields at its top.
pub(crate) fn is_envelope(args: &[u8]) -> bool {
    let mut keys = top_keys(args);
    let Some(key) = keys.next() else {
        return false;
    };
    // Read as it is written: a token has no escapes, and resolving those of an app's own args would
    // leave a copy of them behind. The beginning tells most args from an envelope.
    if holds_token(&key, b"\"jc1.") {
        return keys.next().is_none();
    }
    BEGIN_OF_FIELDS.find(args).is_some() && top_keys(args).any(|key| holds_token(&key, b"\"jc1f."))
}

static BEGIN_OF_FIELDS: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(b"\"jc1f."));

fn holds_token(key: &JsonKey<'_>, begin: &[u8]) -> bool {
    json_keys::trim_start(key.rest).starts_with(begin)
        && json_keys::written_string(key.rest)
            .is_some_and(|text| Envelope::parse_bytes(text).is_ok())
}

/// The keys of the outermost object; none where `args` are no object.
fn top_keys(args: &[u8]) -> impl Iterator<Item = JsonKey<'_>> {
    let is_object = json_keys::trim_start(args).first() == Some(&b'{');
    JsonKeys::new(if is_object { args } else { &[] }).filter(|key| key.depth == 1)
}
