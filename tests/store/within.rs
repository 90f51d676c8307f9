//! Tokens that are not the args of a job as a whole: fields, single values, outputs and errors, padded or not. Through
//! the library and through the command.

use std::{collections::BTreeMap, path::PathBuf, process::Command, sync::LazyLock};

use base64_simd::STANDARD;
use jobcrypt::{
    EncryptHook, Envelope, ErrorKind, JobContext, KeyId, Keyring, Policy, Purpose, Sealed,
    SecretKey,
    ciphers::XChaCha20Poly1305,
    store::{MigrateOptions, Place, Reveal, SafeToRemove, Selection, Store},
};
use serde_json::{Value, json};
use workbench::{Database, build, on_both_databases};

use crate::{
    counting::{primary, rotate, store},
    sinks::Lines,
};

const KIND: &str = "send_invoice";
const JOB: JobContext<'static> = JobContext::new(KIND);
const ARGS: &str = r#"{"host":"sw1","credentials":{"u":"ada","p":"swordfish"},"note":"n"}"#;

fn key() -> [u8; 32] {
    *SecretKey::generate()
        .expect("the system has random bytes")
        .expose()
}

fn hook(policy: Policy, keys: &[[u8; 32]]) -> EncryptHook {
    let [first, others @ ..] = keys else {
        panic!("there is a key");
    };
    let ring = Keyring::new(XChaCha20Poly1305::new((*first).into()));
    let ring = others.iter().fold(ring, |ring, key| {
        ring.and(XChaCha20Poly1305::new((*key).into()))
    });
    build(EncryptHook::builder(ring.build().expect("they are sound")).default_policy(policy))
}

fn sealed(hook: &EncryptHook, context: &JobContext<'_>, json: &str) -> String {
    let sealed = hook.seal_bytes(context, json.as_bytes()).expect("it seals");
    String::from_utf8(sealed.expect("the kind is sealed")).expect("it is text")
}

fn value(hook: &EncryptHook, name: &str, value: &str) -> Value {
    let value = Sealed::seal(hook, KIND, name, &value.to_owned()).expect("it seals");
    serde_json::to_value(value).expect("it is JSON")
}

fn opened(hook: &EncryptHook, name: &str, value: &Value) -> Result<String, ErrorKind> {
    let value: Sealed<String> = serde_json::from_value(value.clone()).expect("a sealed value");
    value.open(hook, KIND, name).map_err(|error| error.kind())
}

/// Puts an output and an error beside a job, as the plugin for River does.
async fn put_beside(database: &Database, id: i64, output: &str, error: &str) {
    let error = json!({"at": "2026-11-27T12:00:00Z", "attempt": 1, "error": error, "trace": ""});
    database
        .run(&match database {
            Database::Postgres(_) => format!(
                "update river_job set metadata = '{{\"output\": {output}, \"snoozes\": 2}}',
                 errors = array['{error}'::jsonb] where id = {id}"
            ),
            Database::Sqlite(..) => format!(
                "update river_job set metadata = jsonb('{{\"output\": {output}, \"snoozes\": 2}}'),
                 errors = jsonb('[{error}]') where id = {id}"
            ),
        })
        .await;
}

async fn migrate(store: &Store, hook: &EncryptHook, names: &[&str]) -> (u64, u64, u64, u64) {
    let options = names
        .iter()
        .fold(MigrateOptions::new(), |it, name| it.value(*name));
    let report = store.migrate(hook, &options, &mut |_| {}).await;
    let report = report.expect("it migrates");
    assert_eq!(report.unreadable, 0);
    let (migrated, further) = (report.migrated, report.further);
    (migrated, further, report.left, report.left_within)
}

async fn safe(store: &Store, key: KeyId) -> SafeToRemove {
    let status = store.status().await.expect("it counts");
    status.safe_to_remove(key, None)
}

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| workbench::program(["--bin", "jobcrypt"]));

/// Runs the command with these keys, newest first, and returns what it prints.
fn jobcrypt(database: &Database, keys: &[[u8; 32]], arguments: &[&str]) -> Value {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| STANDARD.encode_to_string(key))
        .collect();
    let output = Command::new(&*PROGRAM)
        .args(["--json", "jobs"])
        .args(arguments)
        .env("DATABASE_URL", database.url())
        .env("JOBCRYPT_KEYS", keys.join(","))
        .output()
        .expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

