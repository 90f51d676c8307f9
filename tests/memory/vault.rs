//! What a vault leaves in memory: no value, once what was asked for is dropped.

use std::error::Error;

use jobcrypt::{
    CipherName, Keyring, Keys, SecretKey, ciphers,
    vault::{Value, ValuePath, Vault, VaultForm, VaultOptions},
};
use zeroize::Zeroizing;

use crate::{random_args, secret::Secret};

pub(crate) fn values_are_gone(cipher: CipherName) -> Result<(), Box<dyn Error>> {
    let forms: &[VaultForm] = match cipher {
        CipherName::FERNET => &[VaultForm::Jobcrypt, VaultForm::Fernet],
        _ => &[VaultForm::Jobcrypt],
    };
    for form in forms {
        let key = || ciphers::encryptor(cipher, SecretKey::generate()?);
        let keys = Keys::from(Keyring::new(key()?).build()?);
        let options = Vault::options(keys.clone()).form(*form);
        let value = random_args()?;
        let secrets = [Secret::of(&value[8..40]), Secret::of(&value[200..220])];
        // With escapes, which are resolved and written again on the way.
        let middle = value.len() / 2;
        let (begin, end) = (&value[1..middle], &value[middle..value.len() - 1]);
        let json = Zeroizing::new(
            [
                b"{\"a\":{\"b\":\"",
                begin,
                b"\\n\\u00e9",
                end,
                b"\",\"c\":1}}",
            ]
            .concat(),
        );
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("credentials.vault");

        let held = Value::from_json(std::str::from_utf8(&json)?)?;
        assert!(secrets[0].is_found()?, "a value in use was not found");
        options.create(&file, &held)?;
        drop((held, value, json));
        use_it(&options, &file)?;
        keys.rotate(key()?)?;
        options.rotate(&file)?;
        use_it(&options, &file)?;
        for secret in &secrets {
            assert!(!secret.is_found()?, "{cipher}, {form:?}: a value is left");
        }
    }
    Ok(())
}

/// Through every door of a vault.
fn use_it(options: &VaultOptions, file: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let path: ValuePath = "a.b".parse()?;
    let mut vault = options.open(file)?;
    let text = vault.get(&path)?.to_text();
    assert!(text.contains('é'));
    let whole = vault.get(&ValuePath::root())?;
    assert_eq!(whole.at(&path).as_ref(), Some(&vault.get(&path)?));
    vault.values(&ValuePath::root())?;
    assert_eq!(vault.get(&"a".parse()?)?.children().len(), 2);
    vault.verify()?;
    // Moved to another place and back, and merged with itself.
    vault.set(&"moved".parse()?, &whole)?;
    vault.save()?;
    vault.unset(&"moved".parse()?)?;
    vault.save()?;
    let text = vault.to_text()?;
    options.merge(&text, &text, &text)?;
    vault.diff(&options.parse(&text)?)?;
    Ok(())
}
