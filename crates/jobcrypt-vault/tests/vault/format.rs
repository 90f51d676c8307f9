//! Files that were written once and open for ever.

use jobcrypt_vault::{Vault, VaultForm};

use crate::bench::{key, keyring, text, whole};

const VALUES: &str = r#"{"api.example.com":{"key":"s3cret!P@ss"},"database":{"host":"db.example.com","port":5432,"tls":true},"empty":{},"hosts":["a",{"b":1.0}],"nothing":null,"text":"line\n\"é\" 😀"}"#;

/// A cipher, and a vault under its key of number 1 in the bench.
const FROZEN: [(&str, &str); 3] = [
    ("fernet", include_str!("../data/fernet.vault")),
    ("secretbox", include_str!("../data/secretbox.vault")),
    (
        "xchacha20poly1305",
        include_str!("../data/xchacha20poly1305.vault"),
    ),
];
const SEED: &str = include_str!("../data/credentials.enc");

#[test]
fn frozen_vaults_open_and_are_written_back_as_they_were() {
    for (cipher, frozen) in FROZEN {
        let vault = Vault::options(keyring([key(cipher, 1)]))
            .parse(frozen)
            .expect(cipher);
        assert_eq!(vault.form(), VaultForm::Jobcrypt);
        assert_eq!(whole(&vault), VALUES);
        assert_eq!(text(&vault), frozen);
        assert_eq!(vault.verify().expect("all open"), 8);
    }
}

#[test]
fn a_document_of_the_seeds_python_opens_and_is_written_back_as_it_was() {
    let vault = Vault::options(keyring([key("fernet", 1)]))
        .parse(SEED)
        .expect("it is whole");
    assert_eq!(vault.form(), VaultForm::Fernet);
    assert_eq!(whole(&vault), VALUES);
    assert_eq!(text(&vault), SEED);
}