on_both_databases! {
    async fn values_move_once_their_names_are_given_and_free_their_key(database: Database) {
        let hook = hook(Policy::readable().with_sealed_values(), &[key()]);
        let args = json!({"host": "sw1", "password": value(&hook, "password", "swordfish"),
            "others": [{"pin": value(&hook, "pin", "1234")}]});
        let mut stored = args.to_string();
        assert!(!hook.seal(&JOB, &mut stored).expect("they are ours"));
        let id = database.plant(KIND, &stored).await;
        let old = rotate(&hook);
        let store = store(&database).await;
        assert_eq!(migrate(&store, &hook, &[]).await, (0, 0, 0, 2));
        assert_eq!(safe(&store, old).await, SafeToRemove::StillNeeded(2));
        assert_eq!(migrate(&store, &hook, &["password"]).await, (1, 0, 0, 1));
        assert_eq!(migrate(&store, &hook, &["pin", "password"]).await, (1, 0, 0, 0));
        assert_eq!(migrate(&store, &hook, &["pin", "password"]).await, (0, 0, 0, 0));
        assert_eq!(safe(&store, old).await, SafeToRemove::Yes);

        let args: Value = serde_json::from_str(&database.job(id).await.args).expect("it is JSON");
        assert_eq!(args["host"], "sw1");
        let pin = &args["others"][0]["pin"];
        assert_eq!(opened(&hook, "password", &args["password"]).as_deref(), Ok("swordfish"));
        assert_eq!(opened(&hook, "pin", pin).as_deref(), Ok("1234"));
        assert_eq!(opened(&hook, "password", pin), Err(ErrorKind::AuthenticationFailed));
        let sink = Lines::default();
        let reveal = Reveal::job(id.to_string()).value("pin");
        let revealed = store.reveal(&hook, &reveal, &sink).await.expect("it opens");
        let tokens: Vec<_> = revealed.tokens.iter().map(|it| (&it.place, &*it.name, &**it.json)).collect();
        assert_eq!(tokens, [(&Place::WithinArgs, "pin", "\"1234\"")]);
    }

    async fn values_inside_of_what_was_sealed_afterwards_move_with_it(database: Database) {
        let whole = hook(Policy::sealed(), &[key()]);
        let with_value = |args: &str| {
            let pin = value(&whole, "pin", "1234");
            args.replace("\"n\"", &pin.to_string()).replace("\"ada\"", &pin.to_string())
        };
        let fields = build(EncryptHook::builder(whole.keys().clone()).default_policy(
            Policy::fields(["/credentials"]).bind(["/host"]).with_sealed_values()));
        database.plant(KIND, &sealed(&whole, &JOB, &with_value(ARGS))).await;
        database.plant(KIND, &sealed(&fields, &JOB, &with_value(ARGS))).await;
        let old = rotate(&whole);
        let store = store(&database).await;
        assert_eq!(migrate(&store, &whole, &["pin"]).await, (2, 0, 0, 0));
        assert_eq!(safe(&store, old).await, SafeToRemove::Yes);
        let verified = store.verify(&whole, &Selection::all()).await.expect("it reads");
        assert_eq!(verified.within(), &BTreeMap::from([(primary(&whole), 4)]));
        for job in database.jobs().await {
            let args = whole.open_bytes(&JOB, job.args.as_bytes()).expect("it opens").expect("it was sealed");
            let args: Value = serde_json::from_slice(&args).expect("it is JSON");
            assert_eq!(opened(&whole, "pin", &args["credentials"]["u"]).as_deref(), Ok("1234"));
            assert_eq!(args["credentials"]["p"], "swordfish");
        }
        assert_eq!(migrate(&store, &whole, &["pin"]).await, (0, 0, 0, 0));
    }

    async fn a_value_in_a_bound_field_stays_and_is_counted(database: Database) {
        let fields = hook(Policy::fields(["/credentials"]).bind(["/host"]).with_sealed_values(), &[key()]);
        let args = ARGS.replace("\"sw1\"", &value(&fields, "pin", "1234").to_string());
        database.plant(KIND, &sealed(&fields, &JOB, &args)).await;
        rotate(&fields);
        let store = store(&database).await;
        assert_eq!(migrate(&store, &fields, &["pin"]).await, (1, 0, 0, 1));
        let verified = store.verify(&fields, &Selection::all()).await.expect("it reads");
        assert_eq!((verified.opened, verified.unreadable), (1, 0));
    }

    async fn outputs_and_errors_move_and_are_shown(database: Database) {
        let hook = hook(Policy::sealed(), &[key()]);
        let id = database.plant(KIND, &sealed(&hook, &JOB, ARGS)).await;
        let output = sealed(&hook, &JOB.with_purpose(Purpose::OUTPUT), r#"{"total":"1e2 €"}"#);
        let error = sealed(&hook, &JOB.with_purpose(Purpose::ERROR), r#""it said \"swordfish\"""#);
        let error = serde_json::from_str::<Value>(&error).expect("it is JSON")["river_encrypt"].clone();
        let error = format!("failed, sealed as {}", error.as_str().expect("a token is text"));
        put_beside(&database, id, &output, &error).await;
        // A token of args is no output, wherever it is put.
        let planted = sealed(&hook, &JOB, ARGS);
        let other = database.plant(KIND, &sealed(&hook, &JOB, ARGS)).await;
        put_beside(&database, other, &planted, "plain").await;
        let old = rotate(&hook);
        let store = store(&database).await;
        assert_eq!(migrate(&store, &hook, &[]).await, (2, 2, 0, 1));
        assert_eq!(safe(&store, old).await, SafeToRemove::StillNeeded(1));
        let job = database.job(id).await;
        assert_eq!(job.metadata["snoozes"], 2);
        assert!(job.errors.contains("failed, sealed as jc1."), "{job:?}");

        let sink = Lines::default();
        let revealed = store.reveal(&hook, &Reveal::job(id.to_string()), &sink).await.expect("it opens");
        let mut tokens: Vec<_> = revealed.tokens.iter().map(|it| (it.place.to_string(), it.purpose.as_str(), &**it.json)).collect();
        tokens.sort_unstable();
        assert_eq!(tokens[0], ("errors".to_owned(), "error", r#""it said \"swordfish\"""#));
        assert_eq!(tokens[1], ("metadata".to_owned(), "output", r#"{"total":"1e2 €"}"#));
        assert_eq!(tokens.len(), 2);
        let redacted = Reveal::job(id.to_string()).redact("/note");
        let revealed = store.reveal(&hook, &redacted, &sink).await.expect("it opens");
        assert!(revealed.tokens.is_empty(), "what was redacted could stand there");
    }

    async fn fields_and_padding_pass_through_the_command(database: Database) {
        let keys = [key(), key()];
        let policy = Policy::fields(["/credentials"]).bind(["/host"]).reject_plaintext();
        let fields = hook(policy.clone(), &keys[1..]);
        let padded = hook(policy.pad_to(512), &keys[1..]);
        let whole = hook(Policy::sealed().pad_to(256).with_sealed_values(), &keys[1..]);
        let ids = [
            database.plant(KIND, &sealed(&fields, &JOB, ARGS)).await,
            database.plant(KIND, &sealed(&padded, &JOB, ARGS)).await,
            database.plant(KIND, &sealed(&whole, &JOB, ARGS)).await,
            database.plant(KIND, &json!({"pin": value(&whole, "pin", "1234")}).to_string()).await,
        ];
        let output = sealed(&whole, &JOB.with_purpose(Purpose::OUTPUT), "42");
        put_beside(&database, ids[0], &output, "plain").await;

        let status = jobcrypt(&database, &keys, &["status", "--verify"]);
        assert_eq!(status["keys"][0]["tokens"], 5, "{status}");
        let lengths = |headers: &Value| {
            let mut tokens: Vec<_> = headers.as_array().expect("a list").iter()
                .flat_map(|job| job["tokens"].as_array().expect("a list").clone())
                .map(|it| (it["form"].to_string(), it["cipher"].to_string(), it["length"].as_u64()))
                .collect();
            tokens.sort_unstable();
            tokens
        };
        let before = lengths(&jobcrypt(&database, &[], &["inspect"]));
        let of = |form: &str, option: &str| before.iter().filter(|it| it.0.contains(form) && it.1.contains(option)).count();
        assert_eq!((of("jc1f", ""), of("", "+pad")), (2, 4), "{before:?}");

        let moved = jobcrypt(&database, &keys, &["migrate", "--value", "pin"]);
        assert_eq!((&moved["migrated"], &moved["further"], &moved["left_within"]), (&4.into(), &1.into(), &0.into()), "{moved}");
        let status = jobcrypt(&database, &keys[..1], &["status", "--verify"]);
        assert_eq!((status["keys"].as_array().map(Vec::len), &status["keys"][0]["tokens"]), (Some(1), &5.into()), "{status}");
        assert_eq!(status["verified"]["unreadable"], 0, "{status}");
        // The command knows no policy; what was padded stays so, and says no more of its length than it did.
        let after = lengths(&jobcrypt(&database, &[], &["inspect"]));
        for (before, after) in before.iter().zip(&after) {
            assert_eq!((&before.0, &before.1), (&after.0, &after.1));
            let grown = after.2.expect("a length") - before.2.expect("a length");
            assert!(if before.1.contains("+pad") { grown < 100 } else { grown == 0 }, "{before:?} {after:?}");
        }

        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let audit = folder.path().join("audit.jsonl").display().to_string();
        for (at, id) in ids.iter().enumerate() {
            let id = id.to_string();
            let arguments = ["inspect", "--id", &id, "--reveal", "--value", "pin", "--audit", &audit];
            let shown = jobcrypt(&database, &keys[..1], &arguments);
            let args: Value = serde_json::from_str(shown["args"].as_str().expect("a text")).expect("it is JSON");
            match at {
                0 => assert_eq!((&shown["tokens"][0]["purpose"], &shown["tokens"][0]["json"]), (&"output".into(), &"42".into())),
                3 => assert_eq!((&shown["tokens"][0]["name"], &shown["tokens"][0]["json"]), (&"pin".into(), &"\"1234\"".into())),
                _ => assert_eq!(shown["tokens"], json!([])),
            }
            if at < 3 {
                assert_eq!(args, serde_json::from_str::<Value>(ARGS).expect("it is JSON"));
            }
        }
    }
}

#[test]
fn a_padded_value_says_what_it_is() {
    let hook = hook(Policy::sealed().pad_to(64), &[key()]);
    let pin = Sealed::seal(&hook, KIND, "pin", &1).expect("it seals");
    let envelope = Envelope::parse(pin.token()).expect("it is a token");
    assert!(envelope.is_padded());
}
