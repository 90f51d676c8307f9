use crate::{Error, Selection, Store, database::Page};

const ROWS_PER_PAGE: u32 = 500;

impl Store {
    /// Puts parked jobs back, those that are selected, as River's own retry does: they are opened again
    /// at once, and parked again if the cause is still there. Returns how many.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when no table is River's, the only queue that parks in its table; [`Error::NoId`],
    /// [`Error::Database`] and [`Error::Connection`].
    pub async fn unpark(&self, selection: &Selection) -> Result<u64, Error> {
        let mut parking = self.tables.iter().filter(|it| it.is_river).peekable();
        if parking.peek().is_none() {
            return Err(Error::Refused("jobs are parked in River's table only"));
        }
        if let Some(id) = &selection.id {
            self.must_be_id(id)?;
        }
        let mut put_back = 0;
        for table in parking {
            let mut after = None;
            loop {
                let page = Page {
                    after,
                    limit: ROWS_PER_PAGE,
                    selection: selection.clone().parked(),
                    ..Page::default()
                };
                let done = self.database.unpark(table, &page).await?;
                put_back += done.written;
                let Some(last) = done.last else {
                    break;
                };
                after = Some(last);
            }
        }
        Ok(put_back)
    }
}
