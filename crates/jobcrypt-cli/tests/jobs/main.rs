//! `jobcrypt jobs` as an operator calls it, on a table of his own.

mod destroying;
mod mistakes;

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

struct Operator {
    folder: TempDir,
    keys: String,
}

impl Operator {
    /// Has a table with two jobs, in plaintext.
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let this = Self {
            folder,
            keys: String::new(),
        };
        this.sql(
            "create table jobs (id integer primary key, kind text, args text);
             insert into jobs (kind, args) values ('charge_card', '{\"pan\":\"41111111\"}'),
                ('charge_card', '{\"pan\":\"4242\"}')",
        )
        .await;
        this
    }

    async fn sql(&self, sql: &'static str) {
        let url = format!("{}?mode=rwc", self.url());
        let mut connection = SqliteConnection::connect(&url).await.expect("it opens");
        let done = sqlx::raw_sql(sql).execute(&mut connection).await;
        done.expect("the statements run");
        connection.close().await.expect("it closes");
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.path("jobs.sqlite3"))
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn rotate(&mut self) {
        let output = Command::new(env!("CARGO_BIN_EXE_jobcrypt"))
            .args(["keys", "generate"])
            .output()
            .expect("it runs");
        let key = String::from_utf8(output.stdout).expect("a key is text");
        let old = std::mem::take(&mut self.keys);
        self.keys = if old.is_empty() {
            key.trim().to_owned()
        } else {
            format!("{},{old}", key.trim())
        };
    }

    /// Waits until a running migration has moved a job, of those that were all under one key, to the key that is the first now.
    async fn until_one_is_under_the_primary(&self) {
        loop {
            let status = document(&self.run(&["status"]));
            if status["keys"]
                .as_array()
                .is_some_and(|keys| keys.len() == 2)
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Seals both jobs under the primary of a repository.
    fn seal_with(&self, folder: &str) {
        let audit = self.path("sealed.jsonl");
        let seal = [
            &SEAL[..],
            &["--keys-in", folder, "--audit", &audit, "--yes"],
        ]
        .concat();
        let sealed = self.run(&seal);
        assert_eq!(code(&sealed), 0, "{sealed:?}");
    }

    fn keys(&self, arguments: &[&str]) -> Output {
        keys(&self.url(), arguments)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_jobcrypt"))
            .args(["--json", "jobs"])
            .args(arguments)
            .args(["--table", "jobs", "--args-form", "text"])
            .env("DATABASE_URL", self.url())
            .env("JOBCRYPT_KEYS", &self.keys)
            .output()
            .expect("it runs")
    }
}

/// Runs `jobcrypt keys` where jobs are in the database at `url`.
fn keys(url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jobcrypt"))
        .args(["--json", "keys"])
        .args(arguments)
        .env("DATABASE_URL", url)
        .output()
        .expect("it runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("it prints one JSON document")
}

/// Consents to what is there, and seals it.
const SEAL: [&str; 4] = ["migrate", "--seal-plaintext", "--up-to-id", "2"];

#[tokio::test]
async fn plaintext_is_sealed_with_consent_and_moves_to_the_next_key() {
    let mut operator = Operator::new().await;
    operator.rotate();
    let audit = operator.path("audit.jsonl");
    let seal = [&SEAL[..], &["--audit", &audit]].concat();
    let asked = operator.run(&seal);
    assert_eq!(code(&asked), 3, "{asked:?}");
    assert_eq!(document(&asked)["unsealed"][0]["count"], 2);
    assert_eq!(document(&operator.run(&["status"]))["plaintext"], 2);

    let sealed = operator.run(&[&seal[..], &["--yes"]].concat());
    assert_eq!(
        (code(&sealed), &document(&sealed)["sealed"]),
        (0, &2.into())
    );
    let lines = std::fs::read_to_string(&audit).expect("it was written");
    assert_eq!(lines.matches(r#""event":"plaintext.sealed""#).count(), 2);

    operator.rotate();
    let dry = operator.run(&["migrate", "--dry-run"]);
    assert_eq!((code(&dry), &document(&dry)["left"]), (0, &2.into()));
    let moved = operator.run(&["migrate"]);
    assert_eq!(
        (code(&moved), &document(&moved)["migrated"]),
        (0, &2.into())
    );
    let status = document(&operator.run(&["status", "--verify"]));
    assert_eq!(
        (&status["keys"][0]["tokens"], &status["verified"]["opened"]),
        (&2.into(), &2.into())
    );
}

#[tokio::test]
async fn what_is_left_unreadable_ends_with_4_and_is_named() {
    let mut operator = Operator::new().await;
    operator
        .sql("update jobs set args = '{\"river_encrypt\":\"jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA.AAAA\"}' where id = 1")
        .await;
    operator.rotate();
    let moved = operator.run(&["migrate"]);
    assert_eq!(code(&moved), 4, "{moved:?}");
    let unreadable = &document(&moved)["unreadable_jobs"][0];
    assert_eq!(
        (&unreadable["id"], &unreadable["class"]),
        (&"1".into(), &"no_matching_key".into())
    );
}

#[tokio::test]
async fn a_job_is_shown_with_a_record_and_without_what_is_redacted() {
    let mut operator = Operator::new().await;
    operator.rotate();
    let audit = operator.path("audit.jsonl");
    operator.run(&[&SEAL[..], &["--audit", &audit, "--yes"]].concat());
    let headers = document(&operator.run(&["inspect", "--id", "1"]));
    assert_eq!(headers[0]["tokens"][0]["cipher"], "xchacha20poly1305");
    let without_record = operator.run(&["inspect", "--id", "1", "--reveal"]);
    assert_eq!(code(&without_record), 2, "a record is needed");
    let shown = [
        "inspect", "--id", "1", "--reveal", "--audit", &audit, "--redact", "/pan",
    ];
    let shown = operator.run(&shown);
    assert_eq!(document(&shown)["args"], r#"{"pan":"[redacted]"}"#);
    let lines = std::fs::read_to_string(&audit).expect("it was written");
    assert!(lines.ends_with('\n') && lines.contains(r#""event":"job.revealed""#));
}

#[tokio::test]
async fn samples_show_what_args_consist_of_and_no_value() {
    let mut operator = Operator::new().await;
    operator.rotate();
    let audit = operator.path("audit.jsonl");
    let asked = operator.run(&[&SEAL[..], &["--audit", &audit]].concat());
    let member = &document(&asked)["samples"][0]["members"][0];
    assert_eq!(
        (&member["name"], &member["value"]),
        (&"pan".into(), &"string".into())
    );
    assert_eq!(member["length"], 10);
    let printed = String::from_utf8_lossy(&asked.stdout);
    assert!(!printed.contains("41111111"), "{printed}");
}

#[tokio::test]
async fn a_primary_is_never_safe_to_remove() {
    let mut operator = Operator::new().await;
    operator.rotate();
    let audit = operator.path("audit.jsonl");
    operator.run(&[&SEAL[..], &["--audit", &audit, "--yes"]].concat());
    let old = document(&operator.run(&["status"]))["keys"][0]["key_id"].clone();
    let old = old.as_str().expect("an id is text").to_owned();
    operator.rotate();
    operator.run(&["migrate"]);
    let primary = document(&operator.run(&["status"]))["keys"][0]["key_id"].clone();
    operator.sql("delete from jobs").await;
    let of = |operator: &Operator, key: &str| {
        let status = document(&operator.run(&["status", "--key", key]));
        let key = &status["keys"][0];
        let reason = key["reason"].as_str().expect("there is one").to_owned();
        (key["safe_to_remove"].as_bool(), reason)
    };
    assert_eq!(of(&operator, &old), (Some(true), "yes".to_owned()));
    let primary = primary.as_str().expect("an id is text");
    let (is_safe, reason) = of(&operator, primary);
    assert!(
        is_safe == Some(false) && reason.contains("primary"),
        "{reason}"
    );
    operator.keys = String::new();
    let (_, reason) = of(&operator, primary);
    assert!(reason.contains("unless it is the primary"), "{reason}");
}

#[tokio::test]
async fn a_migration_that_is_interrupted_reports_what_it_did() {
    let mut operator = Operator::new().await;
    operator.rotate();
    let audit = operator.path("audit.jsonl");
    operator.run(&[&SEAL[..], &["--audit", &audit, "--yes"]].concat());
    operator.rotate();
    for signal in ["INT", "TERM"] {
        // One row in 1,000 seconds: it waits behind the first page.
        let child = Command::new(env!("CARGO_BIN_EXE_jobcrypt"))
            .args([
                "--json", "jobs", "migrate", "--rate", "0.001", "--page", "1",
            ])
            .args(["--table", "jobs", "--args-form", "text"])
            .env("DATABASE_URL", operator.url())
            .env("JOBCRYPT_KEYS", &operator.keys)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        operator.until_one_is_under_the_primary().await;
        let pid = child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(code(&output), 130, "{output:?}");
        let report = document(&output);
        assert_eq!(
            (&report["interrupted"], &report["left"]),
            (&true.into(), &1.into())
        );
        // All under one key again, which the next round waits to see change.
        assert_eq!(code(&operator.run(&["migrate"])), 0);
        operator.rotate();
    }
}

#[tokio::test]
async fn a_drain_is_drawn() {
    let operator = Operator::new().await;
    let (samples, plot) = (operator.path("drain.jsonl"), operator.path("drain.svg"));
    for _ in 0..2 {
        let counted = operator.run(&["status", "--record", &samples, "--plot", &plot]);
        assert_eq!(code(&counted), 0, "{counted:?}");
    }
    let lines = std::fs::read_to_string(samples).expect("it was written");
    assert_eq!(lines.lines().count(), 2);
    let svg = std::fs::read_to_string(plot).expect("it was drawn");
    assert!(svg.starts_with("<svg"));
}

#[tokio::test]
async fn a_database_or_keys_that_cannot_be_used_have_their_own_codes() {
    let mut operator = Operator::new().await;
    operator.sql("alter table jobs rename to other").await;
    operator.rotate();
    assert_eq!(code(&operator.run(&["status"])), 6);
    operator.sql("alter table other rename to jobs").await;
    operator.keys = "no key".to_owned();
    assert_eq!(code(&operator.run(&["migrate"])), 5);
    operator.keys = String::new();
    operator.rotate();
    assert_eq!(
        code(&operator.run(&["unpark"])),
        3,
        "only River parks in its table"
    );
}

#[tokio::test]
async fn a_mixed_up_option_costs_nothing() {
    let mut operator = Operator::new().await;
    operator.rotate();
    let (audit, samples) = (operator.path("audit.jsonl"), operator.path("samples.jsonl"));
    let database = operator.path("jobs.sqlite3");
    let seal = |limit, audit| {
        let begin = ["migrate", "--seal-plaintext", "--yes", "--up-to-id", limit];
        operator.run(&[&begin[..], &["--audit", audit]].concat())
    };
    for limit in ["abc", "", "2x", " "] {
        assert_eq!(code(&seal(limit, &audit)), 3, "{limit:?}");
    }
    assert_eq!(code(&seal("2", &database)), 3);
    for options in [["--record", &database], ["--args-column", "kind"]] {
        let refused = operator.run(&[&["status"], &options[..]].concat());
        assert_eq!(code(&refused), 3, "{options:?}: {refused:?}");
    }
    let plot = ["status", "--record", &samples, "--plot", &database];
    assert_eq!(code(&operator.run(&plot)), 3);
    assert_eq!(document(&operator.run(&["status"]))["plaintext"], 2);

    let shown = operator.run(&["status", "--verify", "--keys-from", &operator.keys]);
    assert_eq!(code(&shown), 5);
    let errors = String::from_utf8_lossy(&shown.stderr);
    assert!(!errors.contains(&operator.keys), "the key is in the error");
}
