use serde_json::Value;

use crate::{
    Error, ErrorKind, bound_digest,
    field_path::FieldPath,
    field_places::{self, MOST_PATHS, Place, Places},
    marker::Marker,
    sealed_fields::{self, SealedFields, unreadable},
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
    all: Vec<FieldPath>,
    /// How many, the first, are sealed.
    sealed: usize,
    /// How many of these, the first, have to be there.
    required: usize,
    /// How what is sealed begins: `[["/password"],["/host"],`.
    head: Box<str>,
}

/// Args taken apart: what stays readable, and what is to be encrypted.
pub(crate) struct Apart<'p> {
    pub(crate) places: Places,
    head: &'p str,
    digest: String,
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
        if self.paths.sealed == 0 {
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
        let mut all: Vec<_> = sealed.into_iter().map(parse).collect::<Result<_, _>>()?;
        let sealed = all.len();
        for path in bound {
            all.push(parse(path)?);
        }
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
        let head = format!("[{},{},", list(&all[..sealed]), list(&all[sealed..])).into();
        Ok(Self {
            all,
            sealed,
            required,
            head,
        })
    }

    fn digest(&self, args: &[u8], places: &[Place]) -> Result<String, Error> {
        let bound = &self.all[self.sealed..];
        if bound.is_empty() {
            return Ok(String::new());
        }
        bound_digest::of(args, bound, self.sealed, places)
            .map(|digest| base64_simd::URL_SAFE_NO_PAD.encode_to_string(digest))
    }

    /// Takes the args of a job apart.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::FieldMissing`] for a field that has to be there, and those of [`field_places::find`].
    pub(crate) fn take_apart(&self, args: &[u8], marker: &Marker) -> Result<Apart<'_>, Error> {
        let mut places = field_places::find(args, &self.all, marker)?;
        if places.marked.is_some() {
            return Err(Error::new(
                ErrorKind::MarkerInArgs,
                "the marker is where the token of their fields goes",
            ));
        }
        for (number, path) in self.all[..self.required].iter().enumerate() {
            if !places.all.iter().any(|place| place.path == number) {
                let detail = format!("there is nothing at {:?}", path.as_str());
                return Err(Error::with_detail(ErrorKind::FieldMissing, detail));
            }
        }
        let digest = self.digest(args, &places.all)?;
        places.all.retain(|place| place.path < self.sealed);
        Ok(Apart {
            len: sealed_fields::len(&self.head, &digest, &places.all),
            head: &self.head,
            digest,
            places,
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
        // The token says which fields it is about: a policy may have changed since.
        let own;
        let (paths, values) = match sealed.strip_prefix(self.head.as_bytes()) {
            Some(values) if self.sealed > 0 => (self, values),
            _ => {
                let ([sealed, bound], values) = sealed_fields::read_head(sealed)?;
                own = Self::parse(&sealed, 0, &bound).map_err(|_| unreadable())?;
                (&own, values)
            }
        };
        let fields = SealedFields::read(values)?;
        let mut places = field_places::find(stored, &paths.all, marker)?;
        if paths.digest(stored, &places.all)? != fields.digest {
            return Err(Error::new(
                ErrorKind::BoundFieldChanged,
                "a readable field is not what it was when the job was sealed",
            ));
        }
        places.all.retain(|place| place.path < paths.sealed);
        let token = places.marked.as_ref().ok_or_else(unreadable)?;
        let mut args = Vec::with_capacity(stored.len() + fields.len_of_values());
        let mut at = 0;
        let mut marker_is_ahead = true;
        for place in &places.all {
            if marker_is_ahead && token.member.start < place.value.start {
                args.extend_from_slice(&stored[at..token.member.start]);
                at = token.member.end;
                marker_is_ahead = false;
            }
            args.extend_from_slice(&stored[at..place.value.start]);
            args.extend_from_slice(paths.value_at(place, stored, &fields)?);
            at = place.value.end;
        }
        if marker_is_ahead {
            args.extend_from_slice(&stored[at..token.member.start]);
            at = token.member.end;
        }
        args.extend_from_slice(&stored[at..]);
        // No place is found twice, so as many as there were are all there were.
        if places.all.len() != fields.count() {
            return Err(Error::new(
                ErrorKind::FieldChanged,
                "the place of a sealed field was removed or moved",
            ));
        }
        Ok(args)
    }

    /// The value that was sealed at a place, which has to be as it was left.
    fn value_at<'s>(
        &self,
        place: &Place,
        stored: &[u8],
        fields: &SealedFields<'s>,
    ) -> Result<&'s [u8], Error> {
        let changed = |how: &str| {
            let path = self.all[place.path].as_str();
            let detail = format!("{how} at {path:?}");
            Error::with_detail(ErrorKind::FieldChanged, detail)
        };
        let value = fields
            .get(&place.pointer)
            .ok_or_else(|| changed("something was added"))?;
        if &stored[place.value.clone()] != b"null" {
            return Err(changed("another value was put"));
        }
        Ok(value)
    }
}

impl Apart<'_> {
    /// Appends what is to be encrypted.
    pub(crate) fn write_sealed(&self, args: &[u8], out: &mut Vec<u8>) {
        sealed_fields::write(self.head, &self.digest, &self.places.all, args, out);
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

fn list(paths: &[FieldPath]) -> Value {
    paths.iter().map(FieldPath::as_str).collect()
}
