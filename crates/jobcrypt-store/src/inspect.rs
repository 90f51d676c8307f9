use std::collections::BTreeMap;

use jobcrypt_core::KeyId;
use serde_json::value::RawValue;

use crate::{
    Error, Found, Place, Selection, Store, Table,
    database::{Page, Row},
    stored_form, token_scan,
};

/// A stored job, as far as it shows without a key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct JobHeaders {
    /// The table's name.
    pub table: String,
    /// The job's id.
    pub id: String,
    /// The job's kind.
    pub kind: String,
    /// The job's state.
    pub state: String,
    /// What the args are: `sealed`, `legacy`, `unreadable` or `plaintext`.
    pub args: &'static str,
    /// The length of the args as they are stored, in bytes.
    pub len: usize,
    /// The tokens of the row, in args first.
    pub tokens: Vec<TokenHeader>,
    /// What plaintext args consist of, without the values; of other args nothing. The first 32, where args are an
    /// object.
    pub members: Vec<MemberHeader>,
}

/// A member of args that are readable: what it is called and how long it is, not what it holds.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MemberHeader {
    /// Its name.
    pub name: String,
    /// The type of its value, such as `string`.
    pub value: &'static str,
    /// The length of its value as JSON, in bytes.
    pub len: usize,
}

/// What a token says of itself. It proves nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TokenHeader {
    /// Where in the row it stands.
    pub place: Place,
    /// Its form and version, such as `jc1`.
    pub form: String,
    /// The cipher, with its options.
    pub cipher: String,
    /// The id of the key.
    pub key_id: KeyId,
    /// The token's length, in bytes.
    pub len: usize,
}

impl Store {
    /// Reads what jobs say of themselves, the first `limit` of those selected, by table and id.
    ///
    /// # Errors
    ///
    /// [`Error::NoId`], [`Error::Database`] and [`Error::Connection`].
    pub async fn inspect(
        &self,
        selection: &Selection,
        limit: u32,
    ) -> Result<Vec<JobHeaders>, Error> {
        if let Some(id) = &selection.id {
            self.must_be_id(id)?;
        }
        let mut jobs = Vec::new();
        for table in &self.tables {
            // One by one: the answer is small however long rows are.
            let mut after = None;
            while jobs.len() < limit as usize {
                let page = Page {
                    after,
                    limit: ROWS_PER_PAGE.min(limit - u32::try_from(jobs.len()).unwrap_or(limit)),
                    selection: selection.clone(),
                    with_further: true,
                    ..Page::default()
                };
                let rows = self.database.rows(table, &page).await?;
                jobs.extend(rows.iter().map(|row| JobHeaders::of(table, row)));
                let Some(last) = rows.into_iter().next_back() else {
                    break;
                };
                after = Some(last.id);
            }
        }
        Ok(jobs)
    }
}

const ROWS_PER_PAGE: u32 = 32;
const MEMBERS: usize = 32;

impl JobHeaders {
    pub(crate) fn of(table: &Table, row: &Row) -> Self {
        let found = stored_form::of(&row.stored, &table.marker);
        // Beside fields, tokens within args may come before theirs.
        let mut of_args = stored_form::token(&row.stored, &table.marker).and_then(|token| {
            token_scan::head(token.as_bytes()).map(|head| (head.key_id, head.len))
        });
        let header = |place, head: token_scan::Head<'_>| TokenHeader {
            place,
            form: head.form.to_owned(),
            cipher: head.cipher.to_owned(),
            key_id: head.key_id,
            len: head.len,
        };
        let mut tokens: Vec<_> = token_scan::tokens(&row.stored)
            .map(|head| {
                let is_args = of_args
                    .take_if(|it| *it == (head.key_id, head.len))
                    .is_some();
                header(
                    if is_args {
                        Place::Args
                    } else {
                        Place::WithinArgs
                    },
                    head,
                )
            })
            .collect();
        tokens.sort_by_key(|it| it.place != Place::Args);
        for (column, value) in table.further.iter().zip(&row.further) {
            let place = || Place::Column(column.name.clone());
            tokens.extend(token_scan::tokens(value).map(|head| header(place(), head)));
        }
        Self {
            table: table.name().to_owned(),
            id: row.id.clone(),
            kind: row.kind.clone(),
            state: row.state.clone(),
            args: found.as_str(),
            len: row.stored.len(),
            tokens,
            members: match found {
                Found::Plaintext => members(&row.stored),
                _ => Vec::new(),
            },
        }
    }
}

fn members(stored: &[u8]) -> Vec<MemberHeader> {
    let object: BTreeMap<String, &RawValue> = serde_json::from_slice(stored).unwrap_or_default();
    let member = |(name, value): (String, &RawValue)| MemberHeader {
        name,
        value: type_of(value.get()),
        len: value.get().len(),
    };
    object.into_iter().take(MEMBERS).map(member).collect()
}

fn type_of(value: &str) -> &'static str {
    match value.as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}
