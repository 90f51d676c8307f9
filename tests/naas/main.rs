//! The example `naas` as it is run: its API over real HTTP, the failure table of NAAS' decision, its audit events, and
//! tokens that go between it and Python's MultiFernet.

mod events;
mod failures;
mod http;
mod naas;
#[path = "../python.rs"]
#[expect(dead_code, reason = "the reader of our format is not needed here")]
mod python;
mod tokens;

use serde_json::json;

use crate::{
    http::BASIC,
    naas::{Naas, Site, command, key},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_runs_and_only_its_credentials_are_sealed() {
    let site = Site::new();
    let naas = Naas::start(&site, &[("NAAS_ENCRYPTION_KEY", &key())]);
    let (status, answer) = naas.post("/v2/send_command", BASIC, &command("sw1"));
    assert_eq!(status, 202, "{answer}");
    let shown = naas.settled(&answer["job_id"]);
    assert_eq!(
        (&shown["status"], &shown["output"]),
        (
            &"finished".into(),
            &"sw1 enable as ada\nshow version: done".into()
        )
    );
    let args = site.args(answer["job_id"].as_i64().expect("an id")).await;
    for (field, value) in [
        ("host", json!("sw1")),
        ("port", json!(22)),
        ("platform", json!("cisco_ios")),
        ("commands", json!(["show version"])),
        ("credentials", json!(null)),
    ] {
        assert_eq!(args[field], value, "{field}");
    }
    let token = args["river_encrypt"].as_str().expect("a token is text");
    assert!(token.starts_with("jc1f.fernet."), "{token}");
    site.holds_no_secret(naas.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_not_sent_to_a_host_that_was_put_into_the_job() {
    let site = Site::new();
    let key = key();
    let api = [("NAAS_ENCRYPTION_KEY", &*key), ("NAAS_ROLE", "api")];
    let naas = Naas::start(&site, &api);
    let (_, answer) = naas.post("/v2/send_command", BASIC, &command("sw1"));
    naas.stop();
    site.run("update river_job set args = jsonb_set(args, '$.host', 'evil')")
        .await;
    let naas = Naas::start(&site, &[("NAAS_ENCRYPTION_KEY", &key)]);
    let shown = naas.settled(&answer["job_id"]);
    assert_eq!(
        (&shown["status"], &shown["class"]),
        (&"failed".into(), &"bound_field_changed".into()),
        "{shown}"
    );
    site.holds_no_secret(naas.stop());
}

#[test]
fn what_was_sent_is_never_in_an_answer_that_refuses_it() {
    let site = Site::new();
    let naas = Naas::start(&site, &[("NAAS_ENCRYPTION_KEY", &key())]);
    let body = json!({"host": "sw1", "password": {"p": naas::PASSWORD}, "port": naas::PASSWORD});
    let (status, answer) = naas.post("/v2/send_command", BASIC, &body);
    assert_eq!(status, 422);
    assert!(!answer.to_string().contains(naas::PASSWORD), "{answer}");
    site.holds_no_secret(naas.stop());
}
