//! The four rows of the failure table in NAAS' decision.

use jobcrypt::Envelope;
use serde_json::Value;

use crate::{
    http::BASIC,
    naas::{Naas, PASSWORD, Site, command, key},
};

fn submit(naas: &Naas) -> i64 {
    let (status, answer) = naas.post("/v2/send_command", BASIC, &command("sw1"));
    assert_eq!(status, 202, "{answer}");
    answer["job_id"].as_i64().expect("an id")
}

fn key_of(args: &Value) -> String {
    let token = args["river_encrypt"].as_str().expect("a token is text");
    let envelope = Envelope::parse(token).expect("it is sound");
    envelope.key_id().to_string()
}

#[test]
fn without_a_key_it_does_not_start() {
    let site = Site::new();
    let (code, said) = Naas::fail(&site, &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("NAAS_ENCRYPTION_KEY is not set"), "{said}");
    assert!(!said.contains("listening"), "{said}");
    assert!(!site.path("naas.sqlite3").exists(), "nothing was begun");
}

#[test]
fn settings_that_say_nothing_clear_stop_it_and_name_a_key_by_its_position() {
    let site = Site::new();
    let sound = key();
    let (code, said) = Naas::fail(
        &site,
        &[
            ("NAAS_ENCRYPTION_KEY", &sound),
            ("CREDENTIAL_ENCRYPTION_ENABLED", "maybe"),
        ],
    );
    assert_eq!(code, Some(1));
    assert!(
        said.contains("CREDENTIAL_ENCRYPTION_ENABLED is one of true"),
        "{said}"
    );
    for keys in [
        format!("{sound},c2hvcnQ="),
        format!("{sound},"),
        format!("{sound},{sound}"),
    ] {
        let (code, said) = Naas::fail(&site, &[("NAAS_ENCRYPTION_KEY", &keys)]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains('2'), "it names the second: {said}");
        assert!(!said.contains(&sound[..20]), "it shows a key: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_with_another_key_fails_the_job_and_says_why() {
    let site = Site::new();
    let api = [("NAAS_ENCRYPTION_KEY", &*key()), ("NAAS_ROLE", "api")];
    let api = Naas::start(&site, &api);
    let id = submit(&api);
    let other = [("NAAS_ENCRYPTION_KEY", &*key()), ("NAAS_ROLE", "worker")];
    let _worker = Naas::start(&site, &other);
    let shown = api.settled(&id.into());
    assert_eq!(shown["status"], "failed");
    assert_eq!(shown["class"], "no_matching_key");
    assert_eq!(shown["key_id"], key_of(&site.args(id).await));
    let error = shown["error"].as_str().expect("a text");
    assert!(error.contains("NAAS_ENCRYPTION_KEY"), "{error}");
    site.holds_no_secret(api.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switched_off_it_warns_stores_plaintext_and_still_opens_what_was_sealed() {
    let site = Site::new();
    let key = key();
    let sealing = [("NAAS_ENCRYPTION_KEY", &*key), ("NAAS_ROLE", "api")];
    let naas = Naas::start(&site, &sealing);
    let sealed = submit(&naas);
    assert_eq!(naas.stop(), "");

    let off = ("CREDENTIAL_ENCRYPTION_ENABLED", "false");
    let naas = Naas::start(&site, &[("NAAS_ENCRYPTION_KEY", &key), off]);
    assert!(
        naas.said()
            .contains("WARNING: credential encryption is disabled")
    );
    assert_eq!(naas.settled(&sealed.into())["status"], "finished");
    let plain = submit(&naas);
    assert_eq!(naas.settled(&plain.into())["status"], "finished");
    assert_eq!(site.args(plain).await["credentials"]["p"], PASSWORD);
    naas.stop();

    let naas = Naas::start(&site, &[off]);
    assert!(
        naas.said()
            .contains("WARNING: credential encryption is disabled")
    );
    let plain = submit(&naas);
    assert_eq!(naas.settled(&plain.into())["status"], "finished");
    naas.stop();

    // Turned on, it still takes what was stored in plaintext meanwhile.
    let naas = Naas::start(&site, &[off, ("NAAS_ROLE", "api")]);
    let plain = submit(&naas);
    naas.stop();
    let naas = Naas::start(&site, &[("NAAS_ENCRYPTION_KEY", &key)]);
    assert_eq!(naas.settled(&plain.into())["status"], "finished");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_rotated_mid_flight_still_opens_and_seals_nothing_new() {
    let site = Site::new();
    let (old, new) = (key(), key());
    let api = [("NAAS_ENCRYPTION_KEY", &*old), ("NAAS_ROLE", "api")];
    let naas = Naas::start(&site, &api);
    let before = submit(&naas);
    naas.stop();
    let both = format!("{new}, {old}");
    let naas = Naas::start(&site, &[("NAAS_ENCRYPTION_KEY", &both)]);
    let after = submit(&naas);
    for id in [before, after] {
        assert_eq!(naas.settled(&id.into())["status"], "finished");
    }
    let (before, after) = (site.args(before).await, site.args(after).await);
    assert_ne!(key_of(&before), key_of(&after));
    naas.stop();
    let naas = Naas::start(&site, &[("NAAS_ENCRYPTION_KEY", &new)]);
    let id = submit(&naas);
    assert_eq!(key_of(&site.args(id).await), key_of(&after));
}
