use std::{collections::BTreeMap, ops::ControlFlow};

use crate::{
    Error, JobHeaders, Selection, Store,
    database::{Page, Row},
};

/// Jobs without a token that names a key: what somebody decides about who seals them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Unsealed {
    /// How many there are, by kind and by what the args are: `plaintext`, `legacy` or `unreadable`.
    pub counts: BTreeMap<(String, &'static str), u64>,
    /// The first of each.
    pub samples: Vec<JobHeaders>,
}

const SAMPLES: u64 = 3;

impl Store {
    /// Counts the selected jobs that name no key and takes samples of them, before
    /// [`MigrateOptions::seal_plaintext`](crate::MigrateOptions::seal_plaintext) seals them.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for a limit that is no id, [`Error::Database`] and [`Error::Connection`].
    pub async fn unsealed(&self, selection: &Selection) -> Result<Unsealed, Error> {
        if let Some(limit) = &selection.up_to_id {
            self.check_limit(limit)?;
        }
        let mut unsealed = Unsealed::default();
        for table in &self.tables {
            let page = Page {
                selection: selection.clone(),
                ..Page::default()
            };
            let note = |row: &Row| {
                unsealed.note(JobHeaders::of(table, row));
                ControlFlow::<()>::Continue(())
            };
            self.each_row(table, page, note).await?;
        }
        Ok(unsealed)
    }
}

impl Unsealed {
    fn note(&mut self, job: JobHeaders) {
        if job.args == "sealed" {
            return;
        }
        let count = self.counts.entry((job.kind.clone(), job.args)).or_default();
        *count += 1;
        if *count <= SAMPLES {
            self.samples.push(job);
        }
    }
}
