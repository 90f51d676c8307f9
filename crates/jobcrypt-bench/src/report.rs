use std::{fmt::Write, fs, io, path::Path};

use crate::{
    candidate::Who, comparison, machine::Machine, plot::Plot, results::Results, rounds::Length,
    table::Table, task::Operation,
};

/// Tells a person what was measured, on the terminal and in `docs/benchmarks.md`.
pub(crate) struct Report<'a> {
    machine: Machine,
    left_out: Vec<String>,
    length: Length,
    results: &'a Results,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        machine: Machine,
        left_out: Vec<String>,
        length: Length,
        results: &'a Results,
    ) -> Self {
        Self {
            machine,
            left_out,
            length,
            results,
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (what, value) in self.surroundings() {
            let _ = writeln!(text, "{what:<9} {value}");
        }
        let tables = comparison::tables(self.results);
        let first = tables.iter().map(Table::first_column).max();
        for table in tables {
            let _ = write!(text, "\n{}", table.text(first.unwrap_or_default()));
        }
        text
    }

    /// Writes the page and its plots, and returns their paths.
    pub(crate) fn write(&self) -> io::Result<Vec<String>> {
        let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
        fs::create_dir_all(docs.join("benchmarks"))?;
        let plot = |title, operation| Plot::new(title, operation, self.results).svg();
        let files = [
            ("benchmarks.md", self.page()),
            (SEAL, plot("Seal: time per job", Operation::Seal)),
            (OPEN, plot("Open: time per job", Operation::Open)),
        ];
        files
            .into_iter()
            .map(|(name, text)| {
                fs::write(docs.join(name), text)?;
                Ok(format!("docs/{name}"))
            })
            .collect()
    }

    fn page(&self) -> String {
        let mut text = INTRODUCTION.to_owned();
        let _ = write!(text, "\n![Seal]({SEAL})\n\n![Open]({OPEN})\n");
        let _ = write!(text, "\n## The figures\n\n| | |\n|---|---|\n");
        for (what, value) in self.surroundings() {
            let _ = writeln!(text, "| {what} | {value} |");
        }
        for table in comparison::tables(self.results) {
            let _ = write!(text, "\n{}", table.markdown());
        }
        text
    }

    fn surroundings(&self) -> Vec<(&str, String)> {
        let Self {
            machine,
            left_out,
            length,
            results,
        } = self;
        let mut lines = vec![
            ("date", machine.date.clone()),
            (
                "jobcrypt",
                format!("{} ({})", env!("CARGO_PKG_VERSION"), machine.commit),
            ),
            ("processor", machine.processor.clone()),
            ("system", machine.system.clone()),
            (
                "Rust",
                format!("{}, release build, no further flags", machine.rust),
            ),
        ];
        let peers = [Who::Go, Who::Python, Who::Node, Who::Hammerwork];
        lines.extend(
            peers
                .into_iter()
                .filter_map(|who| Some(("peer", results.version(who)?.to_owned()))),
        );
        lines.extend(left_out.iter().map(|line| ("left out", line.clone())));
        lines.push((
            "rounds",
            format!("{} of {} ms each", length.rounds, length.turn.as_millis()),
        ));
        lines
    }
}

const SEAL: &str = "benchmarks/seal.svg";
const OPEN: &str = "benchmarks/open.svg";

const INTRODUCTION: &str = "\
# Benchmarks

How long it takes to seal and to open the args of one job: from JSON bytes to the envelope as it is stored, and back.
jobcrypt writes format version 1 with the context bound, and draws a nonce from the operating system for each seal.

```text
cargo xtask bench            everything, six minutes; writes this page and its plots
cargo xtask bench --quick    half a minute; writes nothing
cargo xtask bench --peers    installs first what the other languages need; --peers=all builds Hammerwork too
cargo xtask bench --check    fails where a target is missed, and lists it
```

All candidates run in one program, in turns: in each round everyone is measured for a moment, one after the other. A time
is the median of its rounds. A ratio is the median of the ratios within each round, so that whatever else the machine
does slows both sides. The peers measure themselves in the same way. Figures of another day, or of another machine,
compare with none of these.

- **River's path in Go** is what River's documentation describes: a secretbox with a random nonce in front, in a
  `[]byte` field that `encoding/json` writes as base64. River Pro itself is not public.
- **Python** and **Node** put what their libraries return into the same envelope, as base64. Fernet's tokens are text
  already.
- **Hammerwork**, measured where asked for, is the encryption engine of another Rust queue, from JSON bytes to the JSON of its
  payload and back.
- **naive Rust** is the best known crates put together without a thought for speed: a `Vec`, a `String`, a `Value`.
- **limit** is what cannot be gone below: the bare primitive into a warm buffer, one copy of the envelope, and for a seal
  one nonce of the operating system.

A batch is sealed into a heap that goes on behind it, as an app's does. Where the batch is the last thing in the heap,
glibc hands its pages back after each one and fetches them anew, which can cost more than the sealing.

Two threads are worth as much as the machine has cores to spare: the last line, arithmetic alone, says how much that was.

River's throughput is that of one client on this machine which enqueues some thousand jobs, a hundred at a time, and
works them; the workers do nothing. **Share** is what is left of it with the plugin. **As long** compares with plain args
as long as the envelope: what is missing there is the arithmetic, and the rest of what is missing is the database's work on
the bytes that base64 and the token's head add to each row, in each of its versions.

None of them but jobcrypt binds the kind and the namespace, or says in the envelope which key opens it.
";
