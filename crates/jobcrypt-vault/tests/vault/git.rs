//! A repository of git whose merge driver merges vaults by their values. The driver is a test of this file.

use std::{env, fs, path::Path, process::Command};

use jobcrypt_vault::{Value, VaultError};

use crate::bench::{json, options, path, whole};

const VERSIONS: &str = "JOBCRYPT_TEST_VERSIONS";
const FILE: &str = "credentials.vault";

struct Repository(tempfile::TempDir);

impl Repository {
    /// Makes a repository with a vault in it, and branches `ours` and `theirs`.
    fn new(has_driver: bool) -> Self {
        let it = Self(tempfile::tempdir().expect("a folder"));
        it.must(&["init", "--quiet", "--initial-branch=base"]);
        for (name, value) in [("user.name", "Ada"), ("user.email", "ada@example.com")] {
            it.must(&["config", name, value]);
        }
        if has_driver {
            let program = env::current_exe().expect("this is a program");
            let driver = format!(
                "env {VERSIONS}='%O %A %B' '{}' --exact git::inside_a_merge_driver --ignored",
                program.display()
            );
            it.must(&["config", "merge.jobcrypt.driver", &driver]);
        }
        let attributes = "*.vault -text merge=jobcrypt\n";
        fs::write(it.path().join(".gitattributes"), attributes).expect("it is ours");
        let values = json(r#"{"a":1,"b":2,"c":3}"#);
        options(&[1])
            .create(it.path().join(FILE), &values)
            .expect("there is none yet");
        it.commit();
        it.must(&["branch", "theirs"]);
        it.must(&["switch", "--quiet", "--create", "ours"]);
        it
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs git; returns whether it succeeded.
    fn git(&self, arguments: &[&str]) -> bool {
        let mut git = Command::new("git");
        // Whatever this machine's user has configured.
        git.env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .current_dir(self.path())
            .args(arguments);
        let ended = git.output().expect("git starts: cargo xtask test");
        ended.status.success()
    }

    fn must(&self, arguments: &[&str]) {
        assert!(self.git(arguments), "git {arguments:?}");
    }

    fn commit(&self) {
        self.must(&["add", "--all"]);
        self.must(&["commit", "--quiet", "--message=Change"]);
    }

    /// Sets a value on a branch.
    fn set(&self, branch: &str, at: &str, value: &str) {
        self.must(&["switch", "--quiet", branch]);
        let changed = options(&[1]).update(self.path().join(FILE), |vault| {
            vault.set(&path(at), &Value::from(value))
        });
        assert!(changed.expect("it is set"));
        self.commit();
    }

    /// Merges `theirs` into `ours`; returns whether git could.
    fn merge(&self) -> bool {
        self.must(&["switch", "--quiet", "ours"]);
        self.git(&["merge", "--quiet", "--message=Merge", "theirs"])
    }

    fn vault(&self) -> Result<String, VaultError> {
        let vault = options(&[1]).open(self.path().join(FILE))?;
        Ok(whole(&vault))
    }
}

#[test]
fn branches_that_change_different_values_merge() {
    let repository = Repository::new(true);
    repository.set("ours", "a", "ours");
    repository.set("theirs", "b", "theirs");
    repository.set("theirs", "d", "new");
    assert!(repository.merge());
    let merged = r#"{"a":"ours","b":"theirs","c":3,"d":"new"}"#;
    assert_eq!(repository.vault().expect("it is whole"), merged);
    // Neighbours too, which a merge of lines could not.
    repository.set("ours", "c", "ours");
    repository.set("theirs", "e", "theirs");
    assert!(repository.merge());
    let merged = r#"{"a":"ours","b":"theirs","c":"ours","d":"new","e":"theirs"}"#;
    assert_eq!(repository.vault().expect("it is whole"), merged);
}

#[test]
fn branches_that_change_one_value_conflict_and_ours_stays_whole() {
    let repository = Repository::new(true);
    repository.set("ours", "a", "ours");
    repository.set("theirs", "a", "theirs");
    assert!(!repository.merge());
    let ours = r#"{"a":"ours","b":2,"c":3}"#;
    assert_eq!(repository.vault().expect("it is whole"), ours);
}

#[test]
fn without_the_driver_the_merge_is_refused_with_the_advice_to_use_it() {
    let repository = Repository::new(false);
    repository.set("ours", "a", "ours");
    repository.set("theirs", "c", "theirs");
    assert!(!repository.merge(), "both changed the line of the MAC");
    let error = repository.vault().expect_err("it was merged as text");
    assert!(
        error.to_string().contains("jobcrypt vault merge"),
        "{error}"
    );
}

#[test]
#[ignore = "run by git in the tests above"]
fn inside_a_merge_driver() {
    let versions = env::var(VERSIONS).expect("git says which");
    let names: Vec<_> = versions.split(' ').collect();
    let [base, ours, theirs] = names[..] else {
        panic!("{versions}");
    };
    let read = |name| fs::read_to_string(name).expect("git wrote it");
    let merged = options(&[1]).merge(read(base), read(ours), read(theirs));
    let text = merged.expect("they do not conflict").vault.to_text();
    fs::write(ours, text.expect("it is written")).expect("git made it");
}
