use std::{error::Error, fmt::Display, iter, time::Duration};

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};

use crate::{job_file::FileJob, kinds, tally::Tally};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const PLAIN: Style = Style::new();
const SEALED: Style = AnsiColor::Cyan.on_default();

/// A line has 80 columns; this is what a sample's text has of them.
const SAMPLE: usize = 80 - 3 - 13 - 2 - 6 - 2;

pub(crate) fn title(database: &str, jobs: &[FileJob]) {
    let sizes = || jobs.iter().map(|job| job.args.get().len());
    println!(
        "{BOLD}jobcrypt quickstart{BOLD:#}: River on {database}, {} jobs of {} kinds, {} B to {} KiB",
        jobs.len(),
        kinds::ALL.len(),
        sizes().min().unwrap_or_default(),
        sizes().max().unwrap_or_default() / 1024,
    );
}

pub(crate) fn act(number: u8, text: impl Display) {
    println!("\n{BOLD}{number}. {text}{BOLD:#}");
}

/// Something that was checked and is so.
pub(crate) fn holds(text: impl Display) {
    println!("   {GOOD}✓{GOOD:#} {text}");
}

pub(crate) fn break_line() {
    println!();
}

/// Says what is wrong, down to the cause.
pub(crate) fn failure(error: &(dyn Error + 'static)) {
    let causes: Vec<String> = iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect();
    eprintln!("{BAD}error:{BAD:#} {}", causes.join(": "));
}

/// The args of one job, in the database and in the worker.
pub(crate) fn sample(kind: &str, is_sealed: bool, stored: &str, seen: &str) {
    let style = if is_sealed { SEALED } else { PLAIN };
    let (stored, seen) = (cut(stored, SAMPLE), cut(seen, SAMPLE));
    println!("   {kind:13}  {DIM}stored{DIM:#}  {style}{stored}{style:#}");
    println!("   {:13}  {DIM}worker{DIM:#}  {seen}", "");
}

pub(crate) fn tally(tally: &Tally) {
    println!(
        "\n   {DIM}{:17}  {:22}  {:>6}  {:>6}{DIM:#}",
        "sealed with", "key id", "left", "worked"
    );
    let (readable, sealed): (Vec<_>, Vec<_>) = tally.iter().partition(|(key, _)| key.is_none());
    for (key, count) in sealed.into_iter().chain(readable) {
        let (cipher, id) = key
            .as_ref()
            .map_or(("(readable)", ""), |key| (&key.cipher, &key.id));
        println!(
            "   {cipher:17}  {SEALED}{id:22}{SEALED:#}  {:>6}  {:>6}",
            count.left, count.worked
        );
    }
}

pub(crate) fn done(took: Duration) {
    println!("\nDone in {:.1} seconds.", took.as_secs_f64());
}

pub(crate) fn kept(text: impl Display) {
    println!("\n{DIM}{text}{DIM:#}");
}

/// Cuts to `width` columns of a terminal. Letters behind U+1100 may take two, and are reckoned so.
fn cut(text: &str, width: usize) -> String {
    let columns = |letter: char| if letter < '\u{1100}' { 1 } else { 2 };
    if text.chars().map(columns).sum::<usize>() <= width {
        return text.to_owned();
    }
    let mut room = width - 1;
    let mut short: String = text
        .chars()
        .take_while(|letter| {
            let fits = columns(*letter) <= room;
            room = room.saturating_sub(columns(*letter));
            fits
        })
        .collect();
    short.push('…');
    short
}
