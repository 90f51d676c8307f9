//! Fields of args, sealed into one token while the rest stays readable.

use jobcrypt_ciphers::{Fernet, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{
    EncryptHook, Envelope, Error, ErrorKind, JobContext, Key, Keyring, Keys, Policy, Purpose,
    SecretKey,
};

const JOB: JobContext<'static> = JobContext::new("send_command");
const ARGS: &str = r#"{"host":"sw1","port":22,"credentials":{"u":"ada","p":"swordfish"},"users":[{"name":"a","ssn":"1"},{"name":"b","ssn":2.5e0}],"tags":[ 1.10 ]}"#;
const SECRETS: [&str; 2] = ["swordfish", "2.5e0"];

fn policy() -> Policy {
    Policy::fields(["/credentials", "/users/*/ssn"])
        .optional_fields(["/note"])
        .bind(["/host", "/port"])
}

fn keys() -> Keys {
    Keyring::new(XChaCha20Poly1305::new(secret()))
        .build()
        .expect("a sound keyring")
        .into()
}

fn secret() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

fn hook_of(keys: &Keys, policy: Policy) -> EncryptHook {
    EncryptHook::builder(keys.clone())
        .namespace("prod")
        .default_policy(policy)
        .build()
        .expect("a sound hook")
}

fn seal(hook: &EncryptHook, args: &str) -> Result<String, Error> {
    let sealed = hook.seal_bytes(&JOB, args.as_bytes())?;
    Ok(String::from_utf8(sealed.expect("the kind is sealed")).expect("it is text"))
}

fn open(hook: &EncryptHook, stored: &str) -> Result<Option<String>, ErrorKind> {
    match hook.open_bytes(&JOB, stored.as_bytes()) {
        Ok(opened) => Ok(opened.map(|args| String::from_utf8(args).expect("it is text"))),
        Err(error) => {
            assert_eq!(error.job_kind(), Some("send_command"));
            let told = format!("{error} {error:?}");
            assert!(
                !SECRETS.iter().any(|secret| told.contains(secret)),
                "{told}"
            );
            Err(error.kind())
        }
    }
}

fn token_of(stored: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(stored).expect("it is JSON");
    value["river_encrypt"]
        .as_str()
        .expect("it has a token")
        .to_owned()
}

#[test]
fn fields_are_sealed_and_the_rest_stays_byte_for_byte() {
    let rings = [
        Keyring::new(XChaCha20Poly1305::new(secret())),
        Keyring::new(Secretbox::new(secret())),
        Keyring::new(Fernet::new(secret())),
    ];
    for ring in rings {
        let keys: Keys = ring.build().expect("a sound keyring").into();
        for policy in [policy(), policy().pad_to(64)] {
            let hook = hook_of(&keys, policy);
            let stored = seal(&hook, ARGS).expect("it seals");
            let (head, rest) = stored.split_once("\",").expect("something stays readable");
            assert!(head.starts_with(r#"{"river_encrypt":"jc1f."#));
            assert_eq!(
                rest,
                r#""host":"sw1","port":22,"credentials":null,"users":[{"name":"a","ssn":null},{"name":"b","ssn":null}],"tags":[ 1.10 ]}"#
            );
            assert!(Envelope::parse(&token_of(&stored)).is_ok_and(|it| it.is_fields()));
            assert_eq!(open(&hook, &stored), Ok(Some(ARGS.to_owned())));
            assert!(hook.is_sealed(&JOB, stored.as_bytes()));
        }
    }
}

#[test]
fn args_of_every_shape_come_back() {
    let keys = keys();
    let policy = Policy::fields(["/a~1b", "/s~0/*", "/~2"]).optional_fields(["/o/0/*/x"]);
    let hook = hook_of(&keys, policy);
    for args in [
        r#"{"a/b":1,"s~":{"":0},"*":null}"#,
        r#" { "\u0061/b" : "\"}{" , "s~":{"k/":[1,{"a":[]}],"~":"é","\n":0},"*" : [] } "#,
        r#"{"*":{},"o":[[{"x":1},{"y":2},{"x":"3"}],[{"x":9}]],"s~":[1,2],"a/b":"a"}"#,
        r#"{"o":{"0":{"k":{"x":12345678901234567890123}}},"*":0,"s~":{"a":[[]]},"a/b":1}"#,
    ] {
        let stored = seal(&hook, args).unwrap_or_else(|error| panic!("{args}: {error}"));
        assert_eq!(open(&hook, &stored), Ok(Some(args.to_owned())), "{stored}");
    }
    let all_optional = hook_of(&keys, Policy::fields([""; 0]).optional_fields(["/a"]));
    for args in ["{}", "{ }", r#"{"b":1}"#, r#"{"a":1}"#] {
        let stored = seal(&all_optional, args).expect("it seals");
        assert_eq!(open(&all_optional, &stored), Ok(Some(args.to_owned())));
    }
}

#[test]
fn what_another_writer_of_json_makes_of_it_still_opens() {
    let hook = hook_of(&keys(), policy());
    let stored = seal(&hook, ARGS).expect("it seals");
    let token = token_of(&stored);
    // The order, the spaces, the numbers and the escapes of another writer.
    let rewritten = format!(
        r#"{{"host": "\u0073w1", "port": 2.2E1, "tags": [1.10], "users": [{{"ssn": null, "name": "a"}}, {{"ssn": null, "name": "b"}}], "credentials": null, "river\u005fencrypt": "{token}"}}"#
    );
    let opened = open(&hook, &rewritten)
        .expect("it opens")
        .expect("it was sealed");
    assert_eq!(
        opened,
        r#"{"host": "\u0073w1", "port": 2.2E1, "tags": [1.10], "users": [{"ssn": "1", "name": "a"}, {"ssn": 2.5e0, "name": "b"}], "credentials": {"u":"ada","p":"swordfish"}}"#
    );
}

/// NAAS' own attack: who can write the table sends the victim's password to a host of his own.
#[test]
fn the_password_of_one_host_is_not_sent_to_another() {
    let hook = hook_of(&keys(), policy());
    let stored = seal(&hook, ARGS).expect("it seals");
    let attacks = [
        ("\"sw1\"", "\"evil\""),
        (":22", ":2222"),
        (":22", ":\"22\""),
        ("\"host\"", "\"hosts\""),
        ("\"port\":22,", ""),
    ];
    for (from, to) in attacks {
        let attack = stored.replacen(from, to, 1);
        assert_ne!(attack, stored);
        assert_eq!(
            open(&hook, &attack),
            Err(ErrorKind::BoundFieldChanged),
            "{to}"
        );
    }
    // Readable and not bound: as in any readable kind.
    let tagged = stored.replacen("1.10 ", "2 ", 1);
    assert!(open(&hook, &tagged).is_ok());
}

#[test]
fn an_absent_bound_field_cannot_be_added() {
    let hook = hook_of(&keys(), Policy::fields(["/p"]).bind(["/host"]));
    let stored = seal(&hook, r#"{"p":1}"#).expect("it seals");
    let attack = stored.replacen("\"p\"", "\"host\":null,\"p\"", 1);
    assert_eq!(open(&hook, &attack), Err(ErrorKind::BoundFieldChanged));
}

#[test]
fn the_places_of_sealed_fields_cannot_be_changed() {
    let hook = hook_of(&keys(), policy());
    let stored = seal(&hook, ARGS).expect("it seals");
    let attacks = [
        // Removed, renamed, moved to another element, replaced, added.
        (r#""credentials":null,"#, "", ErrorKind::FieldChanged),
        ("\"credentials\"", "\"credential\"", ErrorKind::FieldChanged),
        (r#"{"name":"a","ssn":null},"#, "", ErrorKind::FieldChanged),
        (
            r#"{"name":"a","ssn":null}"#,
            r#"{"name":"a"}"#,
            ErrorKind::FieldChanged,
        ),
        (
            r#"[{"name":"a""#,
            r#"[{},{"name":"a""#,
            ErrorKind::FieldChanged,
        ),
        (
            r#""credentials":null"#,
            r#""credentials":{"u":1}"#,
            ErrorKind::FieldChanged,
        ),
        (
            r#""credentials":null"#,
            r#""credentials":"null""#,
            ErrorKind::FieldChanged,
        ),
        (
            r#"{"name":"a","#,
            r#"{"ssn":3},{"name":"a","#,
            ErrorKind::FieldChanged,
        ),
        (r#""tags""#, r#""note":1,"tags""#, ErrorKind::FieldChanged),
        (
            r#""users":[{"name":"a","ssn":null},{"name":"b","ssn":null}]"#,
            r#""users":{}"#,
            ErrorKind::FieldChanged,
        ),
        // A second one, which a reader of JSON may take for the first.
        (
            r#""tags""#,
            r#""credentials":null,"tags""#,
            ErrorKind::DuplicateField,
        ),
        (
            r#""tags""#,
            r#""\u0063redentials":{},"tags""#,
            ErrorKind::DuplicateField,
        ),
        (
            r#""tags""#,
            r#""users":[],"tags""#,
            ErrorKind::DuplicateField,
        ),
        (
            r#""tags""#,
            r#""host":"sw1","tags""#,
            ErrorKind::DuplicateField,
        ),
        // The envelope itself.
        (
            r#""tags""#,
            r#""river_encrypt":null,"tags""#,
            ErrorKind::Malformed,
        ),
        (
            r#""tags""#,
            r#""river\u005fencrypt":null,"tags""#,
            ErrorKind::Malformed,
        ),
        (
            r#""tags":[ 1.10 ]}"#,
            r#""tags":[ 1.10 ]"#,
            ErrorKind::Malformed,
        ),
        ("[ 1.10 ]", "[ 1.10 }", ErrorKind::Malformed),
    ];
    for (from, to, expected) in attacks {
        let attack = stored.replacen(from, to, 1);
        assert_ne!(attack, stored, "{from}");
        assert_eq!(open(&hook, &attack), Err(expected), "{from} -> {to}");
    }
}

#[test]
fn what_cannot_be_sealed_by_fields_is_refused() {
    let hook = hook_of(&keys(), policy());
    let rest = r#""credentials":1,"users":[]"#;
    let refused = [
        ("[1]".to_owned(), ErrorKind::NotAnObject),
        ("null".to_owned(), ErrorKind::NotAnObject),
        (String::new(), ErrorKind::NotAnObject),
        (r#"{"credentials":1}"#.to_owned(), ErrorKind::FieldMissing),
        (format!("{{{rest}}}"), ErrorKind::FieldMissing),
        (
            r#"{"users":[{"ssn":1}]}"#.to_owned(),
            ErrorKind::FieldMissing,
        ),
        (
            format!(r#"{{{rest},"credentials":2}}"#),
            ErrorKind::DuplicateField,
        ),
        (
            format!(r#"{{{rest},"host":{{"a":1,"a":2}},"users":1}}"#),
            ErrorKind::DuplicateField,
        ),
        (
            r#"{"credentials":1,"users":[{"ssn":1}],"host":{"a":1,"a":2}}"#.to_owned(),
            ErrorKind::DuplicateField,
        ),
        (
            r#"{"credentials":1,"users":[{"ssn":1}],"river_encrypt":1}"#.to_owned(),
            ErrorKind::MarkerInArgs,
        ),
        (
            r#"{"credentials":1,"users":[{"ssn":1}],"a":{"river_encrypt":1}}"#.to_owned(),
            ErrorKind::MarkerInArgs,
        ),
        (format!("{{{rest}"), ErrorKind::Malformed),
        (format!("{{{rest}}}}}"), ErrorKind::Malformed),
    ];
    for (args, expected) in refused {
        let error = seal(&hook, &args).expect_err(&args);
        assert_eq!(error.kind(), expected, "{args}");
        assert!(!error.is_retryable());
    }
    // What would not open.
    for bytes in [&b"\xff"[..], b"\xed\xa0\x80"] {
        let args = [
            &br#"{"credentials":1,"users":[{"ssn":1}],"note":""#[..],
            bytes,
            b"\"}",
        ]
        .concat();
        let error = hook.seal_bytes(&JOB, &args).expect_err("it is no text");
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
    let stored = seal(&hook, ARGS).expect("it seals");
    let again = seal(&hook, &stored).expect_err("it is sealed");
    assert_eq!(again.kind(), ErrorKind::AlreadySealed);
    // Inside a sealed field the marker is the app's own.
    let own = ARGS.replacen("swordfish", r#"","river_encrypt":""#, 1);
    let stored = seal(&hook, &own).expect("it seals");
    assert_eq!(open(&hook, &stored), Ok(Some(own)));
}

#[test]
fn an_envelope_opens_whatever_the_policy_has_become() {
    let keys = keys();
    let (fields, whole) = (hook_of(&keys, policy()), hook_of(&keys, Policy::sealed()));
    let readable = hook_of(&keys, Policy::readable());
    let other = hook_of(
        &keys,
        Policy::fields(["/host"]).pad_to(512).reject_plaintext(),
    );
    let by_fields = seal(&fields, ARGS).expect("it seals");
    let as_a_whole = seal(&whole, ARGS).expect("it seals");
    let decrypt_only = fields.to_decrypt_only().expect("it accepts plaintext");
    for hook in [&fields, &whole, &readable, &other, &decrypt_only] {
        assert_eq!(open(hook, &by_fields), Ok(Some(ARGS.to_owned())));
        assert_eq!(open(hook, &as_a_whole), Ok(Some(ARGS.to_owned())));
    }
    assert_eq!(open(&fields, ARGS), Ok(None));
    assert_eq!(open(&other, ARGS), Err(ErrorKind::PlaintextRejected));
    assert_eq!(
        decrypt_only
            .seal_bytes(&JOB, ARGS.as_bytes())
            .expect("it is plaintext"),
        None
    );
    // Neither does a token of fields pass for plaintext under another marker.
    let renamed = by_fields.replacen("river_encrypt", "sealed", 1);
    assert_eq!(open(&fields, &renamed), Err(ErrorKind::Malformed));
}

/// Every place, key and form but its own.
#[test]
fn nothing_opens_in_a_foreign_place() {
    let keys = keys();
    let foreign_keys = self::keys();
    let policies = [
        policy(),
        policy().pad_to(64),
        Policy::sealed(),
        Policy::sealed().pad_to(64),
    ];
    for policy in policies {
        let hook = hook_of(&keys, policy.clone());
        let stored = seal(&hook, ARGS).expect("it seals");
        let token = token_of(&stored);
        let contexts = [
            JobContext::new("send_commands"),
            JOB.with_purpose(Purpose::OUTPUT),
            JOB.with_purpose(Purpose::ERROR),
            JOB.with_purpose(Purpose::VALUE),
            JOB.with_purpose(Purpose::VALUE).with_detail("password"),
            JOB.with_purpose(Purpose::VAULT),
            JOB.with_detail("password"),
        ];
        for context in contexts {
            let error = hook
                .open_bytes(&context, stored.as_bytes())
                .expect_err("foreign");
            assert_eq!(error.kind(), ErrorKind::AuthenticationFailed, "{context:?}");
        }
        let elsewhere = EncryptHook::builder(keys.clone())
            .namespace("staging")
            .default_policy(policy.clone())
            .build()
            .expect("a sound hook");
        assert_eq!(
            open(&elsewhere, &stored),
            Err(ErrorKind::AuthenticationFailed)
        );
        let stranger = hook_of(&foreign_keys, policy.clone());
        assert_eq!(open(&stranger, &stored), Err(ErrorKind::NoMatchingKey));
        // The same body under the name of another form, and of another key.
        let parts: Vec<&str> = token.split('.').collect();
        let own = foreign_keys.snapshot().primary().key_id().to_string();
        let name = parts[1].trim_end_matches("+pad");
        for form in ["jc1", "jc1f"] {
            for option in ["", "+pad"] {
                let other = format!("{form}.{name}{option}.{}.{}", parts[2], parts[3]);
                if other != token {
                    let dressed = stored.replace(&token, &other);
                    let expected = if stored.contains("null") && form == "jc1" {
                        ErrorKind::Malformed
                    } else {
                        ErrorKind::AuthenticationFailed
                    };
                    assert_eq!(open(&hook, &dressed), Err(expected), "{form}{option}");
                }
            }
        }
        let renamed = stored.replace(parts[2], &own);
        assert_eq!(
            open(&stranger, &renamed),
            Err(ErrorKind::AuthenticationFailed)
        );
        // The token of another job of the kind: its fields come back where its bound fields are.
        let other = seal(&hook, &ARGS.replacen("\"sw1\"", "\"sw2\"", 1)).expect("it seals");
        if stored.contains("null") {
            let swapped = stored.replace(&token, &token_of(&other));
            assert_eq!(open(&hook, &swapped), Err(ErrorKind::BoundFieldChanged));
        }
    }
}

#[test]
fn outputs_of_the_kind_are_sealed_as_a_whole() {
    let hook = hook_of(&keys(), policy());
    let output = JOB.with_purpose(Purpose::OUTPUT);
    let stored = hook
        .seal_bytes(&output, b"[1]")
        .expect("it seals")
        .expect("it is sealed");
    assert!(stored.starts_with(br#"{"river_encrypt":"jc1."#));
    assert_eq!(
        hook.open_bytes(&output, &stored)
            .expect("it opens")
            .as_deref(),
        Some(&b"[1]"[..])
    );
    assert!(hook.open_bytes(&JOB, &stored).is_err());
}

#[test]
fn batches_seal_all_or_nothing_and_open_one_by_one() {
    let hook = hook_of(&keys(), policy());
    let (mut one, mut two) = (ARGS.to_owned(), r#"{"host":1}"#.to_owned());
    let error = hook
        .seal_batch([(JOB, &mut one), (JOB, &mut two)])
        .expect_err("a field is missing");
    assert_eq!(error.kind(), ErrorKind::FieldMissing);
    assert_eq!(one, ARGS);
    two = ARGS.to_owned();
    hook.seal_batch([(JOB, &mut one), (JOB, &mut two)])
        .expect("both seal");
    two = two.replacen("\"sw1\"", "\"sw2\"", 1);
    let opened = hook.open_batch([(JOB, &mut one), (JOB, &mut two)]);
    assert_eq!(one, ARGS);
    assert_eq!(
        opened[1].as_ref().expect_err("it was changed").kind(),
        ErrorKind::BoundFieldChanged
    );
}

#[test]
fn a_move_to_another_key_leaves_the_rest_as_it_stands() {
    let keys = keys();
    let hook = hook_of(&keys, policy());
    let stored = seal(&hook, ARGS)
        .expect("it seals")
        .replacen("22,", "22, ", 1);
    keys.rotate(Key::new(Secretbox::new(secret())))
        .expect("another key");
    let moved = hook
        .migrate_bytes(&JOB, stored.as_bytes())
        .expect("it moves")
        .expect("it was old");
    let moved = String::from_utf8(moved).expect("it is text");
    assert_eq!(
        moved.replace(&token_of(&moved), ""),
        stored.replace(&token_of(&stored), "")
    );
    assert!(token_of(&moved).starts_with("jc1f.secretbox."));
    assert_eq!(
        open(&hook, &moved),
        Ok(Some(ARGS.replacen("22,", "22, ", 1)))
    );
    assert_eq!(
        hook.migrate_bytes(&JOB, moved.as_bytes())
            .expect("it is there"),
        None
    );
    // What was changed does not pass.
    let attack = stored.replacen("\"sw1\"", "\"sw2\"", 1);
    let error = hook
        .migrate_bytes(&JOB, attack.as_bytes())
        .expect_err("it was changed");
    assert_eq!(error.kind(), ErrorKind::BoundFieldChanged);
    // What was sealed as a whole stays so.
    let whole = hook_of(&keys, Policy::sealed());
    let as_a_whole = seal(&whole, ARGS).expect("it seals");
    keys.rotate(XChaCha20Poly1305::new(secret()))
        .expect("another key");
    let moved = hook
        .migrate_bytes(&JOB, as_a_whole.as_bytes())
        .expect("it moves")
        .expect("it was old");
    assert!(moved.starts_with(br#"{"river_encrypt":"jc1.xchacha"#));
}

#[test]
fn padded_tokens_of_one_bucket_have_one_length() {
    for policy in [Policy::sealed().pad_to(256), policy().pad_to(256)] {
        for ring in [
            Keyring::new(XChaCha20Poly1305::new(secret())),
            Keyring::new(Secretbox::new(secret())),
        ] {
            let hook = hook_of(
                &ring.build().expect("a sound keyring").into(),
                policy.clone(),
            );
            let lengths = ["a", "abcdef", "abcdefabcdef"].map(|password| {
                let args = format!(r#"{{"credentials":"{password}","users":[{{"ssn":1}}]}}"#);
                let stored = seal(&hook, &args).expect("it seals");
                assert!(token_of(&stored).contains("+pad."));
                assert_eq!(open(&hook, &stored), Ok(Some(args)));
                token_of(&stored).len()
            });
            assert!(lengths.iter().all(|len| *len == lengths[0]), "{lengths:?}");
        }
    }
}

#[test]
fn a_policy_that_contradicts_itself_makes_no_hook() {
    let keys = keys();
    let unsound = [
        Policy::fields([""; 0]),
        Policy::fields([""]),
        Policy::fields(["credentials"]),
        Policy::fields(["/a~3"]),
        Policy::fields(["/a", "/a"]),
        Policy::fields(["/a", "/a/b"]),
        Policy::fields(["/*/b", "/a/b"]),
        Policy::fields(["/a/b"]).bind(["/a"]),
        Policy::fields(["/a"]).bind(["/*"]),
        Policy::fields((0..65).map(|number| format!("/{number}"))),
        Policy::sealed().bind(["/a"]),
        Policy::readable().optional_fields(["/a"]),
        Policy::sealed().pad_to(0),
        Policy::sealed().pad_to(1),
        Policy::sealed().pad_to(u32::MAX),
    ];
    for policy in unsound {
        let told = format!("{policy:?}");
        for builder in [
            EncryptHook::builder(keys.clone()).default_policy(policy.clone()),
            EncryptHook::builder(keys.clone()).kind("send_command", policy),
        ] {
            let error = builder.build().expect_err(&told);
            assert_eq!(error.kind(), ErrorKind::InvalidConfiguration, "{told}");
        }
    }
}
