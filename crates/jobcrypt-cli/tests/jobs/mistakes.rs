//! What an operator in a hurry gets wrong, and what he is told.

use std::process::{Command, Output};

use crate::{Operator, SEAL, code, document};

/// Runs the command as a person does, and returns its exit code and what it says.
fn said(operator: &Operator, url: &str, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jobcrypt"))
        .args(arguments)
        .env("DATABASE_URL", url)
        .env("JOBCRYPT_KEYS", &operator.keys)
        .output()
        .expect("it runs");
    (code(&output), text(&output))
}

/// What it prints, with lines that were broken to a width put together.
fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    let words = String::from_utf8(all).expect("it is text");
    words
        .split_whitespace()
        .filter(|it| *it != "│")
        .collect::<Vec<_>>()
        .join(" ")
}

const TABLE: [&str; 4] = ["--table", "jobs", "--args-form", "text"];

fn jobs<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["jobs"], arguments, &TABLE].concat()
}

#[tokio::test]
async fn an_id_that_is_none_is_a_matter_of_usage() {
    let mut operator = Operator::new().await;
    operator.rotate();
    let audit = operator.path("audit.jsonl");
    let uuid = "0189f7e2-7c3a-7def-8000-0123456789ab";
    for id in ["abc", uuid, "", "1;2"] {
        for command in [
            &["inspect", "--id", id][..],
            &["inspect", "--id", id, "--reveal", "--audit", &audit],
        ] {
            let (code, said) = said(&operator, &operator.url(), &jobs(command));
            assert_eq!(code, 2, "{id}: {said}");
            assert!(said.contains("ids of jobs are whole numbers"), "{said}");
        }
    }
    operator
        .sql(
            "create table river_job (id integer primary key, kind text, args blob, state text, created_at text,
                errors blob, metadata blob, attempt int, max_attempts int, finalized_at text, scheduled_at text)",
        )
        .await;
    let (code, said) = said(
        &operator,
        &operator.url(),
        &["jobs", "unpark", "--id", "abc"],
    );
    assert_eq!(code, 2, "{said}");
}

#[tokio::test]
async fn a_url_that_leads_nowhere_is_named_by_its_variable() {
    let operator = Operator::new().await;
    let missing = operator.path("nowhere.sqlite3");
    let status = jobs(&["status"]);
    let of = |url: &str| said(&operator, url, &status);
    let (code, said) = of(&format!("sqlite://{missing}"));
    assert_eq!(code, 6, "{said}");
    assert!(
        said.contains("DATABASE_URL: ") && said.contains("none is made"),
        "{said}"
    );
    assert!(said.contains("nowhere.sqlite3"), "{said}");
    assert!(!std::path::Path::new(&missing).exists());

    // Port 1 refuses.
    let (code, said) = of("postgres://app@127.0.0.1:1/app");
    assert_eq!(code, 6, "{said}");
    assert!(said.contains("DATABASE_URL: "), "{said}");
    assert!(
        !said.contains("where it stopped") && !said.contains('%'),
        "{said}"
    );

    for secret in ["se/cret", "se#cret", "se@cr@et", "se?cret"] {
        let (code, said) = of(&format!("postgres://app:{secret}@127.0.0.1:1/app"));
        assert_eq!(code, 6, "{said}");
        assert!(
            said.contains("%40") && said.contains("DATABASE_URL"),
            "{secret}: {said}"
        );
        assert!(!said.contains(secret) && !said.contains("cret"), "{said}");
    }
    let (_, said) = of("jobs.sqlite3");
    assert!(said.contains("DATABASE_URL: the URL must begin"), "{said}");
}

#[tokio::test]
async fn names_that_differ_in_capital_letters_are_found() {
    let operator = Operator::new().await;
    let arguments = ["jobs", "status", "--table", "jobs", "--args-column", "Args"];
    let (code, said) = said(&operator, &operator.url(), &arguments);
    assert_eq!(code, 6, "{said}");
    assert!(said.contains("no column Args, but args"), "{said}");
}

