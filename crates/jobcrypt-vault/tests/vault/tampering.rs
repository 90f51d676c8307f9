//! Nothing opens but what was written, and a file that does not open is left as it is.

use std::fs;

use jobcrypt_core::CipherName;
use jobcrypt_vault::{Value, Vault, VaultError, VaultForm, VaultOptions};

use crate::bench::{CIPHERS, files_in, json, key, keyring, on_disk, options, path, text};

const CREDENTIALS: &str = r#"{"a":"hunter1","b":{"c":"hunter2","d":"hunter3"}}"#;

/// Tries a file that is not what was written: it opens for nobody, and stays.
fn must_be_refused(options: &VaultOptions, altered: &[u8], what: &str) -> VaultError {
    let error = match options.parse(altered) {
        Err(error) => error,
        Ok(vault) => panic!("{what}: it opens as {}", crate::bench::whole(&vault)),
    };
    let shown = format!("{error} {error:?}");
    for value in ["hunter1", "hunter2", "hunter3"] {
        assert!(!shown.contains(value), "{what}: {shown}");
    }
    error
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn joined(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

fn is_damaged(error: &VaultError) -> bool {
    matches!(error, VaultError::Damaged { .. })
}

#[test]
fn every_bit_of_the_file_counts() {
    for cipher in CIPHERS {
        let options = Vault::options(keyring([key(cipher, 1)]));
        let written = text(&options.make(&json(CREDENTIALS)).expect("it is sealed"));
        for at in 0..written.len() {
            for bit in 0..8 {
                let mut altered = written.clone().into_bytes();
                altered[at] ^= 1 << bit;
                must_be_refused(
                    &options,
                    &altered,
                    &format!("{cipher}, byte {at}, bit {bit}"),
                );
            }
        }
    }
}

#[test]
fn every_byte_that_is_cut_off_or_added_counts() {
    let options = options(&[1]);
    let written = text(&options.make(&json(CREDENTIALS)).expect("it is sealed"));
    for end in 0..written.len() {
        must_be_refused(
            &options,
            &written.as_bytes()[..end],
            &format!("cut at {end}"),
        );
        must_be_refused(
            &options,
            &written.as_bytes()[end + 1..],
            &format!("cut up to {end}"),
        );
        for added in ["\n", " ", "\r", "x"] {
            let mut longer = written.clone();
            longer.insert_str(end, added);
            must_be_refused(&options, longer.as_bytes(), &format!("{added:?} at {end}"));
        }
    }
}

#[test]
fn lines_cannot_be_added_dropped_swapped_or_renamed() {
    let options = options(&[1]);
    let mut vault = options.make(&json(CREDENTIALS)).expect("it is sealed");
    let old = lines(&text(&vault));
    vault
        .set(&path("a"), &Value::from("later"))
        .expect("it is set");
    let new = lines(&text(&vault));
    let head = 5;
    let token = |line: &str| line.rsplit_once(" = ").expect("an entry").1.to_owned();
    let mut altered: Vec<(&str, Vec<String>)> = Vec::new();

    let mut swapped = new.clone();
    swapped[head] = format!("a = {}", token(&new[head + 1]));
    swapped[head + 1] = format!("b.c = {}", token(&new[head]));
    altered.push(("two values swapped", swapped));
    let mut dropped = new.clone();
    dropped.remove(head + 1);
    altered.push(("a value dropped", dropped));
    let mut added = new.clone();
    added.push(format!("z = {}", token(&new[head])));
    altered.push(("a value added", added));
    let mut twice = new.clone();
    twice.insert(head, new[head].clone());
    altered.push(("a value twice", twice));
    let mut renamed = new.clone();
    renamed[head] = new[head].replacen('a', "A", 1);
    altered.push(("a value renamed", renamed));
    let mut reordered = new.clone();
    reordered.swap(head, head + 1);
    altered.push(("two lines swapped", reordered));
    let mut older = new.clone();
    older[head].clone_from(&old[head]);
    altered.push(("a value from an older version", older));
    let mut old_mac = new.clone();
    old_mac[3].clone_from(&old[3]);
    altered.push(("the MAC of an older version", old_mac));
    let only_head = new[..4].to_vec();
    altered.push(("all values dropped", only_head));

    for (what, lines) in altered {
        let error = must_be_refused(&options, joined(&lines).as_bytes(), what);
        assert!(is_damaged(&error), "{what}: {error}");
    }
    // The one thing that is not detected, as docs/vault-format.md says: an older version, whole.
    assert!(options.parse(joined(&old)).is_ok());
}

#[test]
fn nothing_of_another_vault_opens_even_under_the_same_key() {
    let options = options(&[1]);
    let ours = lines(&text(
        &options.make(&json(CREDENTIALS)).expect("it is sealed"),
    ));
    let foreign = options.make(&json(CREDENTIALS)).expect("it is sealed");
    let theirs = lines(&text(&foreign));
    for mask in 1..(1 << 5) - 1 {
        // The id, the key, the MAC, a value, the others: each from here or from there.
        let mut mixed = ours.clone();
        for (bit, line) in [1, 2, 3, 5].into_iter().enumerate() {
            if mask & (1 << bit) != 0 {
                mixed[line].clone_from(&theirs[line]);
            }
        }
        if mask & (1 << 4) != 0 {
            mixed[6..].clone_from_slice(&theirs[6..]);
        }
        must_be_refused(&options, joined(&mixed).as_bytes(), &format!("{mask:05b}"));
    }
    // As a whole it is a vault like ours, so whoever minds says which one is meant.
    let id = options
        .parse(joined(&ours))
        .expect("it is whole")
        .id()
        .expect("it has one");
    let error = options
        .clone()
        .only(id)
        .parse(joined(&theirs))
        .expect_err("it is another one");
    assert!(
        matches!(error, VaultError::Foreign { found, wanted, .. } if Some(found) == foreign.id() && wanted == id)
    );
}

#[test]
fn without_a_key_nobody_makes_a_file_that_opens() {
    let options = options(&[1]);
    let ours = lines(&text(
        &options.make(&json(CREDENTIALS)).expect("it is sealed"),
    ));
    // An attacker makes a vault with a key of his own, and dresses it up as ours in each way.
    let his = lines(&text(
        &crate::bench::options(&[9])
            .make(&json(CREDENTIALS))
            .expect("it is sealed"),
    ));
    for (what, taken) in [
        ("his file", vec![]),
        ("his file with our id", vec![1]),
        ("his file with our key", vec![2]),
        ("his file with our id and key", vec![1, 2]),
        ("his file with our id, key and MAC", vec![1, 2, 3]),
    ] {
        let mut dressed = his.clone();
        for line in taken {
            dressed[line].clone_from(&ours[line]);
        }
        must_be_refused(&options, joined(&dressed).as_bytes(), what);
    }
    // Our key's name on his token.
    let name = |line: &str| line.split('.').nth(2).expect("a token").to_owned();
    let renamed = joined(&his).replace(&name(&his[2]), &name(&ours[2]));
    assert!(is_damaged(&must_be_refused(
        &options,
        renamed.as_bytes(),
        "our name on his token"
    )));
}

#[test]
fn wrong_keys_damage_and_later_versions_are_told_apart() {
    let options = options(&[1]);
    let vault = options.make(&json(CREDENTIALS)).expect("it is sealed");
    let written = text(&vault);
    let error = crate::bench::options(&[2, 3])
        .parse(&written)
        .expect_err("the key is missing");
    let id = key("xchacha20poly1305", 1).key_id();
    assert!(
        matches!(error, VaultError::WrongKey { wanted: Some(wanted), tried: 2, .. } if wanted == id)
    );
    assert!(error.to_string().contains(&id.to_string()), "{error}");

    let later = written.replacen("jobcrypt-vault 1", "jobcrypt-vault 2", 1);
    for later in [later, written.replacen("= jc1.", "= jc2.", 1)] {
        let error = options.parse(later).expect_err("it is of a later version");
        assert!(
            matches!(error, VaultError::UnsupportedVersion { .. }),
            "{error}"
        );
    }
    let merged = format!("{written}<<<<<<< ours\n=======\n>>>>>>> theirs\n");
    let error = must_be_refused(&options, merged.as_bytes(), "merged as text").to_string();
    assert!(error.contains("jobcrypt vault merge"), "{error}");
    let windows = written.replace('\n', "\r\n");
    let error = must_be_refused(&options, windows.as_bytes(), "CRLF").to_string();
    assert!(error.contains(".gitattributes"), "{error}");
    for nothing in ["", "{}", "a: b", "\u{feff}jobcrypt-vault 1\n"] {
        assert!(is_damaged(&must_be_refused(
            &options,
            nothing.as_bytes(),
            nothing
        )));
    }
    assert!(is_damaged(&must_be_refused(
        &options,
        b"\xff\xfe",
        "no text"
    )));
}

#[test]
fn a_file_that_is_refused_is_not_touched() {
    let options = options(&[1]);
    let (folder, file) = on_disk(&options, CREDENTIALS);
    let written = fs::read_to_string(&file).expect("it is there");
    let foreign = text(
        &crate::bench::options(&[2])
            .make(&json(CREDENTIALS))
            .expect("it is sealed"),
    );
    for altered in [
        "",
        &written[..written.len() / 2],
        &written.replacen("a = ", "aa = ", 1),
        &foreign,
    ] {
        fs::write(&file, altered).expect("it is ours");
        let changed = options.update(&file, |vault| vault.set(&path("a"), &Value::from("x")));
        let error = changed.expect_err("it is refused").to_string();
        assert!(error.contains("credentials.vault"), "{error}");
        options.rotate(&file).expect_err("it is refused");
        let created = options.create(&file, &json("{}")).expect_err("it is there");
        assert!(matches!(created, VaultError::FileExists { .. }));
        assert_eq!(fs::read_to_string(&file).expect("it is there"), *altered);
        assert_eq!(files_in(folder.path()), ["credentials.vault"]);
    }
}

#[test]
fn the_seeds_format_is_one_token_and_all_of_it_counts() {
    let options = Vault::options(keyring([key("fernet", 1)]));
    let vault = options
        .clone()
        .form(VaultForm::Fernet)
        .make(&json(CREDENTIALS))
        .expect("it is sealed");
    let written = text(&vault);
    for at in 0..written.len() {
        for bit in 0..8 {
            let mut altered = written.clone().into_bytes();
            altered[at] ^= 1 << bit;
            // White space around the token is none of it.
            if altered.trim_ascii() != written.as_bytes() {
                must_be_refused(&options, &altered, &format!("byte {at}, bit {bit}"));
            }
        }
        must_be_refused(&options, &written.as_bytes()[..at], &format!("cut at {at}"));
    }
    let error = must_be_refused(
        &options,
        &written.as_bytes()[..written.len() - 4],
        "cut short",
    );
    assert!(is_damaged(&error), "{error}");
    let error = Vault::options(keyring([key("fernet", 2)]))
        .parse(&written)
        .expect_err("the key is another one");
    assert!(
        matches!(
            error,
            VaultError::WrongKey {
                wanted: None,
                tried: 1,
                ..
            }
        ),
        "{error}"
    );
    let error = crate::bench::options(&[1])
        .parse(&written)
        .expect_err("there is no Fernet key");
    assert!(matches!(error, VaultError::KeyMissing { .. }), "{error}");
}

#[test]
fn a_token_of_the_own_format_is_no_document_of_the_seeds() {
    let keys = || keyring([key("fernet", 1)]);
    let vault = Vault::options(keys())
        .make(&json(r#"{"a":{}}"#))
        .expect("it is sealed");
    let written = text(&vault);
    let body = written.rsplit_once('.').expect("a token").1.trim_end();
    let padded = format!("{body}{}", "=".repeat((4 - body.len() % 4) % 4));
    assert!(padded.starts_with("gAAAAA"));
    assert_eq!(vault.keys_in_use().len(), 1);
    assert_eq!(keys().primary().cipher(), CipherName::FERNET);
    let error = must_be_refused(
        &Vault::options(keys()),
        padded.as_bytes(),
        "a jc1 body as a document",
    );
    assert!(is_damaged(&error), "{error}");
}
