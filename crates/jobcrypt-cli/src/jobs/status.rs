use std::{
    collections::BTreeMap, fmt::Write as _, fs, io::Write as _, path::PathBuf, time::SystemTime,
};

use clap::Args;
use jobcrypt::{
    KeyId, Keyring,
    store::{
        Count, DrainSample, Found, SafeToRemove, Selection, Status as Counted, Verified, drain_plot,
    },
};
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
    own_file,
    plural::many,
};

#[derive(Args)]
pub(crate) struct Status {
    /// Open every job as well, with the keys given; leave a key out to see whether all open without it
    #[arg(long)]
    verify: bool,

    /// Append these counts to a file, for --plot
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Draw the counts of the recorded file over time, as SVG
    #[arg(long, value_name = "FILE", requires = "record")]
    plot: Option<PathBuf>,

    /// Say of this key, too, whether it can be removed. Which one is the primary shows where keys are given
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    key: Vec<KeyId>,

    #[command(flatten)]
    store: StoreArguments,

    #[command(flatten)]
    hook: HookArguments,
}

impl Status {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        let store = self.store.store_of(&self.hook).await?;
        let counted = store.status().await.map_err(store_arguments::failure)?;
        let hook = if self.verify || self.hook.has_keys() {
            Some(self.hook.hook()?)
        } else {
            None
        };
        let verified = match &hook {
            Some(hook) if self.verify => {
                let verified = store.verify(hook, &Selection::all()).await;
                Some(verified.map_err(store_arguments::failure)?)
            }
            _ => None,
        };
        self.record(&counted)?;
        let (keyring, staged) = (hook.map(|it| it.keys().snapshot()), self.hook.staged());
        let mut keys: Vec<_> = counted.usage().into_keys().chain(self.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let verdict = |id: &KeyId| match &keyring {
            _ if staged == Some(*id) => Verdict::Staged,
            Some(keyring) => {
                Verdict::Known(counted.safe_to_remove_from(keyring, *id, verified.as_ref()))
            }
            None => Verdict::WithoutKeys(counted.safe_to_remove(*id, verified.as_ref())),
        };
        let keys: Vec<_> = keys.iter().map(|id| (*id, verdict(id))).collect();
        output.result(&document(&counted, &keys, verified.as_ref()), |_| {
            text(&counted, &keys, verified.as_ref())
        })?;
        let is_clean = counted.unreadable() == 0 && verified.is_none_or(|it| it.unreadable == 0);
        Ok(if is_clean { Exit::Done } else { Exit::Findings })
    }

    fn record(&self, counted: &Counted) -> Result<(), Failure> {
        let Some(path) = &self.record else {
            return Ok(());
        };
        let unusable = |error| {
            let message = format!("the samples in {} cannot be kept", path.display());
            Failure::new(Exit::Failed, message).because(error)
        };
        own_file::check(path, "{\"at\":")?;
        if let Some(plot) = &self.plot {
            own_file::check(plot, "<svg")?;
        }
        let line = DrainSample::new(counted, SystemTime::now()).to_line();
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .map_err(unusable)?;
        let Some(plot) = &self.plot else {
            return Ok(());
        };
        let lines = fs::read_to_string(path).map_err(unusable)?;
        let samples = DrainSample::read(&lines).map_err(store_arguments::failure)?;
        fs::write(plot, drain_plot(&samples)).map_err(|error| {
            let message = format!("{} cannot be written", plot.display());
            Failure::new(Exit::Failed, message).because(error)
        })
    }
}

/// The jobs under keys that are not at hand, where keys are.
pub(crate) fn unknown(counted: &Counted, keyring: &Keyring) -> u64 {
    counted.unknown_to(keyring).values().sum()
}

/// Whether a key can be removed, by what is known of it.
#[derive(Clone, Copy)]
enum Verdict {
    /// It is the next primary.
    Staged,
    Known(SafeToRemove),
    /// It may be the primary.
    WithoutKeys(SafeToRemove),
}

impl Verdict {
    fn is_safe(self) -> bool {
        matches!(
            self,
            Self::Known(SafeToRemove::Yes) | Self::WithoutKeys(SafeToRemove::Yes)
        )
    }

    fn reason(self) -> String {
        match self {
            Self::Staged => "no: it is staged, the next rotation makes it the primary".to_owned(),
            Self::WithoutKeys(SafeToRemove::Yes) => {
                "yes, unless it is the primary: no keys were given to tell by".to_owned()
            }
            Self::Known(safe) | Self::WithoutKeys(safe) => reason(safe),
        }
    }
}

