use std::fmt::Write;

use jobcrypt_testkit::Behaviour;

use crate::queues::Columns;

/// Returns the page of the documentation.
pub(crate) fn of(columns: &Columns) -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut row = |first: &str, cells: &mut dyn Iterator<Item = &str>| {
        // Writing to a string cannot fail.
        let _ = write!(page, "| {first} |");
        for cell in cells {
            let _ = write!(page, " {cell} |");
        }
        page.push('\n');
    };
    row("", &mut columns.keys().map(String::as_str));
    row("---", &mut columns.keys().map(|_| "---"));
    for behaviour in Behaviour::ALL {
        let behaviour = behaviour.to_string();
        let cell = |cells: &'_ std::collections::BTreeMap<String, String>| {
            cells.get(&behaviour).cloned().unwrap_or_default()
        };
        let cells: Vec<String> = columns.values().map(cell).collect();
        row(&behaviour, &mut cells.iter().map(String::as_str));
    }
    page.push('\n');
    page.push_str(THE_WAY_BACK);
    page
}

/// Reads the columns of a page that [`of`] has written.
pub(crate) fn columns(page: &str) -> Columns {
    let mut rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").map(str::trim));
    let Some(head) = rows.next() else {
        return Columns::new();
    };
    let queues: Vec<&str> = head.skip(1).collect();
    let mut columns: Columns = queues
        .iter()
        .map(|queue| ((*queue).to_owned(), [].into()))
        .collect();
    for mut row in rows.skip(1) {
        let behaviour = row.next().unwrap_or_default();
        for (queue, cell) in queues.iter().zip(row) {
            if let Some(column) = columns.get_mut(*queue) {
                column.insert(behaviour.to_owned(), cell.to_owned());
            }
        }
    }
    columns
}

const INTRODUCTION: &str = "\
# Queues

What each queue does with sealed jobs. One suite, `jobcrypt_testkit::queue_conformance`, asks every queue the same, each on its
real engine, in every run of the tests, which compares this page with what it finds; `cargo xtask queues` writes it. Where a
queue cannot do something, its test says why, and the suite fails if it can after all.

For the last row, jobs in every state that the queue has lie in one store, each with a text of its own in its args, worked ones
also in their results. Then PostgreSQL is dumped by `pg_dump`, Redis by itself; SQLite's files, NATS's and RabbitMQ's are read as
they are, and NATS's streams besides. None of those texts may be there, neither as it is nor in hexadecimal digits, base64 or
the escapes of JSON; the args of a readable job must.

";

const THE_WAY_BACK: &str = "\
## The way back

A parked job stays, whole, until somebody puts it back. Once the cause is mended, this does; the suite uses the same, and a job
that is put back too early is parked again.

- River: its own retry, by `client.jobs().retry(id)` or in its web interface; `jobcrypt jobs unpark` does it for all.
  [Failures](failures.md#parked-jobs) says how to find them.
- Sidekiq: `ParkedJobs::put_back` and `put_back_all` of the adapter; what was moved to the dead set comes back by Sidekiq's dashboard.
- apalis: a statement of SQL on SQLite and PostgreSQL, two commands on Redis, in
  [the README](../crates/jobcrypt-apalis/README.md#jobs-that-cannot-be-opened).
- graphile_worker: its function `reschedule_jobs`, in
  [the README](../crates/jobcrypt-graphile-worker/README.md#jobs-that-cannot-be-opened).
- The queues on raw brokers, and the one in memory: `put_back` of each example. By SQL it is one statement; on Redis
  Streams a script claims the parked ids for a worker that is none; on NATS JetStream and RabbitMQ a job is published anew, and only
  then leaves the parked ones.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_it_was_written() {
        let behaviour = Behaviour::Results.to_string();
        let mut all = Columns::new();
        for (queue, cell) in [("one", "passes"), ("two", "not possible: it keeps none")] {
            let cells = Behaviour::ALL.map(|row| (row.to_string(), cell.to_owned()));
            all.insert(queue.to_owned(), cells.into());
        }
        let page = of(&all);
        assert!(page.contains("|  | one | two |\n| --- |"), "{page}");
        let row = format!("| {behaviour} | passes | not possible: it keeps none |");
        assert!(page.contains(&row), "{page}");
        assert_eq!(columns(&page), all);
        assert_eq!(of(&columns(&page)), page);
    }
}
