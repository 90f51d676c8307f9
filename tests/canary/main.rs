//! A canary in args and in keys, driven through everything that the plugin does while every log
//! line down to TRACE is kept: it shows nowhere, in no form.

use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
};

use jobcrypt::{
    JobContext, Keyring, Policy, SecretKey,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
    river::EncryptPlugin,
};
use jobcrypt_testkit::FaultyEncryptor;
use riverqueue::{InsertOpts, UniqueOpts};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use workbench::{Bench, ChargeCard, Database, RebuildIndex, SyncMailbox, build, builder, keyring};

const CANARY: &str = "canary-7Kx2-qpW9";

/// Keeps every field of every span and event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn add(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut dyn Visit)) {
        struct Fields(String);

        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                let _ = write!(self.0, " {field}={value:?}");
            }
        }

        let mut fields = Fields(format!("{} {}", metadata.level(), metadata.target()));
        record(&mut fields);
        let mut log = self.0.lock().expect("no writer panics with the lock");
        log.push_str(&fields.0);
        log.push('\n');
    }

    fn text(&self) -> String {
        self.0
            .lock()
            .expect("no writer panics with the lock")
            .clone()
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.add(span.metadata(), |fields| span.record(fields));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut log = String::new();
        let _ = write!(log, "{values:?}");
        self.0
            .lock()
            .expect("no writer panics with the lock")
            .push_str(&log);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.add(event.metadata(), |fields| event.record(fields));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The forms in which a secret could slip out.
fn forms(secret: &[u8]) -> Vec<String> {
    let hex = secret.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let list = format!("{secret:?}");
    let mut forms = vec![
        hex.clone(),
        hex.to_uppercase(),
        list[1..list.len() - 1].to_owned(),
    ];
    // Base64 of a text that holds the secret at any of three alignments, less the edges.
    for before in 0..3 {
        let shifted = [&b"xx"[..before], secret].concat();
        for alphabet in [base64_simd::STANDARD_NO_PAD, base64_simd::URL_SAFE_NO_PAD] {
            let text = alphabet.encode_to_string(&shifted);
            forms.push(text[4..text.len() - 4].to_owned());
        }
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(text.to_owned());
    }
    forms
}

fn assert_absent(place: &str, text: &str, secrets: &[Vec<u8>]) {
    for form in secrets.iter().flat_map(|secret| forms(secret)) {
        if let Some(at) = text.find(&form) {
            let around = text.get(at.saturating_sub(150)..(at + 150).min(text.len()));
            panic!("{place} holds a canary as {form}: {around:?}");
        }
    }
}

async fn drive(database: Database, log: &Log) {
    let keys: Vec<SecretKey> = (0..4)
        .map(|_| SecretKey::generate().expect("the system has random bytes"))
        .collect();
    let mut secrets: Vec<Vec<u8>> = keys.iter().map(|key| key.expose().to_vec()).collect();
    secrets.push(CANARY.as_bytes().to_vec());
    let copy = |at: usize| SecretKey::from(*keys[at].expose());
    let ring = Keyring::new(XChaCha20Poly1305::new(copy(0)))
        .and(Secretbox::new(copy(1)))
        .and(Fernet::new(copy(2)))
        .build()
        .expect("they are sound");
    let hook = build(builder(ring).kind("send_invoice", Policy::sealed().reject_plaintext()));
    let args = format!(r#"{{"password":"{CANARY}"}}"#);
    let mut texts = vec![format!("{hook:?} {:?}", hook.keys())];
    let mut rows = Vec::new();

    // Worked; unique, and met again; typed args that do not fit; a foreign key, garbage, plaintext
    // where it is refused, a foreign namespace.
    let mut bench = Bench::start(&database, &hook);
    let unique = || InsertOpts::default().with_unique(UniqueOpts::new().with_by_args(true));
    for _ in 0..2 {
        bench
            .client
            .insert(ChargeCard::new(&args))
            .opts(unique())
            .await
            .expect("it is inserted");
    }
    assert_eq!(bench.seen().await.1, args);
    let mailbox = SyncMailbox {
        address: "a".to_owned(),
        password: CANARY.to_owned(),
        port: 1,
    };
    bench.client.insert(mailbox).await.expect("it is inserted");
    bench.seen().await;
    let stranger = build(builder(keyring(XChaCha20Poly1305::new(copy(3)))));
    let elsewhere = build(jobcrypt::EncryptHook::builder(hook.keys().clone()).namespace("other"));
    let seal = |hook: &jobcrypt::EncryptHook, kind: &str, args: &str| {
        let sealed = hook.seal_bytes(&JobContext::new(kind), args.as_bytes());
        let sealed = sealed.expect("it seals").expect("the kind is sealed");
        String::from_utf8(sealed).expect("an envelope is JSON")
    };
    let misfit = format!(r#"{{"address":"a","password":"p","port":"{CANARY}"}}"#);
    for (kind, stored) in [
        ("sync_mailbox", seal(&hook, "sync_mailbox", &misfit)),
        ("charge_card", seal(&stranger, "charge_card", &args)),
        ("charge_card", seal(&elsewhere, "charge_card", &args)),
        (
            "charge_card",
            format!(r#"{{"river_encrypt":"{}"}}"#, "no token"),
        ),
    ] {
        let id = database.plant(kind, &stored).await;
        let event = bench.event_of(id).await;
        rows.push(format!("{event:?}"));
        let error = hook.open_bytes(&JobContext::new(kind), stored.as_bytes());
        if let Err(error) = error {
            texts.push(format!("{error} {error:?}"));
        }
    }
    bench.stop().await;

    texts.extend(refusals(&database, &copy, &args).await);

    // Tokens rest in the table, and nowhere else.
    let jobs = database.jobs().await;
    let tokens: Vec<Vec<u8>> = jobs
        .iter()
        .filter_map(|job| job.args.split('.').nth(3))
        .map(|body| body.as_bytes()[..20].to_vec())
        .collect();
    assert!(tokens.len() >= 4, "there are tokens to look for");
    let kept: Vec<Vec<u8>> = [&*secrets, &tokens].concat();
    assert_absent("an error or Debug", &texts.join("\n"), &kept);
    assert_absent("a row in an event", &rows.join("\n"), &secrets);
    assert_absent(
        "the table",
        &format!("{:?}", database.jobs().await),
        &secrets,
    );
    let log = log.text();
    for expected in [
        "job.sealed",
        "job.opened",
        "job.waiting",
        "job.parked",
        "open.failed",
    ] {
        assert!(
            log.contains(expected),
            "the log was not kept: no {expected}"
        );
    }
    assert_absent("the log", &log, &kept);
}

/// What is said of jobs that must not be enqueued, and of keys that must not be used.
async fn refusals(
    database: &Database,
    copy: impl Fn(usize) -> SecretKey,
    args: &str,
) -> Vec<String> {
    let mut texts = Vec::new();
    let faulty = FaultyEncryptor::after(0, XChaCha20Poly1305::new(copy(0)));
    let client = database
        .client()
        .plugin(EncryptPlugin::new(build(builder(keyring(faulty)))))
        .build()
        .expect("it is sound");
    let error = client
        .insert(ChargeCard::new(args))
        .await
        .expect_err("it cannot be sealed");
    texts.push(format!("{error} {error:?}"));
    let marked = format!(r#"{{"river_encrypt":"{CANARY}"}}"#);
    let error = client
        .insert(RebuildIndex::new(&marked))
        .await
        .expect_err("it holds the marker");
    texts.push(format!("{error} {error:?}"));
    for bytes in [vec![7; 31], [copy(0).expose().as_slice(), b"x"].concat()] {
        texts.push(format!("{:?}", SecretKey::from_bytes(&bytes)));
    }
    let twice = Keyring::new(Fernet::new(copy(0)))
        .and(Secretbox::new(copy(0)))
        .build();
    texts.push(format!("{twice:?}"));
    texts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shows_in_no_error_no_debug_no_table_and_no_log() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("it is the only subscriber");
    // The search itself finds what is there.
    let planted = std::panic::catch_unwind(|| {
        assert_absent(
            "a text",
            &format!("x{CANARY}x"),
            &[CANARY.as_bytes().to_vec()],
        );
    });
    assert!(planted.is_err());
    drive(Database::sqlite().await, &log).await;
    drive(Database::postgres().await, &log).await;
}