#[tokio::test]
async fn a_kind_that_no_job_has_is_told() {
    let mut operator = Operator::new().await;
    operator.rotate();
    for command in ["migrate", "inspect"] {
        let said_of = |kind| {
            let arguments = jobs(&[command, "--kind", kind]);
            said(&operator, &operator.url(), &arguments).1
        };
        let told = "no job is of the kind";
        assert!(
            said_of("charge_crad").contains(told),
            "{}",
            said_of("charge_crad")
        );
        assert!(
            !said_of("charge_card").contains(told),
            "{}",
            said_of("charge_card")
        );
    }
}

#[tokio::test]
async fn out_of_encryption_nothing_is_sealed() {
    let mut operator = Operator::new().await;
    operator.rotate();
    let audit = operator.path("audit.jsonl");
    let to_plaintext = ["migrate", "--to", "plaintext"];
    for options in [
        &["--seal-plaintext", "--up-to-id", "2", "--audit", &*audit][..],
        &["--kind", "new", "--kind-was", "old"],
        &["--value", "pin"],
    ] {
        let refused = operator.run(&[&to_plaintext, options].concat());
        assert_eq!(code(&refused), 2, "{options:?}: {refused:?}");
    }
    let sealed = operator.run(&[&SEAL[..], &["--audit", &audit, "--yes"]].concat());
    assert_eq!(code(&sealed), 0, "{sealed:?}");
    let opened = operator.run(&to_plaintext);
    assert_eq!(
        (code(&opened), &document(&opened)["migrated"]),
        (0, &2.into())
    );
}

#[tokio::test]
async fn single_values_that_stay_sealed_are_told() {
    let mut operator = Operator::new().await;
    operator.rotate();
    operator
        .sql(
            "update jobs set args = '{\"pin\":{\"river_encrypt\":\"jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA.abc\"}}'
             where id = 1",
        )
        .await;
    let (_, told) = said(
        &operator,
        &operator.url(),
        &jobs(&["migrate", "--to", "plaintext"]),
    );
    assert!(told.contains("1 token left, which stay sealed"), "{told}");
    let renamed = ["migrate", "--kind", "charge_card", "--kind-was", "charge"];
    let (_, told) = said(&operator, &operator.url(), &jobs(&renamed));
    assert!(
        told.contains("1 token left, some of which may be bound"),
        "{told}"
    );
}

#[tokio::test]
async fn one_is_not_called_many() {
    let operator = Operator::new().await;
    operator
        .sql(
            "delete from jobs where id = 2;
             update jobs set args = '{\"river_encrypt\":\"jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA.abc\"}'",
        )
        .await;
    let (_, said) = said(&operator, &operator.url(), &jobs(&["status"]));
    assert!(said.contains("1 job: 0 plaintext"), "{said}");
    assert!(said.contains("1 token needs it"), "{said}");
}

#[tokio::test]
async fn a_key_in_the_place_of_a_variable_is_refused_where_none_is_needed() {
    let mut operator = Operator::new().await;
    operator.rotate();
    for command in ["status", "inspect"] {
        let arguments = jobs(&[command, "--keys-from", &operator.keys]);
        let (code, said) = said(&operator, &operator.url(), &arguments);
        assert_eq!(code, 5, "{said}");
        assert!(!said.contains(&operator.keys), "{said}");
    }
    let unset = jobs(&["status", "--keys-from", "NO_SUCH_VARIABLE"]);
    let (code, said) = said(&operator, &operator.url(), &unset);
    assert_eq!(code, 5, "it is not passed over: {said}");
}

#[tokio::test]
async fn a_cause_is_said_once() {
    let operator = Operator::new().await;
    let missing = operator.path("no-keys");
    let arguments = jobs(&["status", "--keys-in", &missing]);
    let (code, said) = said(&operator, &operator.url(), &arguments);
    assert_eq!(code, 5, "{said}");
    assert_eq!(said.matches("No such file").count(), 1, "{said}");
}

#[tokio::test]
async fn a_file_in_the_place_of_a_folder_is_called_what_it_is() {
    let operator = Operator::new().await;
    let (code, said) = said(
        &operator,
        &operator.url(),
        &["keys", "status", &operator.path("jobs.sqlite3")],
    );
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("should be a folder"), "{said}");
}

#[tokio::test]
async fn what_looks_at_river_alone_says_so() {
    let mut operator = Operator::new().await;
    operator.rotate();
    for command in ["doctor", "unpark"] {
        let refused = operator.run(&[command]);
        assert_eq!(code(&refused), 3, "{refused:?}");
    }
}
