use jobcrypt_core::{AuditEvent, AuditSink, EncryptHook, JobContext, Purpose};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    Error, Place, Selection, Store, Table,
    contexts_within::contexts_within,
    database::{Page, Row},
};

/// Which job [`Store::reveal`] opens, and what of it.
///
/// ```
/// use jobcrypt_store::Reveal;
///
/// let reveal = Reveal::job("4711").redact("/card/pan");
/// # let _ = reveal;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Reveal {
    id: String,
    redact: Vec<String>,
    values: Vec<String>,
}

/// What a job holds, opened for an operator. It has no `Debug`.
#[non_exhaustive]
pub struct Revealed {
    /// The args, as JSON.
    pub args: Zeroizing<String>,
    /// What tokens in the args and in further columns hold: outputs, errors, values whose name was given. None where
    /// something was redacted, which might stand there again.
    pub tokens: Vec<RevealedToken>,
}

/// What a token holds.
#[non_exhaustive]
pub struct RevealedToken {
    /// Where in the row it stands.
    pub place: Place,
    /// What it is for.
    pub purpose: Purpose,
    /// The name of a single value, otherwise empty.
    pub name: String,
    /// What it holds, as JSON.
    pub json: Zeroizing<String>,
}

impl Reveal {
    /// All of the job of this id.
    pub fn job(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            redact: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Puts a note in the place of a value of the args, named in the notation of JSON Pointer: `/card/pan`.
    pub fn redact(mut self, pointer: impl Into<String>) -> Self {
        self.redact.push(pointer.into());
        self
    }

    /// Opens a single value that an app [sealed](jobcrypt_core::Sealed) itself under this name.
    pub fn value(mut self, name: impl Into<String>) -> Self {
        self.values.push(name.into());
        self
    }
}

impl Store {
    /// Opens one job for an operator: its args, its output and the errors of its attempts.
    ///
    /// `audit` is told first; where it fails, nothing is shown.
    ///
    /// # Errors
    ///
    /// [`Error::NoJob`], [`Error::NoId`], [`Error::Audit`], [`Error::Hook`] when the job does not open, [`Error::Refused`]
    /// when something is to be redacted and is not there, [`Error::Database`] and [`Error::Connection`].
    pub async fn reveal(
        &self,
        hook: &EncryptHook,
        reveal: &Reveal,
        audit: &dyn AuditSink,
    ) -> Result<Revealed, Error> {
        self.must_be_id(&reveal.id)?;
        let (table, row) = self.job(&reveal.id).await?;
        let event = AuditEvent::JobRevealed {
            table: table.name(),
            job: &row.id,
            kind: &row.kind,
        };
        event.trace();
        audit.record_first(&[event]).map_err(Error::Audit)?;
        let opened = hook.open_bytes(&JobContext::new(&row.kind), &row.stored)?;
        let json = opened.map_or_else(|| row.stored.clone(), Zeroizing::new);
        Ok(Revealed {
            args: redacted(&json, &reveal.redact)?,
            tokens: if reveal.redact.is_empty() {
                tokens(hook, table, &row, &json, &reveal.values)
            } else {
                Vec::new()
            },
        })
    }

    async fn job(&self, id: &str) -> Result<(&Table, Row), Error> {
        for table in &self.tables {
            let page = Page {
                limit: 1,
                selection: Selection::job(id),
                with_further: true,
                ..Page::default()
            };
            if let Some(row) = self.database.rows(table, &page).await?.pop() {
                return Ok((table, row));
            }
        }
        Err(Error::NoJob(id.to_owned()))
    }
}

fn tokens(
    hook: &EncryptHook,
    table: &Table,
    row: &Row,
    args: &[u8],
    values: &[String],
) -> Vec<RevealedToken> {
    let contexts = contexts_within(&row.kind, values);
    let columns = table.further.iter().zip(&row.further);
    let further = columns.map(|(column, text)| (Place::Column(column.name.clone()), &text[..]));
    let places = std::iter::once((Place::WithinArgs, args)).chain(further);
    let opened = places.flat_map(|(place, text)| {
        let opened = hook.open_tokens(&contexts, text);
        opened.into_iter().map(move |it| (place.clone(), it))
    });
    opened
        .map(|(place, (context, json))| RevealedToken {
            place,
            purpose: context.purpose(),
            name: context.detail().to_owned(),
            json: Zeroizing::new(String::from_utf8_lossy(&json).into_owned()),
        })
        .collect()
}

const REDACTED: &str = "[redacted]";

fn redacted(json: &[u8], pointers: &[String]) -> Result<Zeroizing<String>, Error> {
    let no_json = |()| Error::Refused("the args are no JSON in UTF-8, and are not shown");
    if pointers.is_empty() {
        let text = std::str::from_utf8(json).map_err(|_| ());
        return text
            .map(|text| Zeroizing::new(text.to_owned()))
            .map_err(no_json);
    }
    let mut value: Value = serde_json::from_slice(json).map_err(|_| no_json(()))?;
    let mut missed = false;
    for pointer in pointers {
        match value.pointer_mut(pointer) {
            Some(place) => wipe(std::mem::replace(place, Value::from(REDACTED))),
            None => missed = true,
        }
    }
    let text = Zeroizing::new(value.to_string());
    wipe(value);
    // A pointer that misses may be misspelt, and would show what it was to hide.
    if missed {
        return Err(Error::Refused(
            "a value that is to be redacted is not there; nothing is shown",
        ));
    }
    Ok(text)
}

fn wipe(value: Value) {
    match value {
        Value::String(mut text) => text.zeroize(),
        Value::Array(values) => values.into_iter().for_each(wipe),
        Value::Object(values) => values.into_iter().for_each(|(_, value)| wipe(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redacted_value_is_hidden_and_a_pointer_that_misses_shows_nothing() {
        let json = br#"{"card":{"pan":"41111111"},"to":"ada"}"#;
        let text = redacted(json, &["/card/pan".to_owned()]).expect("it is there");
        assert_eq!(&**text, r#"{"card":{"pan":"[redacted]"},"to":"ada"}"#);
        assert!(redacted(json, &["/card/pam".to_owned()]).is_err());
        let whole = redacted(json, &[]).expect("it is JSON");
        assert_eq!(whole.as_bytes(), json);
    }
}
