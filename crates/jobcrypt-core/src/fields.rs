use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    Error, ErrorKind, bound_digest,
    field_path::FieldPath,
    field_places::{self, MOST_PATHS, Place, Places},
    marker::Marker,
};

/// The fields of a kind that are sealed, and those that are bound to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    required: Vec<String>,
    optional: Vec<String>,
    bound: Vec<String>,
    paths: Paths,
}

/// The same, as a hook uses them: the paths of sealed fields, then those of bound ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    sealed: Vec<FieldPath>,
    /// How many of the sealed ones, the first, have to be there.
    required: usize,
    bound: Vec<FieldPath>,
    /// How what is sealed begins: `[["/password"],["/host"],"`.
    head: Box<str>,
}

/// Args taken apart: what stays readable, and what is to be encrypted.
pub(crate) struct Apart {
    pub(crate) places: Places,
    head: String,
    /// How long what is to be encrypted is.
    pub(crate) len: usize,
}

impl Fields {
    pub(crate) fn new(required: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            required: required.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn add_optional(&mut self, paths: impl IntoIterator<Item = impl Into<String>>) {
        self.optional.extend(paths.into_iter().map(Into::into));
    }

    pub(crate) fn add_bound(&mut self, paths: impl IntoIterator<Item = impl Into<String>>) {
        self.bound.extend(paths.into_iter().map(Into::into));
    }

    /// Reads the paths, when a hook is built.
    pub(crate) fn prepare(&mut self) -> Result<(), Error> {
        let sealed = self.required.iter().chain(&self.optional);
        self.paths = Paths::parse(sealed, self.required.len(), &self.bound)?;
        if self.paths.sealed.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidConfiguration,
                "a policy of fields names none that is sealed",
            ));
        }
        Ok(())
    }

    pub(crate) fn paths(&self) -> &Paths {
        &self.paths
    }
}

impl Paths {
    fn parse<'t>(
        sealed: impl IntoIterator<Item = &'t String>,
        required: usize,
        bound: &[String],
    ) -> Result<Self, Error> {
        let parse = |path: &String| FieldPath::parse(path);
        let sealed: Vec<_> = sealed.into_iter().map(parse).collect::<Result<_, _>>()?;
        let bound: Vec<_> = bound.iter().map(parse).collect::<Result<_, _>>()?;
        let all: Vec<_> = sealed.iter().chain(&bound).collect();
        if all.len() > MOST_PATHS {
            return Err(Error::new(
                ErrorKind::InvalidConfiguration,
                "a policy names at most 64 fields, sealed and bound together",
            ));
        }
        for (number, path) in all.iter().enumerate() {
            if let Some(other) = all[..number].iter().find(|other| path.overlaps(other)) {
                let (path, other) = (path.as_str(), other.as_str());
                let detail = format!("the fields {other:?} and {path:?} overlap");
                return Err(Error::with_detail(ErrorKind::InvalidConfiguration, detail));
            }
        }
        let head = format!("[{},{},\"", list(&sealed), list(&bound)).into();
        Ok(Self {
            sealed,
            required,
            bound,
            head,
        })
    }

    fn find(&self, args: &[u8], marker: &Marker) -> Result<Places, Error> {
        let all: Vec<_> = self.sealed.iter().chain(&self.bound).collect();
        field_places::find(args, &all, marker)
    }

    fn digest(&self, args: &[u8], places: &[Place]) -> Result<String, Error> {
        if self.bound.is_empty() {
            return Ok(String::new());
        }
        bound_digest::of(args, &self.bound, self.sealed.len(), places)
            .map(|digest| base64_simd::URL_SAFE_NO_PAD.encode_to_string(digest))
    }

    /// Takes the args of a job apart.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::FieldMissing`] for a field that has to be there, and those of [`field_places::find`].
    pub(crate) fn take_apart(&self, args: &[u8], marker: &Marker) -> Result<Apart, Error> {
        let mut places = self.find(args, marker)?;
        if places.marked.is_some() {
            return Err(Error::new(
                ErrorKind::MarkerInArgs,
                "the marker is where the token of their fields goes",
            ));
        }
        for (number, path) in self.sealed[..self.required].iter().enumerate() {
            if !places.all.iter().any(|place| place.path == number) {
                let detail = format!("there is nothing at {:?}", path.as_str());
                return Err(Error::with_detail(ErrorKind::FieldMissing, detail));
            }
        }
        let head = format!("{}{}\"", self.head, self.digest(args, &places.all)?);
        places.all.retain(|place| place.path < self.sealed.len());
        let fields = places.all.iter();
        // Two commas; a letter of a pointer becomes at most six.
        let len = fields.map(|it| it.pointer.len() * 6 + it.value.len() + 4);
        Ok(Apart {
            len: head.len() + len.sum::<usize>() + 1,
            places,
            head,
        })
    }

    /// Puts the values that `sealed` holds back into stored args.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::FieldChanged`], [`ErrorKind::BoundFieldChanged`], [`ErrorKind::DuplicateField`] and
    /// [`ErrorKind::Malformed`].
    pub(crate) fn put_together(
        &self,
        stored: &[u8],
        sealed: &[u8],
        marker: &Marker,
    ) -> Result<Vec<u8>, Error> {
        let parts: Vec<&RawValue> = serde_json::from_slice(sealed).map_err(|_| unreadable())?;
        let [sealed_paths, bound_paths, digest, fields @ ..] = &*parts else {
            return Err(unreadable());
        };
        // The token says which fields it is about: a policy may have changed since.
        let own;
        let paths = if !self.head.is_empty() && sealed.starts_with(self.head.as_bytes()) {
            self
        } else {
            let read = |list: &RawValue| serde_json::from_str::<Vec<String>>(list.get());
            let sealed = read(sealed_paths).map_err(|_| unreadable())?;
            let bound = read(bound_paths).map_err(|_| unreadable())?;
            own = Self::parse(&sealed, 0, &bound).map_err(|_| unreadable())?;
            &own
        };
        let mut places = paths.find(stored, marker)?;
        let digest: &str = serde_json::from_str(digest.get()).map_err(|_| unreadable())?;
        if paths.digest(stored, &places.all)? != digest {
            return Err(Error::new(
                ErrorKind::BoundFieldChanged,
                "a readable field is not what it was when the job was sealed",
            ));
        }
        places.all.retain(|place| place.path < paths.sealed.len());
        let fields = Sealed::read(fields)?;
        paths.compare(stored, &places.all, &fields)?;
        let token = places.marked.as_ref().ok_or_else(unreadable)?;
        let values: usize = fields.0.iter().map(|(_, value)| value.len()).sum();
        let mut args = Vec::with_capacity(stored.len() + values);
        let mut at = 0;
        let mut marker_is_ahead = true;
        for place in &places.all {
            if marker_is_ahead && token.member.start < place.value.start {
                args.extend_from_slice(&stored[at..token.member.start]);
                at = token.member.end;
                marker_is_ahead = false;
            }
            args.extend_from_slice(&stored[at..place.value.start]);
            args.extend_from_slice(fields.get(&place.pointer).unwrap_or_default().as_bytes());
            at = place.value.end;
        }
        if marker_is_ahead {
            args.extend_from_slice(&stored[at..token.member.start]);
            at = token.member.end;
        }
        args.extend_from_slice(&stored[at..]);
        Ok(args)
    }

    /// Whether each place where a field is sealed is as it was left, and none is there that was not.
    fn compare(&self, stored: &[u8], places: &[Place], fields: &Sealed<'_>) -> Result<(), Error> {
        let changed = |place: &Place, how: &str| {
            let path = self.sealed[place.path].as_str();
            let detail = format!("{how} at {path:?}");
            Error::with_detail(ErrorKind::FieldChanged, detail)
        };
        for place in places {
            if fields.get(&place.pointer).is_none() {
                return Err(changed(place, "something was added"));
            }
            if &stored[place.value.clone()] != b"null" {
                return Err(changed(place, "another value was put"));
            }
        }
        // No place is found twice, so as many as there were are all there were.
        if places.len() != fields.0.len() {
            return Err(Error::new(
                ErrorKind::FieldChanged,
                "the place of a sealed field was removed or moved",
            ));
        }
        Ok(())
    }
}

