use std::{
    fmt::Write,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
};

use clap::Args;
use jobcrypt::{
    SecretKey,
    audit::{Chain, Checkpoint, Fault, FaultKind, Report, verify},
};
use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure, output::Output, variable_name};

#[derive(Args)]
pub(crate) struct Verify {
    /// The files of the log, oldest first; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The variable that holds the key of the chain, in base64
    #[arg(
        long,
        value_name = "NAME",
        default_value = "JOBCRYPT_AUDIT_KEY",
        conflicts_with = "without_key"
    )]
    key_from: String,

    /// Follow chains that were made without a key: they show accidents only
    #[arg(long)]
    without_key: bool,

    /// Take no offence at chains whose beginning is not here: older files were deleted
    #[arg(long)]
    older_files_are_gone: bool,

    /// A checkpoint that was kept elsewhere, and whose line must be there; may be repeated
    #[arg(long, value_name = "CHAIN:NUMBER:MAC")]
    checkpoint: Vec<Checkpoint>,
}

impl Verify {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let key = (!self.without_key).then(|| self.key()).transpose()?;
        let mut log: Box<dyn BufRead> = Box::new(io::empty());
        for file in &self.files {
            log = Box::new(log.chain(open(file)?));
        }
        let mut report = verify(log, key.as_ref(), &self.checkpoint)
            .map_err(|error| Failure::new(Exit::Failed, "the log cannot be read").because(error))?;
        if self.older_files_are_gone {
            let is_expected =
                |fault: &Fault| matches!(fault.kind, FaultKind::BeginningMissing { .. });
            report.faults.retain(|fault| !is_expected(fault));
        }
        output.result(&report, text)?;
        Ok(if report.faults.is_empty() {
            Exit::Done
        } else {
            Exit::Findings
        })
    }

    fn key(&self) -> Result<SecretKey, Failure> {
        variable_name::check("--key-from", &self.key_from, Exit::Keys)?;
        let unset = || {
            let message = format!("{} is not set, and the chain has a key", self.key_from);
            Failure::new(Exit::Keys, message)
                .next_step("set it, name another variable with --key-from, or say --without-key")
        };
        let text = Zeroizing::new(std::env::var(&self.key_from).map_err(|_| unset())?);
        SecretKey::from_base64(text.trim()).map_err(|error| {
            let message = format!("{} holds no key", self.key_from);
            Failure::new(Exit::Keys, message).because(error)
        })
    }
}

fn open(path: &PathBuf) -> Result<Box<dyn BufRead>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).map_err(|error| {
        let message = format!("{} cannot be read", path.display());
        Failure::new(Exit::Failed, message).because(error)
    })?;
    Ok(Box::new(BufReader::new(file)))
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail; the same below.
    for chain in &report.chains {
        let _ = writeln!(text, "{}", of_chain(chain));
    }
    if report.unchained > 0 && !report.is_keyed {
        let _ = writeln!(
            text,
            "{} lines are in no chain: nothing vouches for them",
            report.unchained
        );
    }
    for fault in &report.faults {
        let _ = writeln!(text, "{}", of_fault(fault));
    }
    let verdict = match (report.faults.len(), report.is_keyed) {
        (0, true) => "no line was changed, taken out, put in or moved".to_owned(),
        (0, false) => "no accident shows; without a key, a forgery would not".to_owned(),
        (1, _) => "1 fault".to_owned(),
        (faults, _) => format!("{faults} faults"),
    };
    let _ = writeln!(text, "{} lines: {verdict}", report.lines);
    text
}

fn of_chain(chain: &Chain) -> String {
    let mut text = format!(
        "chain {}: lines {} to {}",
        chain.id, chain.first, chain.last
    );
    if chain.first > 0 {
        text += ", its beginning is in older files";
    }
    if !chain.is_closed {
        text += ", not closed: still written, ended by force, or cut off";
    }
    if chain.lost > 0 {
        let _ = write!(text, ", {} events lost by its own account", chain.lost);
    }
    text
}

fn of_fault(fault: &Fault) -> String {
    let what = match &fault.kind {
        FaultKind::Altered => "changed, or written under another key".to_owned(),
        FaultKind::BeginningMissing { missing } => format!(
            "the {missing} lines of its chain before it are gone; where they were in older files, name these too, or say \
             --older-files-are-gone"
        ),
        FaultKind::CheckpointMissing { checkpoint } => {
            return format!("the line of checkpoint {checkpoint} is not there");
        }
        FaultKind::Gap { missing } => format!("{missing} lines before it are gone"),
        FaultKind::Malformed => "torn, or no line of a log".to_owned(),
        FaultKind::OutOfOrder => "repeated, or moved".to_owned(),
        FaultKind::Unchained => "in no chain: nothing vouches for it".to_owned(),
        other => format!("{other:?}"),
    };
    format!("line {}: {what}", fault.line)
}
