//! Single values, sealed where they are made and opened where they are used.

use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{
    EncryptHook, ErrorKind, JobContext, Keyring, Keys, Policy, Purpose, Sealed, SecretKey,
};
use serde_json::json;

const KIND: &str = "send_command";
const JOB: JobContext<'static> = JobContext::new(KIND);

fn keys() -> Keys {
    let key = SecretKey::generate().expect("the system has random bytes");
    Keyring::new(XChaCha20Poly1305::new(key))
        .build()
        .expect("a sound keyring")
        .into()
}

fn hook_of(keys: &Keys, policy: Policy) -> EncryptHook {
    EncryptHook::builder(keys.clone())
        .default_policy(policy)
        .build()
        .expect("a sound hook")
}

fn password(hook: &EncryptHook) -> Sealed<String> {
    Sealed::seal(hook, KIND, "password", &"swordfish".to_owned()).expect("it seals")
}

#[test]
fn a_value_opens_in_its_own_place_only() {
    let keys = keys();
    for policy in [
        Policy::readable(),
        Policy::sealed(),
        Policy::sealed().pad_to(128),
    ] {
        let hook = hook_of(&keys, policy);
        let sealed = password(&hook);
        assert_eq!(
            sealed.open(&hook, KIND, "password").expect("it opens"),
            "swordfish"
        );
        for (kind, name) in [(KIND, "enable"), ("other", "password"), (KIND, "")] {
            let error = sealed.open(&hook, kind, name).expect_err("it is foreign");
            assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
        }
        let stored = serde_json::to_vec(&sealed).expect("it is written");
        for context in [
            JOB,
            JOB.with_purpose(Purpose::OUTPUT),
            JOB.with_purpose(Purpose::FIELDS),
        ] {
            assert!(hook.open_bytes(&context, &stored).is_err(), "{context:?}");
        }
        let stranger = hook_of(&self::keys(), Policy::sealed());
        let error = sealed
            .open(&stranger, KIND, "password")
            .expect_err("no key");
        assert_eq!(error.kind(), ErrorKind::NoMatchingKey);
        let renamed = EncryptHook::builder(keys.clone())
            .marker("sealed")
            .build()
            .expect("sound");
        let error = sealed
            .open(&renamed, KIND, "password")
            .expect_err("another marker");
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
}

#[test]
fn nothing_of_it_shows() {
    let hook = hook_of(&keys(), Policy::readable());
    let sealed = password(&hook);
    assert_eq!(format!("{sealed:?}"), "Sealed(..)");
    let text = serde_json::to_string(&sealed).expect("it is written");
    assert!(text.starts_with(r#"{"river_encrypt":"jc1."#) && !text.contains("swordfish"));
    let as_number: Sealed<u32> = serde_json::from_str(&text).expect("any type");
    let error = as_number
        .open(&hook, KIND, "password")
        .expect_err("it is no number");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(!format!("{error:?}").contains("swordfish"));
}

#[test]
fn only_a_sealed_value_is_read_as_one() {
    let hook = hook_of(&keys(), Policy::readable());
    let token = password(&hook).token().to_owned();
    let fields = token.replacen("jc1.", "jc1f.", 1);
    for value in [
        json!("swordfish"),
        json!(token),
        json!(null),
        json!({}),
        json!({"river_encrypt": "swordfish"}),
        json!({"river_encrypt": ["swordfish"]}),
        json!({"river_encrypt": fields}),
        json!({"river_encrypt": token, "swordfish": 1}),
    ] {
        let error = serde_json::from_value::<Sealed<String>>(value.clone()).expect_err("no value");
        assert!(!error.to_string().contains("fish"), "{error}");
    }
    // Whatever an app stored there before it sealed it.
    for value in [
        "\"swordfish\"",
        "4711",
        "-4711",
        "4.711e3",
        "true",
        "[4711]",
        "\"4\"",
        "123456789012345678901",
    ] {
        let error = serde_json::from_str::<Sealed<String>>(value).expect_err("no value");
        let error = error.to_string();
        assert!(error == "this is no sealed value", "{value}: {error}");
    }
}

#[test]
fn readable_args_hold_values_where_the_policy_says_so() {
    let keys = keys();
    let closed = hook_of(&keys, Policy::readable());
    let token = password(&closed).token().to_owned();
    let foreign = password(&hook_of(&self::keys(), Policy::readable()))
        .token()
        .to_owned();
    let held = json!({"host": "sw1", "in": [{"password": {"river_encrypt": token}}]}).to_string();
    let error = closed
        .seal_bytes(&JOB, held.as_bytes())
        .expect_err("the marker");
    assert_eq!(error.kind(), ErrorKind::MarkerInArgs);
    let policies = [
        Policy::readable().with_sealed_values(),
        Policy::fields(["/host"]).with_sealed_values(),
    ];
    for policy in policies {
        let hook = hook_of(&keys, policy);
        let stored = hook
            .seal_bytes(&JOB, held.as_bytes())
            .expect("it is admitted");
        let stored = stored.unwrap_or(held.clone().into_bytes());
        let opened = hook
            .open_bytes(&JOB, &stored)
            .expect("it opens")
            .unwrap_or(stored);
        assert_eq!(opened, held.as_bytes());
        for refused in [
            json!({"host": 1, "river_encrypt": token}),
            json!({"host": 1, "a": {"river_encrypt": token, "b": 1}}),
            json!({"host": 1, "a": {"b": 1, "river_encrypt": token}}),
            json!({"host": 1, "a": {"river_encrypt": "what the app wrote"}}),
            json!({"host": 1, "a": {"river_encrypt": 1}}),
            json!({"host": 1, "a": {"river_encrypt": token.replacen("jc1.", "jc1f.", 1)}}),
            json!({"host": 1, "a": {"river_encrypt": foreign}}),
        ] {
            let refused = refused.to_string();
            let error = hook
                .seal_bytes(&JOB, refused.as_bytes())
                .expect_err(&refused);
            assert_eq!(error.kind(), ErrorKind::MarkerInArgs, "{refused}");
        }
    }
}

#[test]
fn a_decrypt_only_hook_opens_values_and_seals_none() {
    let hook = hook_of(&keys(), Policy::sealed());
    let sealed = password(&hook);
    let decrypt_only = hook.to_decrypt_only().expect("it accepts plaintext");
    assert!(sealed.open(&decrypt_only, KIND, "password").is_ok());
    let error = Sealed::seal(&decrypt_only, KIND, "password", &1).expect_err("it seals nothing");
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
}
