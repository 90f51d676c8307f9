/// Aligns rows under a head, numbers to the right.
pub(crate) fn text_table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(head[column].len())
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let head = head.iter().map(ToString::to_string).collect();
    let mut text = String::new();
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let is_number = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
            let padding = " ".repeat(width - cell.chars().count());
            let (before, behind) = if is_number {
                (&*padding, "")
            } else {
                ("", &*padding)
            };
            line.extend([before, cell, behind, "  "]);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A kind or an id comes from a row that others may write: nothing in it moves the cursor.
pub(crate) fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}
