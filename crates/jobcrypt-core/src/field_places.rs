//! The places in args that paths lead to, found in one pass over the bytes, which stay as they are.

use std::{borrow::Cow, collections::HashSet, ops::Range};

use crate::{
    Error, ErrorKind,
    field_path::{self, FieldPath, Part},
    json_scan::JsonScan,
    marker::Marker,
};

/// A value that a path leads to.
pub(crate) struct Place {
    /// The position of the path among those that were given.
    pub(crate) path: usize,
    /// Where the value is, without `*`.
    pub(crate) pointer: String,
    pub(crate) value: Range<usize>,
}

/// What was found in args, in the order of their bytes.
pub(crate) struct Places {
    pub(crate) all: Vec<Place>,
    /// The member under the marker.
    pub(crate) marked: Option<Marked>,
    /// Whether the object is empty.
    pub(crate) is_empty: bool,
    /// Where its first member goes.
    pub(crate) begin: usize,
}

/// The member under the marker.
pub(crate) struct Marked {
    /// All of it, with the comma that would be left over.
    pub(crate) member: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// The paths are bits of a number.
pub(crate) const MOST_PATHS: usize = 64;

/// Finds the places to which `paths` lead, at most 64 paths of which none overlaps another.
///
/// # Errors
///
/// [`ErrorKind::NotAnObject`], [`ErrorKind::DuplicateField`] when a name that decides where a path leads stands
/// twice, [`ErrorKind::Malformed`] for a second marker and for what is no JSON.
pub(crate) fn find<'p>(
    json: &[u8],
    paths: &'p [FieldPath],
    marker: &'p Marker,
) -> Result<Places, Error> {
    let mut walk = Walk {
        scan: JsonScan::new(json),
        pointer: String::with_capacity(64),
        paths,
        marker,
        found: Places {
            all: Vec::with_capacity(paths.len()),
            marked: None,
            is_empty: false,
            begin: 0,
        },
    };
    walk.scan.skip_space();
    if walk.scan.peek() != Some(b'{') {
        return Err(Error::new(
            ErrorKind::NotAnObject,
            "fields can be sealed in a JSON object only",
        ));
    }
    walk.found.begin = walk.scan.at() + 1;
    let all = (0..paths.len()).fold(0, |all, path| all | 1 << path);
    walk.object(all, 0)?;
    walk.scan.skip_space();
    if !walk.scan.is_at_end() {
        return Err(no_json());
    }
    Ok(walk.found)
}

struct Walk<'a, 'p> {
    scan: JsonScan<'a>,
    /// To the value at hand, where a path leads on from it.
    pointer: String,
    paths: &'p [FieldPath],
    marker: &'p Marker,
    found: Places,
}

impl Walk<'_, '_> {
    /// `active` are the paths that lead to the value at hand or on from it.
    fn value(&mut self, active: u64, depth: usize) -> Result<(), Error> {
        let start = self.scan.at();
        if let Some(path) = bits(active).find(|path| self.paths[*path].len() == depth) {
            self.skip_value()?;
            self.found.all.push(Place {
                path,
                pointer: self.pointer.clone(),
                value: start..self.scan.at(),
            });
            return Ok(());
        }
        match self.scan.peek() {
            Some(b'{') => self.object(active, depth),
            Some(b'[') => self.array(active, depth),
            _ => self.skip_value(),
        }
    }

    fn object(&mut self, active: u64, depth: usize) -> Result<(), Error> {
        let by_name = bits(active)
            .filter(|path| matches!(self.paths[*path].part(depth), Some(Part::Named(_))))
            .fold(0, |all, path| all | 1 << path);
        let (mut seen, mut names) = (0, HashSet::new());
        self.scan.next();
        self.scan.skip_space();
        if self.scan.take(b'}') {
            self.found.is_empty |= depth == 0;
            return Ok(());
        }
        let mut comma = None;
        loop {
            self.scan.skip_space();
            let start = self.scan.at();
            let written = self.scan.name().ok_or_else(no_json)?;
            if depth == 0 && self.marker.is(written) {
                let value = self.scan.at();
                self.skip_value()?;
                self.note_marker(comma, start, value..self.scan.at())?;
            } else {
                let next = self.leading_on(active, depth, |name| written.is(name));
                if next & by_name & seen != 0 {
                    return Err(self.twice(next & by_name & seen));
                }
                seen |= next;
                let name = || written.text().ok_or_else(no_json);
                // What `*` means depends on every name.
                if active != by_name && !names.insert(name()?) {
                    return Err(self.twice(active & !by_name));
                }
                self.descend(next, depth, name)?;
            }
            self.scan.skip_space();
            comma = Some(self.scan.at());
            match self.scan.next() {
                Some(b',') => {}
                Some(b'}') => return Ok(()),
                _ => return Err(no_json()),
            }
        }
    }

    fn array(&mut self, active: u64, depth: usize) -> Result<(), Error> {
        self.scan.next();
        self.scan.skip_space();
        if self.scan.take(b']') {
            return Ok(());
        }
        for index in 0_usize.. {
            self.scan.skip_space();
            let next = self.leading_on(active, depth, |name| name == index.to_string());
            self.descend(next, depth, || Ok(Cow::Owned(index.to_string())))?;
            self.scan.skip_space();
            match self.scan.next() {
                Some(b',') => {}
                Some(b']') => break,
                _ => return Err(no_json()),
            }
        }
        Ok(())
    }

    /// The paths that lead on to the member or element at hand.
    fn leading_on(&self, active: u64, depth: usize, is: impl Fn(&str) -> bool) -> u64 {
        bits(active)
            .filter(|path| match self.paths[*path].part(depth) {
                Some(Part::Any) => true,
                Some(Part::Named(name)) => is(name),
                None => false,
            })
            .fold(0, |all, path| all | 1 << path)
    }

    fn descend<'n>(
        &mut self,
        active: u64,
        depth: usize,
        name: impl FnOnce() -> Result<Cow<'n, str>, Error>,
    ) -> Result<(), Error> {
        if active == 0 {
            return self.skip_value();
        }
        let before = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&field_path::escaped(&name()?));
        self.value(active, depth + 1)?;
        self.pointer.truncate(before);
        Ok(())
    }

    fn note_marker(
        &mut self,
        comma_before: Option<usize>,
        start: usize,
        value: Range<usize>,
    ) -> Result<(), Error> {
        self.scan.skip_space();
        let member = match (self.scan.peek(), comma_before) {
            (Some(b','), _) => start..self.scan.at() + 1,
            (_, Some(comma)) => comma..value.end,
            (_, None) => start..value.end,
        };
        let marked = Marked { member, value };
        if self.found.marked.replace(marked).is_some() {
            return Err(Error::new(ErrorKind::Malformed, "the marker stands twice"));
        }
        Ok(())
    }

    fn twice(&self, paths: u64) -> Error {
        let path = bits(paths)
            .next()
            .map_or("", |path| self.paths[path].as_str());
        let detail = format!("a name on the way to {path:?} stands twice");
        Error::with_detail(ErrorKind::DuplicateField, detail)
    }

    fn skip_value(&mut self) -> Result<(), Error> {
        self.scan.skip_value().ok_or_else(no_json)
    }
}

fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(bit)
    })
}

fn no_json() -> Error {
    Error::new(ErrorKind::Malformed, "they are not JSON")
}