fn reason(safe: SafeToRemove) -> String {
    match safe {
        SafeToRemove::Yes => "yes".to_owned(),
        SafeToRemove::Encrypts => "no: it is the primary, new jobs are sealed under it".to_owned(),
        SafeToRemove::CountedOnReplica => {
            "no: this is a replica, which may be behind; count in the database that is written"
                .to_owned()
        }
        SafeToRemove::StillNeeded(1) => "no: 1 token needs it".to_owned(),
        SafeToRemove::StillNeeded(tokens) => format!("no: {tokens} tokens need it"),
        SafeToRemove::MayBeNeeded(1) => {
            "no: 1 job names no key; open it without this one, by --verify".to_owned()
        }
        SafeToRemove::MayBeNeeded(jobs) => {
            format!("no: {jobs} jobs name no key; open all of them without it, by --verify")
        }
        _ => "no".to_owned(),
    }
}

fn key_of(count: &Count) -> (String, String) {
    match &count.found {
        Found::Token { cipher, key_id } => (cipher.clone(), key_id.to_string()),
        _ => (String::new(), String::new()),
    }
}

pub(crate) fn counts_text(counted: &Counted) -> String {
    let rows: Vec<_> = counted
        .counts()
        .iter()
        .map(|it| {
            let (cipher, key) = key_of(it);
            let parked = if it.is_parked { "parked" } else { "" };
            vec![
                shown(&it.table),
                shown(&it.place.as_str()),
                it.found.as_str().to_owned(),
                cipher,
                key,
                shown(&it.kind),
                shown(&it.state),
                parked.to_owned(),
                it.count.to_string(),
            ]
        })
        .collect();
    let head = [
        "table", "place", "found", "cipher", "key", "kind", "state", "", "count",
    ];
    text_table(&head, &rows)
}

fn text(counted: &Counted, keys: &[(KeyId, Verdict)], verified: Option<&Verified>) -> String {
    let usage = counted.usage();
    let rows: Vec<_> = keys
        .iter()
        .map(|(id, verdict)| {
            let tokens = usage.get(id).copied().unwrap_or(0);
            let oldest = counted.oldest(*id).unwrap_or_default().to_owned();
            vec![id.to_string(), tokens.to_string(), oldest, verdict.reason()]
        })
        .collect();
    let mut text = counts_text(counted);
    text.push('\n');
    let head = ["key", "tokens", "oldest job", "safe to remove"];
    text.push_str(&text_table(&head, &rows));
    let _ = writeln!(
        text,
        "\n{}: {} plaintext, {} legacy, {} unreadable, {} parked",
        many(counted.jobs(), "job"),
        counted.plaintext(),
        counted.legacy(),
        counted.unreadable(),
        counted.parked(),
    );
    if let Some(verified) = verified {
        let _ = writeln!(
            text,
            "{} opened, {} did not",
            verified.opened, verified.unreadable
        );
        for job in &verified.unreadable_jobs {
            let _ = writeln!(
                text,
                "  {} {} {}",
                shown(&job.id),
                shown(&job.kind),
                job.class.as_str()
            );
        }
    }
    text
}

fn document(counted: &Counted, keys: &[(KeyId, Verdict)], verified: Option<&Verified>) -> Value {
    let usage = counted.usage();
    let keys = keys.iter().map(|(id, verdict)| {
        json!({
            "key_id": id.to_string(),
            "tokens": usage.get(id).copied().unwrap_or(0),
            "oldest": counted.oldest(*id),
            "safe_to_remove": verdict.is_safe(),
            "reason": verdict.reason(),
        })
    });
    let verified = verified.map(|it| {
        let within = it.within().iter();
        let within: BTreeMap<_, _> = within.map(|(id, count)| (id.to_string(), count)).collect();
        json!({
            "opened": it.opened,
            "plaintext": it.plaintext,
            "unreadable": it.unreadable,
            "within": within,
        })
    });
    json!({
        "jobs": counted.jobs(),
        "plaintext": counted.plaintext(),
        "legacy": counted.legacy(),
        "unreadable": counted.unreadable(),
        "parked": counted.parked(),
        "keys": keys.collect::<Vec<_>>(),
        "counts": counts(counted),
        "verified": verified,
    })
}

pub(crate) fn counts(counted: &Counted) -> Vec<Value> {
    let counts = counted.counts().iter();
    counts
        .map(|it| {
            let (cipher, key) = key_of(it);
            json!({
                "table": it.table,
                "place": it.place.as_str(),
                "found": it.found.as_str(),
                "cipher": cipher,
                "key_id": key,
                "kind": it.kind,
                "state": it.state,
                "parked": it.is_parked,
                "count": it.count,
                "oldest": it.oldest,
            })
        })
        .collect()
}