impl Apart {
    /// Appends what is to be encrypted: `[[sealed paths],[bound paths],"digest",pointer,value,...]`.
    pub(crate) fn write_sealed(&self, args: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.head.as_bytes());
        for place in &self.places.all {
            out.push(b',');
            out.extend_from_slice(in_quotes(&place.pointer).as_bytes());
            out.push(b',');
            out.extend_from_slice(&args[place.value.clone()]);
        }
        out.push(b']');
    }

    /// Appends what stays readable, from the `begin` of the args on: null in the places of sealed values.
    pub(crate) fn write_readable(&self, args: &[u8], out: &mut Vec<u8>) {
        let mut at = self.places.begin;
        for place in &self.places.all {
            out.extend_from_slice(&args[at..place.value.start]);
            out.extend_from_slice(b"null");
            at = place.value.end;
        }
        out.extend_from_slice(&args[at..]);
    }
}

/// Pointers and values, in the order of the pointers.
struct Sealed<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Sealed<'a> {
    fn read(parts: &[&'a RawValue]) -> Result<Self, Error> {
        let mut fields = Vec::with_capacity(parts.len() / 2);
        for pair in parts.chunks(2) {
            let [pointer, value] = pair else {
                return Err(unreadable());
            };
            let pointer: Pointer<'_> =
                serde_json::from_str(pointer.get()).map_err(|_| unreadable())?;
            fields.push((pointer.0, value.get()));
        }
        fields.sort_unstable();
        if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(unreadable());
        }
        Ok(Self(fields))
    }

    fn get(&self, pointer: &str) -> Option<&'a str> {
        let at = self
            .0
            .binary_search_by(|(it, _)| (**it).cmp(pointer))
            .ok()?;
        Some(self.0[at].1)
    }
}

#[derive(serde::Deserialize)]
struct Pointer<'a>(#[serde(borrow)] Cow<'a, str>);

fn list(paths: &[FieldPath]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| in_quotes(path.as_str())).collect();
    format!("[{}]", paths.join(","))
}

/// A text as a string of JSON.
fn in_quotes(text: &str) -> String {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        return format!("\"{text}\"");
    }
    serde_json::Value::from(text).to_string()
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::Malformed,
        "the token of their fields does not hold fields",
    )
}
