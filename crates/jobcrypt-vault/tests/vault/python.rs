//! Python's `cryptography`: the seed's own code on its `credentials.enc`, and a reader and writer of the own format that was
//! written from docs/vault-format.md.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use jobcrypt_vault::{Value, ValuePath, Vault, VaultForm, VaultOptions};

use crate::bench::{json, key, keyring, path, secret, whole};

fn python(script: &str, arguments: &[&str]) -> Output {
    let Some(python) = std::env::var_os("JOBCRYPT_TEST_PYTHON") else {
        panic!("JOBCRYPT_TEST_PYTHON is not set: run the tests with `cargo xtask test`");
    };
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let output = Command::new(python)
        .arg(scripts.join(script))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CI_PIPELINE_ID", "77")
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {arguments:?}: {errors}");
    output
}

/// The key as the seed's `Fernet.generate_key` writes it.
fn url_safe(number: u8) -> String {
    secret(number)
        .to_base64()
        .replace('+', "-")
        .replace('/', "_")
}

fn options(numbers: &[u8]) -> VaultOptions {
    Vault::options(keyring(numbers.iter().map(|number| key("fernet", *number))))
}

fn name(file: &Path) -> &str {
    file.to_str().expect("it is text")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

#[test]
fn the_seeds_python_and_this_vault_read_write_and_rotate_each_others_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("credentials.enc");
    let seed = |arguments: &[&str]| printed(&python("seed.py", arguments));

    // Python creates; we read, change and rotate.
    seed(&["create", name(&file), &url_safe(1)]);
    let vault = options(&[1]).open(&file).expect("it opens");
    assert_eq!(vault.form(), VaultForm::Fernet);
    assert_eq!(
        *vault
            .get(&path("database.password"))
            .expect("it is there")
            .to_text(),
        "s3cret!P@ss"
    );
    assert_eq!(
        vault
            .get_as::<u16>(&path("database.port"))
            .expect("it fits"),
        5432
    );
    let set = |vault: &mut Vault| vault.set(&path("database.password"), &Value::from("é\n\"new\""));
    options(&[1]).update(&file, set).expect("it is set");
    assert!(
        options(&[2, 1])
            .rotate(&file)
            .expect("it rotates")
            .is_written
    );

    // Python reads what we wrote, and rotates it.
    assert_eq!(
        seed(&["get", name(&file), &url_safe(2), "database.password"]),
        "é\n\"new\""
    );
    assert_eq!(
        seed(&["get", name(&file), &url_safe(2), "database.port"]),
        "5432"
    );
    assert!(
        seed(&["inject", name(&file), &url_safe(2), "MYAPP_"])
            .contains("MYAPP_API_KEYS_STRIPE=sk_live_xxxxx")
    );
    seed(&["rotate", name(&file), &url_safe(2), &url_safe(3)]);
    let vault = options(&[3]).open(&file).expect("it opens");
    assert_eq!(
        *vault
            .get(&path("database.password"))
            .expect("it is there")
            .to_text(),
        "é\n\"new\""
    );
    let error = options(&[1, 2])
        .open(&file)
        .expect_err("it is under another key")
        .to_string();
    assert!(error.contains("none of the keys given opens it"), "{error}");

    // We create; Python reads.
    let other = folder.path().join("other.enc");
    let values = json(r#"{"a":{"b":"x"},"list":[1,"two",null],"big":12345678901234567890123}"#);
    options(&[1])
        .form(VaultForm::Fernet)
        .create(&other, &values)
        .expect("it is created");
    assert_eq!(seed(&["get", name(&other), &url_safe(1), "a.b"]), "x");
    assert_eq!(
        seed(&["get", name(&other), &url_safe(1), "list"]),
        "[1, 'two', None]"
    );
    assert_eq!(
        seed(&["get", name(&other), &url_safe(1), "big"]),
        "12345678901234567890123"
    );
}

#[test]
fn a_reader_that_knows_only_the_written_format_reads_and_writes_a_vault() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("credentials.vault");
    let values = r#"{"a":{"b":"x","c d":[1,2]},"é":null}"#;
    options(&[1])
        .create(&file, &json(values))
        .expect("it is created");
    let format = |arguments: &[&str]| printed(&python("vault_format.py", arguments));

    let listed = "a[\"c d\"]\t[1,2]\na.b\t\"x\"\n[\"é\"]\tnull";
    let read = format(&["read", name(&file), &url_safe(1)]);
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&read), sorted(listed));
    format(&["set", name(&file), &url_safe(1), "a.b", "\"from Python\""]);
    let vault = options(&[1]).open(&file).expect("its MAC fits");
    assert_eq!(
        *vault.get(&path("a.b")).expect("it opens").to_text(),
        "from Python"
    );
    assert_eq!(vault.names().len(), 3);

    // And one that Python made from nothing.
    let made = folder.path().join("made.vault");
    format(&["make", name(&made), &url_safe(1)]);
    assert_eq!(
        whole(&options(&[1]).open(&made).expect("its MAC fits")),
        "{}"
    );
    format(&["set", name(&made), &url_safe(1), "z", "1"]);
    format(&["set", name(&made), &url_safe(1), "y", "2"]);
    assert_eq!(
        whole(&options(&[1]).open(&made).expect("its MAC fits")),
        r#"{"y":2,"z":1}"#
    );

    // Python refuses what we refuse.
    let written = fs::read_to_string(&made).expect("it is there");
    fs::write(&made, written.replacen("y = ", "x = ", 1)).expect("it is ours");
    options(&[1]).open(&made).expect_err("it was altered");
    assert!(format(&["read", name(&made), &url_safe(1)]).starts_with("refused"));
    assert!(vault.get(&ValuePath::root()).is_ok());
}
