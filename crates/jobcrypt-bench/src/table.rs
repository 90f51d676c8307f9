use std::fmt::Write;

/// A table for a terminal and for a page.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) title: String,
    pub(crate) cells: Vec<Option<String>>,
}

impl Row {
    /// Whether anything was measured for it.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.iter().all(Option::is_none)
    }
}

impl Table {
    /// Returns how wide the first column has to be.
    pub(crate) fn first_column(&self) -> usize {
        let titles = self.rows.iter().map(|row| &row.title);
        let widths = titles
            .chain([&self.title])
            .map(|title| title.chars().count());
        widths.max().unwrap_or_default()
    }

    /// Writes it with aligned columns, the first of this width.
    pub(crate) fn text(&self, first: usize) -> String {
        let mut text = line(first, &self.title, self.columns.iter().map(String::as_str));
        for row in &self.rows {
            text.push_str(&line(first, &row.title, cells(row)));
        }
        text
    }

    /// Writes it as a table of Markdown under its title.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "### {}\n\n| | {} |\n|---|{}\n",
            self.title,
            self.columns.join(" | "),
            "--:|".repeat(self.columns.len())
        );
        for row in &self.rows {
            let cells: Vec<&str> = cells(row).collect();
            let _ = writeln!(text, "| {} | {} |", row.title, cells.join(" | "));
        }
        text
    }
}

const COLUMN: usize = 10;

fn cells(row: &Row) -> impl Iterator<Item = &str> {
    row.cells.iter().map(|cell| cell.as_deref().unwrap_or(""))
}

fn line<'a>(first: usize, title: &str, cells: impl Iterator<Item = &'a str>) -> String {
    let mut line = format!("  {title:first$}");
    for cell in cells {
        let _ = write!(line, "{cell:>COLUMN$}");
    }
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            title: "Seal".to_owned(),
            columns: vec!["64 B".to_owned(), "1 KiB".to_owned()],
            rows: vec![Row {
                title: "secretbox".to_owned(),
                cells: vec![Some("1.23 µs".to_owned()), None],
            }],
        }
    }

    #[test]
    fn a_terminal_gets_columns() {
        let expected = "  Seal           64 B     1 KiB\n  secretbox   1.23 µs\n";
        assert_eq!(table().text(table().first_column()), expected);
    }

    #[test]
    fn a_page_gets_markdown() {
        let expected =
            "### Seal\n\n| | 64 B | 1 KiB |\n|---|--:|--:|\n| secretbox | 1.23 µs |  |\n";
        assert_eq!(table().markdown(), expected);
    }
}
