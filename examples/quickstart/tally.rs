use std::collections::BTreeMap;

use jobcrypt::Key;
use riverqueue::BoxError;

/// The jobs by the key that sealed them; under `None` those that are readable.
pub(crate) type Tally = BTreeMap<Option<KeyName>, Count>;

/// A key as it stands in a token.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct KeyName {
    pub(crate) cipher: String,
    pub(crate) id: String,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Count {
    /// Still to be worked: these need the key.
    pub(crate) left: u64,
    pub(crate) worked: u64,
}

impl Count {
    pub(crate) const fn stored(self) -> u64 {
        self.left + self.worked
    }
}

/// What both databases answer: cipher, key id, jobs left, jobs worked.
pub(crate) type Row = (Option<String>, Option<String>, i64, i64);

pub(crate) fn from_rows(rows: Vec<Row>) -> Result<Tally, BoxError> {
    rows.into_iter()
        .map(|(cipher, id, left, worked)| {
            let key = cipher.zip(id).map(|(cipher, id)| KeyName { cipher, id });
            let count = Count {
                left: left.try_into()?,
                worked: worked.try_into()?,
            };
            Ok((key, count))
        })
        .collect()
}

impl From<&Key> for KeyName {
    fn from(key: &Key) -> Self {
        Self {
            cipher: key.cipher().to_string(),
            id: key.key_id().to_string(),
        }
    }
}
