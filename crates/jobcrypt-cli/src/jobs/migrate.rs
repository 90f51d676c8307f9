use std::{fmt::Write, path::PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use jobcrypt::store::{Error, MigrateOptions, Progress, Report, Selection, Stop, Store, Unsealed};
use serde_json::{Value, json};

use crate::{
    audit_file,
    exit::Exit,
    failure::Failure,
    hook_arguments::HookArguments,
    jobs::{
        inspect, interrupt, status,
        store_arguments::{self, StoreArguments},
        text_table::{shown, text_table},
    },
    output::Output,
    plural::many,
};

#[derive(Args)]
pub(crate) struct Migrate {
    /// Write nothing
    #[arg(long)]
    dry_run: bool,

    /// How many rows to look at in a second, at most
    #[arg(long, value_name = "ROWS")]
    rate: Option<f64>,

    /// How many rows to move at a time
    #[arg(long, value_name = "ROWS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,

    /// Move jobs of this kind only
    #[arg(long)]
    kind: Option<String>,

    /// A name that the kind had when its jobs were sealed
    #[arg(long, value_name = "OLD", requires = "kind")]
    kind_was: Vec<String>,

    /// The name of a value that an app sealed by itself, to move it too; every job is opened to look for it
    #[arg(long, value_name = "NAME")]
    value: Vec<String>,

    /// Where jobs go: to the primary, or out of encryption
    #[arg(long, value_enum, default_value_t = Goal::Primary)]
    to: Goal,

    /// Seal also what names no key: shows what that is, and does it with --yes
    #[arg(long, requires_all = ["up_to_id", "audit"], conflicts_with = "kind_was")]
    seal_plaintext: bool,

    /// The last job that --seal-plaintext may trust
    #[arg(long, value_name = "ID", requires = "seal_plaintext")]
    up_to_id: Option<String>,

    /// The file that is told of each job that --seal-plaintext seals, first
    #[arg(long, value_name = "FILE", requires = "seal_plaintext")]
    audit: Option<PathBuf>,

    /// Seal what --seal-plaintext has shown
    #[arg(long, requires = "seal_plaintext")]
    yes: bool,

    #[command(flatten)]
    store: StoreArguments,

    #[command(flatten)]
    hook: HookArguments,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Goal {
    Primary,
    Plaintext,
}

impl Migrate {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        self.must_go_one_way()?;
        let store = self.store.store_of(&self.hook).await?;
        let hook = self.hook.hook()?;
        let stop = Stop::default();
        let mut options = self.options(&stop);
        if let (Some(up_to_id), Some(audit)) = (&self.up_to_id, &self.audit) {
            if !self.yes && !self.dry_run {
                return self.ask_for_consent(&store, up_to_id, output).await;
            }
            options = options.seal_plaintext(up_to_id, audit_file::open(audit)?);
        }
        let interrupt = interrupt::stop_at_signal(stop);
        let bar = progress_bar(output);
        let report = store
            .migrate(&hook, &options, &mut |progress| show(&bar, progress))
            .await;
        interrupt.abort();
        bar.finish_and_clear();
        let report = report.map_err(|error| {
            let is_lost = matches!(error, Error::Connection(_));
            let failure = store_arguments::failure(error);
            if !is_lost {
                return failure;
            }
            failure.next_step("what was moved stays moved; the same command goes on from there")
        })?;
        store_arguments::warn_of_kind(self.kind.as_deref(), &report.status);
        let unknown = status::unknown(&report.status, &hook.keys().snapshot());
        let left_unsealed = match self.to {
            Goal::Primary => report.status.plaintext() + report.status.legacy(),
            Goal::Plaintext => 0,
        };
        output.result(&document(&report, unknown), |_| {
            self.text(&report, unknown, left_unsealed)
        })?;
        Ok(self.exit(&report))
    }

    /// Out of encryption there is nothing to seal and nothing to rename.
    fn must_go_one_way(&self) -> Result<(), Failure> {
        let others = [
            (self.seal_plaintext, "--seal-plaintext"),
            (!self.kind_was.is_empty(), "--kind-was"),
            (!self.value.is_empty(), "--value"),
        ];
        let other = others.iter().find(|(is_given, _)| *is_given);
        let (Goal::Plaintext, Some((_, other))) = (self.to, other) else {
            return Ok(());
        };
        let message = format!("--to plaintext opens the args of jobs, and {other} is not for that");
        Err(Failure::new(Exit::Usage, message).next_step("give one of the two"))
    }

    fn options(&self, stop: &Stop) -> MigrateOptions {
        let mut options = MigrateOptions::new().page(self.page).stop(stop.clone());
        if let Some(rate) = self.rate {
            options = options.rate(rate);
        }
        if self.dry_run {
            options = options.dry_run();
        }
        if let Some(kind) = &self.kind {
            options = options.kind(kind);
        }
        if self.to == Goal::Plaintext {
            options = options.to_plaintext();
        }
        let options = self.value.iter().fold(options, MigrateOptions::value);
        self.kind_was.iter().fold(options, MigrateOptions::kind_was)
    }

    async fn ask_for_consent(
        &self,
        store: &Store,
        up_to_id: &str,
        output: &Output,
    ) -> Result<Exit, Failure> {
        let mut selection = Selection::all().up_to_id(up_to_id);
        if let Some(kind) = &self.kind {
            selection = selection.kind(kind);
        }
        let unsealed = store.unsealed(&selection).await;
        let unsealed = unsealed.map_err(store_arguments::failure)?;
        let samples: Vec<_> = unsealed.samples.iter().map(inspect::document).collect();
        let counts: Vec<_> = unsealed
            .counts
            .iter()
            .map(|((kind, found), count)| json!({"kind": kind, "found": found, "count": count}))
            .collect();
        output.result(&json!({"unsealed": counts, "samples": samples}), |_| {
            unsealed_text(&unsealed)
        })?;
        Err(Failure::new(
            Exit::Refused,
            "nothing was sealed: who vouches for these jobs?",
        )
        .next_step(
            "look at the samples; once sealed, a planted job is a trusted one. Then add --yes",
        ))
    }

    fn exit(&self, report: &Report) -> Exit {
        if report.is_interrupted {
            Exit::Interrupted
        } else if report.unreadable + report.unstorable > 0 || (report.left > 0 && !self.dry_run) {
            Exit::Findings
        } else {
            Exit::Done
        }
    }

    fn text(&self, report: &Report, unknown: u64, left_unsealed: u64) -> String {
        let mut text = status::counts_text(&report.status);
        if report.is_interrupted {
            text.push_str(
                "\ninterrupted; what was moved stays moved, and the same command goes on from here\n",
            );
        }
        let _ = writeln!(
            text,
            "\n{} moved, {} of them named no key before; {} left; {} could not be opened; {} under keys that are not at hand",
            report.migrated,
            report.sealed,
            report.left,
            report.unreadable,
            many(unknown, "token"),
        );
        if report.further + report.left_within > 0 {
            let _ = writeln!(
                text,
                "outputs, errors and values: {} moved; {} left, {}",
                many(report.further, "column"),
                many(report.left_within, "token"),
                self.why_left()
            );
        }
        if left_unsealed > 0 {
            let _ = writeln!(
                text,
                "{} no key and stay as they are: --seal-plaintext shows them",
                if left_unsealed == 1 {
                    "1 names".to_owned()
                } else {
                    format!("{left_unsealed} name")
                }
            );
        }
        for job in &report.unreadable_jobs {
            let class = job.class.as_str();
            text.push_str(&line(&job.table, &job.id, &job.kind, class));
        }
        if report.unstorable > 0 {
            let _ = writeln!(
                text,
                "{} stay as they are, since the database refuses what they would become:",
                report.unstorable
            );
        }
        for job in &report.unstorable_jobs {
            text.push_str(&line(&job.table, &job.id, &job.kind, &job.why));
        }
        text
    }

    /// What the tokens are that are not moved though they stand in the table.
    fn why_left(&self) -> &'static str {
        if self.to == Goal::Plaintext {
            "which stay sealed: --to plaintext opens the args alone, so keep their keys"
        } else if self.kind_was.is_empty() {
            "of values whose name --value was not given, in bound fields, or of jobs that are left"
        } else {
            "some of which may be bound to the former kind: they do not move, and do not open under the new one"
        }
    }
}

