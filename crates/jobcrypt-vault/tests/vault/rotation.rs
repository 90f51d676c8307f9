//! From one key to the next, without a moment in which the vault opens under neither.

use std::{collections::BTreeSet, fs};

use jobcrypt_vault::{Value, ValuePath, Vault, VaultError, VaultForm};

use crate::bench::{CIPHERS, files_in, json, key, keyring, on_disk, options, path, text, whole};

const CREDENTIALS: &str = r#"{"a":"one","b":{"c":"two","d":3}}"#;

#[test]
fn all_values_move_to_the_primary_and_the_old_key_may_go() {
    let (folder, file) = on_disk(&options(&[1]), CREDENTIALS);
    let rotated = options(&[2, 1]).rotate(&file).expect("both keys are there");
    assert_eq!(
        (rotated.moved, rotated.kept, rotated.is_written),
        (3, 0, true)
    );
    let new_id = key("xchacha20poly1305", 2).key_id();
    assert_eq!(rotated.primary, new_id);
    // The old key stays accepted beside the new one, and is needed no more.
    for keys in [&[2, 1][..], &[2]] {
        let vault = options(keys).open(&file).expect("it opens");
        assert_eq!(whole(&vault), CREDENTIALS);
        assert_eq!(vault.keys_in_use(), BTreeSet::from([new_id]));
    }
    let error = options(&[1])
        .open(&file)
        .expect_err("it is under the new key");
    assert!(matches!(error, VaultError::WrongKey { wanted: Some(id), .. } if id == new_id));
    assert_eq!(files_in(folder.path()), ["credentials.vault"]);
}

#[test]
fn a_rotation_that_is_run_again_changes_nothing() {
    let (_folder, file) = on_disk(&options(&[1]), CREDENTIALS);
    options(&[2, 1]).rotate(&file).expect("it rotates");
    let written = fs::read(&file).expect("it is there");
    let again = options(&[2, 1]).rotate(&file).expect("it is run again");
    assert_eq!((again.moved, again.kept, again.is_written), (0, 3, false));
    assert_eq!(fs::read(&file).expect("it is there"), written);
}

#[test]
fn what_was_set_under_the_new_key_before_stays() {
    let (_folder, file) = on_disk(&options(&[1]), CREDENTIALS);
    let set = |vault: &mut Vault| vault.set(&path("e"), &Value::from("new"));
    options(&[2, 1]).update(&file, set).expect("it is set");
    let vault = options(&[2, 1]).open(&file).expect("it opens");
    assert_eq!(vault.keys_in_use().len(), 2);
    // The key of the file is still under the old key, and so is needed to open it.
    assert!(options(&[2]).open(&file).is_err());
    let rotated = options(&[2, 1]).rotate(&file).expect("it rotates");
    assert_eq!((rotated.moved, rotated.kept), (3, 1));
    assert!(options(&[2]).open(&file).is_ok());
}

#[test]
fn who_had_the_old_key_cannot_write_a_file_that_the_new_one_opens() {
    let old = options(&[1]);
    let mut vault = old.make(&json(CREDENTIALS)).expect("it is sealed");
    let before = text(&vault);
    let key_line = |text: &str| text.lines().nth(2).expect("the key").to_owned();
    vault = options(&[2, 1]).parse(&before).expect("it opens");
    vault.rotate().expect("it rotates");
    let after = text(&vault);
    assert_ne!(key_line(&before), key_line(&after));
    // The old line with the MAC key that he knows, in the new file.
    let forged = after.replace(&key_line(&after), &key_line(&before));
    assert!(matches!(
        options(&[2]).parse(&forged),
        Err(VaultError::WrongKey { .. })
    ));
    assert!(matches!(
        options(&[2, 1]).parse(&forged),
        Err(VaultError::Damaged { .. })
    ));
}

#[test]
fn without_the_old_key_nothing_is_written() {
    let (folder, file) = on_disk(&options(&[1]), CREDENTIALS);
    let written = fs::read(&file).expect("it is there");
    let error = options(&[2])
        .rotate(&file)
        .expect_err("the old key is missing");
    assert!(matches!(error, VaultError::WrongKey { .. }), "{error}");
    assert_eq!(fs::read(&file).expect("it is there"), written);
    assert_eq!(files_in(folder.path()), ["credentials.vault"]);
}

#[test]
fn a_vault_moves_between_ciphers() {
    for from in CIPHERS {
        for to in CIPHERS {
            let old = Vault::options(keyring([key(from, 1)]));
            let (_folder, file) = on_disk(&old, CREDENTIALS);
            let both = Vault::options(keyring([key(to, 2), key(from, 1)]));
            assert_eq!(both.rotate(&file).expect("it rotates").moved, 3);
            let new = Vault::options(keyring([key(to, 2)]));
            assert_eq!(whole(&new.open(&file).expect("it opens")), CREDENTIALS);
        }
    }
}

#[test]
fn the_seeds_format_rotates_too_and_stays_the_seeds() {
    let old = Vault::options(keyring([key("fernet", 1)])).form(VaultForm::Fernet);
    let (_folder, file) = on_disk(&old, CREDENTIALS);
    let both = || Vault::options(keyring([key("fernet", 2), key("fernet", 1)]));
    let rotated = both().rotate(&file).expect("it rotates");
    assert_eq!((rotated.moved, rotated.is_written), (3, true));
    assert!(!both().rotate(&file).expect("it is run again").is_written);
    let new = Vault::options(keyring([key("fernet", 2)]));
    let vault = new.open(&file).expect("it opens");
    assert_eq!((vault.form(), vault.id()), (VaultForm::Fernet, None));
    assert_eq!(
        vault.get(&ValuePath::root()).expect("it opens").as_json(),
        CREDENTIALS
    );
    assert!(old.open(&file).is_err());
}
