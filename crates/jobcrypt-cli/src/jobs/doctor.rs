use clap::Args;
use jobcrypt::store::Finding;
use serde_json::{Value, json};

use crate::{
    exit::Exit,
    failure::Failure,
    hook_arguments::HookArguments,
    jobs::{
        store_arguments::{self, StoreArguments},
        text_table::{shown, text_table},
    },
    output::Output,
};

#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    store: StoreArguments,

    #[command(flatten)]
    hook: HookArguments,
}

impl Doctor {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        let store = self.store.store_of(&self.hook).await?;
        let findings = store.doctor(&self.hook.hook()?).await;
        let findings = findings.map_err(store_arguments::failure)?;
        let document: Vec<_> = findings.iter().map(document).collect();
        output.result(&document, |_| text(&findings))?;
        Ok(if findings.is_empty() {
            Exit::Done
        } else {
            Exit::Findings
        })
    }
}

fn document(finding: &Finding) -> Value {
    json!({
        "table": finding.table,
        "kind": finding.kind,
        "leak": finding.leak.as_str(),
        "jobs": finding.jobs,
        "first": finding.first,
        "next_step": finding.leak.next_step(),
    })
}

fn text(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "nothing found\n".to_owned();
    }
    let row = |it: &Finding| {
        vec![
            shown(&it.table),
            shown(&it.kind),
            it.leak.as_str().to_owned(),
            it.jobs.to_string(),
            shown(&it.first),
            it.leak.next_step().to_owned(),
        ]
    };
    let rows: Vec<_> = findings.iter().map(row).collect();
    text_table(
        &["table", "kind", "leak", "jobs", "first", "what to do"],
        &rows,
    )
}
