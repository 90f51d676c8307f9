use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::Mode;
use serde::Serialize;

use crate::{
    FileError, KeyRepository, KeyState, Layout, Snapshot,
    disk::{ARCHIVE, TEMPORARY},
    folder::Folder,
    guarded_file::Guard,
    keystone, native, soundness,
};

/// Something about a repository that someone should look at.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// A name for scripts, such as `no_staged_key`.
    pub code: &'static str,
    /// Whether the repository cannot be used or not be rotated until it is mended; otherwise it is
    /// advice.
    pub is_fault: bool,
    /// What was found and what to do.
    pub message: String,
}

/// How old a primary may be before someone should think of rotating.
const OLD: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Looks at the repository at `path` and returns all that is wrong with it, not only the first fault.
/// Nothing is changed.
///
/// `others` are key folders that must not be the same: two purposes that share a folder remove each
/// other's keys.
///
/// ```
/// # let folder = tempfile::tempdir().expect("a folder");
/// # let path = folder.path().join("keys");
/// use jobcrypt_keys::{KeyRepository, doctor};
///
/// KeyRepository::setup_keystone(&path)?;
/// assert!(doctor(&path, &[]).is_empty());
/// std::fs::remove_file(path.join("0")).expect("it is there");
/// assert_eq!(doctor(&path, &[])[0].code, "no_staged_key");
/// # Ok::<(), jobcrypt_keys::RepositoryError>(())
/// ```
#[must_use]
pub fn doctor(path: impl AsRef<Path>, others: &[PathBuf]) -> Vec<Finding> {
    let path = path.as_ref();
    let mut findings = Findings(Vec::new());
    if let Err(error) = Folder::open(path) {
        findings.fault("folder", &error);
    }
    // A folder that is open to others is looked into all the same.
    if let Ok(folder) = Folder::open_unchecked(path) {
        let looked = look_into(folder, &mut findings);
        if let Err(error) = looked {
            findings.fault("folder", &error);
        }
        compare(path, others, &mut findings);
    }
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn fault(&mut self, code: &'static str, message: &impl ToString) {
        self.add(code, true, message.to_string());
    }

    fn advice(&mut self, code: &'static str, message: impl Into<String>) {
        self.add(code, false, message.into());
    }

    fn add(&mut self, code: &'static str, is_fault: bool, message: String) {
        // Reading the whole and looking at each file meet the same fault.
        if self.0.iter().all(|finding| finding.message != message) {
            self.0.push(Finding {
                code,
                is_fault,
                message,
            });
        }
    }
}

fn look_into(folder: Folder, findings: &mut Findings) -> Result<(), FileError> {
    if let Err(error) = folder.check_folder(ARCHIVE) {
        findings.fault("archive", &error);
    }
    look_at_parent(&folder, findings);
    let names = folder.names()?;
    let Some(layout) = Layout::detect(&folder)? else {
        let path = folder.path().display();
        findings.fault(
            "no_keys",
            &format!("{path} holds no key; run `jobcrypt keys setup` on it"),
        );
        return Ok(());
    };
    for name in names {
        look_at_file(&folder, layout, &name, findings)?;
    }
    let repository = KeyRepository::in_folder(folder, layout);
    match repository.snapshot() {
        Ok(snapshot) => look_at_keys(&repository.folder, &snapshot, findings)?,
        Err(error) => findings.fault("unreadable", &error),
    }
    Ok(())
}

fn look_at_file(
    folder: &Folder,
    layout: Layout,
    name: &str,
    findings: &mut Findings,
) -> Result<(), FileError> {
    if name == ARCHIVE || name == ".lock" {
        return Ok(());
    }
    if name.starts_with(TEMPORARY) || name == "0.tmp" {
        findings.advice(
            "left_over",
            format!("{name} was left by a change that died; the next rotation completes it"),
        );
        return Ok(());
    }
    let is_key = match layout {
        Layout::Keystone => keystone::number(name).is_some(),
        Layout::Native => native::parts(name).is_some(),
    };
    if !is_key && name != layout.manifest() {
        findings.advice(
            "stray_file",
            format!("{name} is none of the repository's files and is passed by; move it elsewhere"),
        );
        return Ok(());
    }
    if let Err(error) = folder.read(name, Guard::Owner) {
        findings.fault("file", &error);
    }
    let has_other_names = folder.stat(name)?.is_some_and(|stat| stat.st_nlink > 1);
    if has_other_names {
        findings.advice(
            "hard_link",
            format!("{name} has a second name elsewhere on this disk; remove that"),
        );
    }
    Ok(())
}

