//! The places in args that paths lead to, found in one pass over the bytes, which stay as they are.

use std::{borrow::Cow, collections::HashSet, ops::Range};

use memchr::{memchr, memchr2};

use crate::{
    Error, ErrorKind,
    field_path::{self, FieldPath, Part},
    json_keys,
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
    paths: &'p [&'p FieldPath],
    marker: &'p Marker,
) -> Result<Places, Error> {
    let mut walk = Walk {
        json,
        at: 0,
        pointer: String::new(),
        paths,
        marker,
        found: Places {
            all: Vec::with_capacity(paths.len()),
            marked: None,
            is_empty: false,
            begin: 0,
        },
    };
    walk.skip_space();
    if walk.peek() != Some(b'{') {
        return Err(Error::new(
            ErrorKind::NotAnObject,
            "fields can be sealed in a JSON object only",
        ));
    }
    walk.found.begin = walk.at + 1;
    let all = (0..paths.len()).fold(0, |all, path| all | 1 << path);
    walk.object(all, 0)?;
    walk.skip_space();
    if walk.at != json.len() {
        return Err(no_json());
    }
    Ok(walk.found)
}

struct Walk<'a, 'p> {
    json: &'a [u8],
    at: usize,
    /// To the value at hand, where a path leads on from it.
    pointer: String,
    paths: &'p [&'p FieldPath],
    marker: &'p Marker,
    found: Places,
}

impl<'a> Walk<'a, '_> {
    /// `active` are the paths that lead to the value at hand or on from it.
    fn value(&mut self, active: u64, depth: usize) -> Result<(), Error> {
        let start = self.at;
        if let Some(path) = bits(active).find(|path| self.paths[*path].len() == depth) {
            self.skip_value()?;
            self.found.all.push(Place {
                path,
                pointer: self.pointer.clone(),
                value: start..self.at,
            });
            return Ok(());
        }
        match self.peek() {
            Some(b'{') => self.object(active, depth),
            Some(b'[') => self.array(active, depth),
            _ => self.skip_value(),
        }
    }

    fn object(&mut self, active: u64, depth: usize) -> Result<(), Error> {
        self.at += 1;
        let by_name = bits(active)
            .filter(|path| matches!(self.paths[*path].part(depth), Some(Part::Named(_))))
            .fold(0, |all, path| all | 1 << path);
        let (mut seen, mut names) = (0, HashSet::new());
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.found.is_empty |= depth == 0;
            return Ok(());
        }
        let mut comma = None;
        loop {
            self.skip_space();
            let start = self.at;
            let written = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            if depth == 0 && self.marker.is_written(written) {
                let value = self.at;
                self.skip_value()?;
                self.note_marker(comma, start, value..self.at)?;
            } else {
                let next = self.leading_on(active, depth, |name| is_name(written, name));
                if next & by_name & seen != 0 {
                    return Err(self.twice(next & by_name & seen));
                }
                seen |= next;
                // What `*` means depends on every name.
                if active != by_name && !names.insert(name_of(written)?) {
                    return Err(self.twice(active & !by_name));
                }
                self.descend(next, depth, || name_of(written))?;
            }
            self.skip_space();
            comma = Some(self.at);
            match self.next() {
                Some(b',') => {}
                Some(b'}') => return Ok(()),
                _ => return Err(no_json()),
            }
        }
    }

    fn array(&mut self, active: u64, depth: usize) -> Result<(), Error> {
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for index in 0_usize.. {
            self.skip_space();
            let next = self.leading_on(active, depth, |name| name == index.to_string());
            self.descend(next, depth, || Ok(Cow::Owned(index.to_string())))?;
            self.skip_space();
            match self.next() {
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
        self.skip_space();
        let member = match (self.peek(), comma_before) {
            (Some(b','), _) => start..self.at + 1,
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
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{' | b'[') => self.skip_container(),
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                let rest = &self.json[self.at..];
                let is_scalar = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E');
                self.at += rest.iter().take_while(|byte| is_scalar(byte)).count();
                Ok(())
            }
            _ => Err(no_json()),
        }
    }

    /// Skips an object or an array. What lies inside is not looked at: no path leads there.
    fn skip_container(&mut self) -> Result<(), Error> {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(no_json())
    }

    /// Reads a string and returns what stands between its quotes.
    fn string(&mut self) -> Result<&'a [u8], Error> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            let rest = self.json.get(self.at..).ok_or_else(no_json)?;
            self.at += memchr2(b'"', b'\\', rest).ok_or_else(no_json)?;
            if self.json[self.at] == b'"' {
                self.at += 1;
                return Ok(&self.json[start..self.at - 1]);
            }
            self.at += 2;
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        (self.next() == Some(byte))
            .then_some(())
            .ok_or_else(no_json)
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }
}

fn is_name(written: &[u8], name: &str) -> bool {
    if memchr(b'\\', written).is_none() {
        return written == name.as_bytes();
    }
    json_keys::unescape(written).is_some_and(|key| key == name)
}

fn name_of(written: &[u8]) -> Result<Cow<'_, str>, Error> {
    json_keys::unescape(written).ok_or_else(no_json)
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
