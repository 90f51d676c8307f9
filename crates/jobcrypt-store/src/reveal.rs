use jobcrypt_core::{AuditEvent, AuditSink, EncryptHook, JobContext};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    Error, Selection, Store, Table,
    database::{Page, Row},
};

impl Store {
    /// Opens the args of one job for an operator, and returns them as JSON, with a note in the place of
    /// each value that `redact` points to, in the notation of JSON Pointer: `/card/pan`.
    ///
    /// `audit` is told first; where it fails, nothing is shown.
    ///
    /// # Errors
    ///
    /// [`Error::NoJob`], [`Error::Audit`], [`Error::Hook`] when the job does not open, [`Error::Refused`]
    /// when something is to be redacted and is not there, [`Error::Database`] and [`Error::Connection`].
    pub async fn reveal(
        &self,
        hook: &EncryptHook,
        id: &str,
        redact: &[String],
        audit: &dyn AuditSink,
    ) -> Result<Zeroizing<String>, Error> {
        let (table, row) = self.job(id).await?;
        let event = AuditEvent::JobRevealed {
            table: table.name(),
            job: &row.id,
            kind: &row.kind,
        };
        event.trace();
        audit.record_first(&[event]).map_err(Error::Audit)?;
        let opened = hook.open_bytes(&JobContext::new(&row.kind), &row.stored)?;
        let json = opened.map_or_else(|| row.stored.clone(), Zeroizing::new);
        redacted(&json, redact)
    }

    async fn job(&self, id: &str) -> Result<(&Table, Row), Error> {
        for table in &self.tables {
            let page = Page {
                limit: 1,
                selection: Selection::job(id),
                ..Page::default()
            };
            if let Some(row) = self.database.rows(table, &page).await?.pop() {
                return Ok((table, row));
            }
        }
        Err(Error::NoJob(id.to_owned()))
    }
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
        let json = br#"{"card":{"pan":"4111"},"to":"ada"}"#;
        let text = redacted(json, &["/card/pan".to_owned()]).expect("it is there");
        assert_eq!(&**text, r#"{"card":{"pan":"[redacted]"},"to":"ada"}"#);
        assert!(redacted(json, &["/card/pam".to_owned()]).is_err());
        let whole = redacted(json, &[]).expect("it is JSON");
        assert_eq!(whole.as_bytes(), json);
    }
}
