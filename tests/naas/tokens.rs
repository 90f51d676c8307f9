//! Tokens of the original NAAS, by Python's MultiFernet.

use serde_json::{Value, json};

use crate::{
    http::BASIC,
    naas::{ENABLE, Naas, PASSWORD, Site, command, key},
    python::python,
};

/// Runs Python with these arguments; returns what it prints.
fn run(script: &str, arguments: &[&str]) -> String {
    let output = python()
        .args(["-c", script])
        .args(arguments)
        .output()
        .expect("Python runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    text.trim().to_owned()
}

/// What `encrypt_credentials` of NAAS does.
const ENCRYPT: &str = "
import json, sys
from cryptography.fernet import Fernet, MultiFernet
keys = MultiFernet([Fernet(k.strip().encode()) for k in sys.argv[1].split(',')])
print(keys.encrypt(json.dumps(json.loads(sys.argv[2])).encode()).decode())
";
/// What `decrypt_credentials` of NAAS does.
const DECRYPT: &str = "
import sys
from cryptography.fernet import Fernet, MultiFernet
keys = MultiFernet([Fernet(k.strip().encode()) for k in sys.argv[1].split(',')])
print(keys.decrypt(sys.argv[2].encode()).decode())
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_python_made_open_under_any_of_the_keys() {
    let site = Site::new();
    let (old, new) = (key(), key());
    let both = format!("{new},{old}");
    let naas = Naas::start(&site, &[("NAAS_ENCRYPTION_KEY", &both)]);
    // Enable is null where a device asks for no other password.
    for (keys, enable, greeting) in [
        (&old, json!(ENABLE), "sw1 enable as ada"),
        (&both, json!(null), "sw1 user as ada"),
    ] {
        let credentials = json!({"u": "ada", "p": PASSWORD, "e": enable});
        let token = run(ENCRYPT, &[keys, &credentials.to_string()]);
        let args = json!({"host": "sw1", "port": 22, "platform": "cisco_ios", "commands": ["show version"],
            "request_id": "r-1", "user_hash": "u", "credentials": token});
        site.run(&format!(
            "insert into river_job (kind, args, max_attempts, queue, state)
             values ('send_command', jsonb('{args}'), 1, 'default', 'available')"
        ))
        .await;
        let (_, last) = naas.post("/v2/send_command", BASIC, &command("sw2"));
        let planted = last["job_id"].as_i64().expect("an id") - 1;
        let shown = naas.settled(&planted.into());
        let output = shown["output"].as_str().expect("it is worked");
        assert!(output.starts_with(greeting), "{output}");
    }
    site.holds_no_secret(naas.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_it_stores_in_naas_form_open_in_python() {
    let site = Site::new();
    let (old, new) = (key(), key());
    let both = format!("{new},{old}");
    let variables = [
        ("NAAS_ENCRYPTION_KEY", &*both),
        ("NAAS_CREDENTIAL_FORM", "multifernet"),
    ];
    let naas = Naas::start(&site, &variables);
    let (_, answer) = naas.post("/v2/send_command", BASIC, &command("sw1"));
    let shown = naas.settled(&answer["job_id"]);
    assert_eq!(shown["status"], "finished", "its own worker opens them too");
    let args = site.args(answer["job_id"].as_i64().expect("an id")).await;
    let token = args["credentials"].as_str().expect("a token is text");
    // The newest key encrypts, and the list of a reader may be in any order.
    for keys in [&new, &format!("{old},{new}")] {
        let opened: Value = serde_json::from_str(&run(DECRYPT, &[keys, token])).expect("JSON");
        assert_eq!(opened, json!({"u": "ada", "p": PASSWORD, "e": ENABLE}));
    }
    site.holds_no_secret(naas.stop());
}
