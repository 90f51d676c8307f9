//! The thirteen audit events of NAAS' reference, with the fields that it requires, and no others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::{
    http::BASIC,
    naas::{Naas, Site, command, key},
};

/// As NAAS' own code requires them.
const EVENTS: [(&str, &[&str]); 13] = [
    ("auth.success", &["method", "identity"]),
    ("auth.failure", &["method", "reason"]),
    (
        "auth.context_denied",
        &["identity", "context", "allowed_contexts"],
    ),
    (
        "auth.rbac_denied",
        &["identity", "role", "required_role", "endpoint"],
    ),
    (
        "apikey.created",
        &["key_id", "role", "contexts", "created_by"],
    ),
    ("apikey.revoked", &["key_id", "revoked_by"]),
    (
        "job.submitted",
        &[
            "host",
            "platform",
            "port",
            "command_count",
            "user_hash",
            "request_id",
        ],
    ),
    ("job.completed", &["request_id", "status", "duration_ms"]),
    ("job.cancelled", &["request_id", "cancelled_by_hash"]),
    ("job.orphaned", &["request_id", "worker_name"]),
    ("device.locked_out", &["host", "failure_count"]),
    ("circuit.opened", &["host"]),
    ("circuit.closed", &["host"]),
];

/// `ada:wrong`, which devices refuse.
const WRONG: &str = "Basic YWRhOndyb25n";

fn new_key(naas: &Naas, role: &str) -> (String, String) {
    let body = json!({"role": role, "contexts": ["lab"]});
    let (status, answer) = naas.post("/v2/api-keys", BASIC, &body);
    assert_eq!(status, 201, "{answer}");
    let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
    (text("key_id"), format!("Bearer {}", text("token")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_has_what_it_requires_and_nothing_else() {
    let site = Site::new();
    let variables = [("NAAS_ENCRYPTION_KEY", &*key())];
    // A worker that died with a job in hand.
    let naas = Naas::start(&site, &[variables[0], ("NAAS_ROLE", "api")]);
    let (_, orphan) = naas.post("/v2/send_command", BASIC, &command("sw1"));
    naas.stop();
    site.run("update river_job set state = 'running', attempt = 1, attempted_by = jsonb('[\"worker-7\"]')")
        .await;
    let naas = Naas::start(&site, &variables);
    assert_eq!(naas.settled(&orphan["job_id"])["status"], "finished");

    assert_eq!(naas.post("/v2/send_command", "", &command("sw1")).0, 401);
    let (id, viewer) = new_key(&naas, "viewer");
    assert_eq!(
        naas.post("/v2/send_command", &viewer, &command("sw1")).0,
        403
    );
    let (_, operator) = new_key(&naas, "operator");
    assert_eq!(
        naas.post("/v2/send_command", &operator, &command("sw1")).0,
        403
    );
    let mut in_lab = command("sw1");
    in_lab["context"] = "lab".into();
    assert_eq!(
        naas.post("/v2/send_command", &operator, &in_lab).0,
        422,
        "no credentials"
    );
    let (status, _) = naas.request("DELETE", &format!("/v2/api-keys/{id}"), BASIC, "");
    assert_eq!(status, 204);
    assert_eq!(
        naas.post("/v2/send_command", &viewer, &command("sw1")).0,
        401
    );

    let mut later = command("sw\n1");
    later["delay"] = 3600.into();
    let (_, answer) = naas.post("/v2/send_command", BASIC, &later);
    let path = format!("/v2/send_command/{}", answer["job_id"]);
    let (_, shown) = naas.request("DELETE", &path, BASIC, "");
    assert_eq!(shown["status"], "cancelled");

    // Three calls without an answer, then one; three refusals.
    for expected in ["failed", "failed", "failed", "finished"] {
        let (_, answer) = naas.post("/v2/send_command", BASIC, &command("flaky1"));
        assert_eq!(naas.settled(&answer["job_id"])["status"], expected);
    }
    for _ in 0..3 {
        let (_, answer) = naas.post("/v2/send_command", WRONG, &command("sw9"));
        assert_eq!(naas.settled(&answer["job_id"])["status"], "failed");
    }
    assert_eq!(naas.post("/v2/send_command", BASIC, &command("sw9")).0, 423);

    let events = site.audit();
    let required: BTreeMap<_, BTreeSet<_>> = EVENTS
        .iter()
        .map(|(name, fields)| (*name, fields.iter().copied().collect()))
        .collect();
    let mut seen = BTreeSet::new();
    for event in &events {
        let fields = event.as_object().expect("an object");
        let name = event["event_type"].as_str().expect("a name");
        let own = |field: &&str| !["event_type", "seq", "timestamp"].contains(field);
        let fields: BTreeSet<_> = fields.keys().map(String::as_str).filter(own).collect();
        assert_eq!(Some(&fields), required.get(name), "{name}");
        seen.insert(name);
    }
    assert_eq!(seen, required.keys().copied().collect());
    let of = |name: &str| {
        events
            .iter()
            .find(|it| it["event_type"] == name)
            .expect("seen")
    };
    assert_eq!(of("job.orphaned")["worker_name"], "worker-7");
    assert_eq!(of("device.locked_out")["failure_count"], 3);
    assert_eq!(of("auth.rbac_denied")["required_role"], "operator");
    let mut hosts = events.iter().map(|it| &it["host"]);
    assert!(
        hosts.any(|it| it == "sw\n1"),
        "a line break stays inside of its line"
    );
    site.holds_no_secret(naas.stop());
}
