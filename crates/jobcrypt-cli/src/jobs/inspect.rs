use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use jobcrypt::{
    audit::JsonLines,
    store::{JobHeaders, Reveal, Revealed, Store},
};
use serde_json::{Value, json};

use crate::{
    audit_file,
    exit::Exit,
    failure::Failure,
    hook_arguments::HookArguments,
    jobs::{
        store_arguments::{self, SelectionArguments, StoreArguments},
        text_table::{shown, text_table},
    },
    output::Output,
};

#[derive(Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    selection: SelectionArguments,

    /// How many jobs to show at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    /// Decrypt the job of --id and print its args, its output and its errors
    #[arg(long, requires_all = ["id", "audit"])]
    reveal: bool,

    /// The name of a value that an app sealed by itself, to print it too
    #[arg(long, value_name = "NAME", requires = "reveal")]
    value: Vec<String>,

    /// A value of the args not to show, as a JSON Pointer: /card/pan. Then nothing but the args is shown
    #[arg(long, value_name = "POINTER", requires = "reveal")]
    redact: Vec<String>,

    /// The file that is told who revealed what, first
    #[arg(long, value_name = "FILE", requires = "reveal")]
    audit: Option<PathBuf>,

    #[command(flatten)]
    store: StoreArguments,

    #[command(flatten)]
    hook: HookArguments,
}

impl Inspect {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        let store = self.store.store_of(&self.hook).await?;
        if let (true, Some(id), Some(audit)) = (self.reveal, self.selection.id(), &self.audit) {
            let audit = audit_file::open(audit)?;
            return self.reveal(&store, id, &audit, output).await;
        }
        let jobs = store
            .inspect(&self.selection.selection(), self.limit)
            .await
            .map_err(store_arguments::failure)?;
        if let (true, Some(id)) = (jobs.is_empty(), self.selection.id()) {
            let error = jobcrypt::store::Error::NoJob(id.to_owned());
            return Err(store_arguments::failure(error));
        }
        if jobs.is_empty() {
            self.selection.look_for_kind(&store).await?;
        }
        let document: Vec<_> = jobs.iter().map(document).collect();
        output.result(&document, |_| text(&jobs))?;
        Ok(Exit::Done)
    }

    async fn reveal(
        &self,
        store: &Store,
        id: &str,
        audit: &JsonLines,
        output: &Output,
    ) -> Result<Exit, Failure> {
        let hook = self.hook.hook()?;
        let reveal = self.redact.iter().fold(Reveal::job(id), Reveal::redact);
        let reveal = self.value.iter().fold(reveal, Reveal::value);
        let revealed = store
            .reveal(&hook, &reveal, audit)
            .await
            .map_err(store_arguments::failure)?;
        let tokens = revealed.tokens.iter().map(|token| {
            json!({
                "place": token.place.as_str(),
                "purpose": token.purpose.as_str(),
                "name": token.name,
                "json": &**token.json,
            })
        });
        let document = json!({
            "id": id,
            "args": &**revealed.args,
            "tokens": tokens.collect::<Vec<_>>(),
        });
        output.result(&document, |_| revealed_text(&revealed))?;
        Ok(Exit::Done)
    }
}

fn revealed_text(revealed: &Revealed) -> String {
    let mut text = format!("{}\n", *revealed.args);
    for token in &revealed.tokens {
        let (place, purpose) = (shown(&token.place.as_str()), token.purpose.as_str());
        let name = shown(&token.name);
        let _ = writeln!(text, "{place}, {purpose} {name}: {}", *token.json);
    }
    text
}

pub(crate) fn document(job: &JobHeaders) -> Value {
    let tokens = job.tokens.iter().map(|token| {
        json!({
            "place": token.place.as_str(),
            "form": token.form,
            "cipher": token.cipher,
            "key_id": token.key_id.to_string(),
            "length": token.len,
        })
    });
    let members = job
        .members
        .iter()
        .map(|it| json!({"name": it.name, "value": it.value, "length": it.len}));
    json!({
        "table": job.table,
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "args": job.args,
        "length": job.len,
        "tokens": tokens.collect::<Vec<_>>(),
        "members": members.collect::<Vec<_>>(),
    })
}

pub(crate) fn text(jobs: &[JobHeaders]) -> String {
    if jobs.is_empty() {
        return "no job is like that\n".to_owned();
    }
    let mut rows = Vec::new();
    for job in jobs {
        let head = [&job.id, &job.kind, &job.state].map(|it| shown(it));
        let line = |rest: [String; 5]| head.iter().cloned().chain(rest).collect::<Vec<_>>();
        if job.tokens.is_empty() {
            let (args, len) = (job.args.to_owned(), job.len.to_string());
            rows.push(line([
                args,
                String::new(),
                String::new(),
                String::new(),
                len,
            ]));
        }
        for token in &job.tokens {
            rows.push(line([
                token.form.clone(),
                shown(&token.place.as_str()),
                token.cipher.clone(),
                token.key_id.to_string(),
                token.len.to_string(),
            ]));
        }
    }
    let head = [
        "id", "kind", "state", "form", "place", "cipher", "key", "bytes",
    ];
    text_table(&head, &rows)
}