fn look_at_keys(
    folder: &Folder,
    snapshot: &Snapshot,
    findings: &mut Findings,
) -> Result<(), FileError> {
    if let Err(error) = soundness::check(snapshot) {
        findings.fault("unsound", &error);
    }
    if snapshot.unfinished.is_some() {
        findings.advice(
            "unfinished",
            "a rotation died; run `jobcrypt keys rotate` again, which completes it",
        );
    }
    if snapshot.staged().is_none() {
        findings.fault(
            "no_staged_key",
            &"no key is staged, so there is nothing to rotate to; run `jobcrypt keys stage`",
        );
    }
    for remark in snapshot.remarks() {
        findings.advice("remark", remark);
    }
    look_at_age(snapshot, findings);
    for grave in snapshot.tombstones() {
        if let Some(file) = &grave.file
            && folder.stat(file)?.is_none()
            && folder
                .stat(&native::file_name(grave.cipher, grave.id))?
                .is_none()
        {
            let id = grave.id;
            findings.advice(
                "archived_key_missing",
                format!("{file}, the archived file of key {id}, is gone; only a backup has it"),
            );
        }
    }
    for (cipher, id) in unlisted(folder, snapshot) {
        findings.advice(
            "unlisted_key",
            format!(
                "{} stands in no manifest; the next rotation stages it",
                native::file_name(cipher, id)
            ),
        );
    }
    Ok(())
}

fn unlisted(
    folder: &Folder,
    snapshot: &Snapshot,
) -> Vec<(jobcrypt_core::CipherName, jobcrypt_core::KeyId)> {
    match snapshot.layout {
        Layout::Keystone => Vec::new(),
        Layout::Native => native::unlisted(folder, &snapshot.manifest()).unwrap_or_default(),
    }
}

fn look_at_age(snapshot: &Snapshot, findings: &mut Findings) {
    let primary = snapshot.primary();
    let since = primary.promoted.or(primary.created);
    let age = since.and_then(|since| SystemTime::now().duration_since(since).ok());
    if age.is_some_and(|age| age > OLD) {
        findings.advice(
            "old_primary",
            "the primary has encrypted for more than a year; rotate",
        );
    }
    let secondaries = snapshot
        .keys()
        .filter(|key| key.state == KeyState::Secondary);
    if secondaries.count() > keystone::MAX_ACTIVE_KEYS {
        findings.advice(
            "many_secondaries",
            "there are many secondaries; rotate with the jobs counted, so that free ones are retired",
        );
    }
}

/// The folder around it: whoever may write there may put another folder in this one's place.
fn look_at_parent(folder: &Folder, findings: &mut Findings) {
    let parent = folder.path().canonicalize().ok();
    let Some(parent) = parent.as_deref().and_then(Path::parent) else {
        return;
    };
    let mode = rustix::fs::stat(parent).map(|stat| Mode::from_raw_mode(stat.st_mode));
    if mode.is_ok_and(|mode| mode.contains(Mode::WGRP) && !mode.contains(Mode::SVTX)) {
        findings.advice(
            "parent",
            format!(
                "the group may write to {}; run `chmod g-w {}` unless all in it are trusted",
                parent.display(),
                parent.display()
            ),
        );
    }
}

fn compare(path: &Path, others: &[PathBuf], findings: &mut Findings) {
    // By what they are, not how they are written: a slash at the end or a link hides nothing.
    let identity = |path: &Path| {
        let stat = rustix::fs::stat(path).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    for other in others {
        if identity(path).is_some() && identity(path) == identity(other) {
            findings.fault(
                "shared_folder",
                &format!(
                    "{} and {} are one folder; give each purpose keys of its own",
                    path.display(),
                    other.display()
                ),
            );
        }
    }
}
