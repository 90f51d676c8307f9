use std::ops::ControlFlow;

use crate::{
    Error, Store, Table,
    database::{Page, Row},
    page_size::PageSize,
};

const ROWS_PER_PAGE: u32 = 500;

impl Store {
    /// Hands over the rows that `page` narrows one by one, in pages that fit the memory whatever its limit, until `look`
    /// has seen enough. Returns what it broke off with.
    pub(crate) async fn each_row<B: Send>(
        &self,
        table: &Table,
        mut page: Page<'_>,
        mut look: impl FnMut(&Row) -> ControlFlow<B> + Send,
    ) -> Result<Option<B>, Error> {
        let mut size = PageSize::new(ROWS_PER_PAGE);
        loop {
            page.limit = size.next();
            let rows = self.database.rows(table, &page).await?;
            size.met_row_of(rows.iter().map(Row::len).max().unwrap_or(0));
            if let ControlFlow::Break(found) = rows.iter().try_for_each(&mut look) {
                return Ok(Some(found));
            }
            let Some(last) = rows.into_iter().next_back() else {
                return Ok(None);
            };
            page.after = Some(last.id);
        }
    }
}