fn line(table: &str, id: &str, kind: &str, why: &str) -> String {
    let [table, id, kind] = [table, id, kind].map(shown);
    format!("  {table} {id} {kind} {why}\n")
}

/// Draws on a terminal only, and on standard error.
fn progress_bar(output: &Output) -> ProgressBar {
    if !output.is_for_people() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len}, {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.migrated);
    let left = progress
        .time_left()
        .map_or_else(String::new, |it| format!(", {} s left", it.as_secs()));
    bar.set_message(format!("{:.0} a second{left}", progress.rate()));
}

fn unsealed_text(unsealed: &Unsealed) -> String {
    let row = |((kind, found), count): (&(String, &str), &u64)| {
        vec![shown(kind), (*found).to_owned(), count.to_string()]
    };
    let rows: Vec<_> = unsealed.counts.iter().map(row).collect();
    let counts = text_table(&["kind", "found", "count"], &rows);
    let mut text = format!("{counts}\n{}", inspect::text(&unsealed.samples));
    for job in &unsealed.samples {
        if !job.members.is_empty() {
            let _ = write!(text, "\n{} {} holds", shown(&job.table), shown(&job.id));
        }
        for (at, member) in job.members.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(
                text,
                "{comma} {} ({}, {} bytes)",
                shown(&member.name),
                member.value,
                member.len
            );
        }
    }
    text.push_str("\n\nvalues: `jobcrypt jobs inspect --id ID --reveal --audit FILE`\n");
    text
}

fn document(report: &Report, unknown: u64) -> Value {
    let unreadable = report.unreadable_jobs.iter().map(
        |it| json!({"table": it.table, "id": it.id, "kind": it.kind, "class": it.class.as_str()}),
    );
    let unstorable = report
        .unstorable_jobs
        .iter()
        .map(|it| json!({"table": it.table, "id": it.id, "kind": it.kind, "why": it.why}));
    json!({
        "scanned": report.scanned,
        "migrated": report.migrated,
        "sealed": report.sealed,
        "raced": report.raced,
        "left": report.left,
        "further": report.further,
        "left_within": report.left_within,
        "unreadable": report.unreadable,
        "unreadable_jobs": unreadable.collect::<Vec<_>>(),
        "unstorable": report.unstorable,
        "unstorable_jobs": unstorable.collect::<Vec<_>>(),
        "unknown_key": unknown,
        "interrupted": report.is_interrupted,
        "counts": status::counts(&report.status),
    })
}
