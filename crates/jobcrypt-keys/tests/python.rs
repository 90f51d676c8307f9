//! Python's `cryptography` reads a repository of ours the way Keystone does, and we read one that it
//! rotated.

use std::{fs, process::Command, time::Duration};

use jobcrypt_core::{CipherName, EncryptHook, JobContext};
use jobcrypt_keys::{KeyRepository, KeyState, Usage};
use serde_json::Value;

/// What Keystone's `fernet_utils.py` and `credential/providers/fernet/core.py` do, in their order.
const KEYSTONE: &str = r#"
import hashlib, json, os, sys
from cryptography.fernet import Fernet, MultiFernet
repository, action = sys.argv[1:]

def load_keys():
    keys = {}
    for name in os.listdir(repository):
        path = os.path.join(repository, name)
        if os.path.isfile(path):
            with open(path) as key_file:
                try:
                    number = int(name)
                except ValueError:
                    continue
                keys[number] = key_file.read()
    return [keys[number] for number in sorted(keys, reverse=True)]

def rotate():
    numbers = [int(name) for name in os.listdir(repository) if name.isdigit()]
    old_umask = os.umask(0o177)
    with open(os.path.join(repository, "0.tmp"), "w") as key_file:
        key_file.write(Fernet.generate_key().decode())
    os.umask(old_umask)
    os.rename(os.path.join(repository, "0"), os.path.join(repository, str(max(numbers) + 1)))
    os.rename(os.path.join(repository, "0.tmp"), os.path.join(repository, "0"))
    numbers = sorted(int(name) for name in os.listdir(repository) if name.isdigit())
    for number in numbers[1:-2]:
        os.remove(os.path.join(repository, str(number)))

if action == "rotate":
    rotate()
keys = load_keys()
fernet = MultiFernet([Fernet(key) for key in keys])
if action == "encrypt":
    print(json.dumps({"token": fernet.encrypt(b"a blob").decode(),
                      "key_hash": hashlib.sha1(keys[0].encode()).hexdigest()}))
elif action != "rotate":
    print(json.dumps(fernet.decrypt(action.encode()).decode()))
"#;

fn keystone(repository: &KeyRepository, action: &str) -> Value {
    let Some(python) = std::env::var_os("JOBCRYPT_TEST_PYTHON") else {
        panic!("JOBCRYPT_TEST_PYTHON is not set: run the tests with `cargo xtask test`");
    };
    let output = Command::new(python)
        .args(["-c", KEYSTONE])
        .arg(repository.path())
        .arg(action)
        .output()
        .expect("Python runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn rotate(repository: &KeyRepository) {
    let rotation = repository.begin_rotation().expect("the lock is free");
    let rotation = rotation.with_grace(Duration::ZERO);
    rotation.commit(&Usage::counted([], 0)).expect("it rotates");
}

#[test]
fn python_decrypts_across_our_rotation_and_names_the_key_as_we_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = KeyRepository::setup_keystone(folder.path().join("keys")).expect("set up");
    let encrypted = keystone(&repository, "encrypt");
    let token = encrypted["token"].as_str().expect("there is a token");
    let key_hash = encrypted["key_hash"].as_str().expect("there is a hash");
    let primary = repository.snapshot().expect("it can be read").primary().id;
    let status = repository.status().expect("it can be read");
    assert_eq!(status.key_by_hash(key_hash), Some(primary));

    rotate(&repository);
    assert_eq!(keystone(&repository, token), "a blob");
    let after = keystone(&repository, "encrypt");
    assert_ne!(after["key_hash"], encrypted["key_hash"]);
    // What Keystone's own check against over-rotation compares.
    let status = repository.status().expect("it can be read");
    let is_primary = |key: &&jobcrypt_keys::KeyStatus| key.record.state == KeyState::Primary;
    let key = status.keys.iter().find(is_primary).expect("there is one");
    assert_eq!(after["key_hash"], key.key_hashes[0].as_str());
}

#[test]
fn jobs_open_across_a_rotation_by_python() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = KeyRepository::setup_keystone(folder.path().join("keys")).expect("set up");
    let hook = || {
        let keyring = repository.keyring(jobcrypt_ciphers::encryptor);
        EncryptHook::builder(keyring.expect("it is a keyring"))
            .build()
            .expect("it is a hook")
    };
    let mut args = br#"{"to":"ada"}"#.to_vec();
    hook()
        .seal(&JobContext::new("send_letter"), &mut args)
        .expect("it is sealed");
    keystone(&repository, "rotate");
    rotate(&repository);
    hook()
        .open(&JobContext::new("send_letter"), &mut args)
        .expect_err("two rotations later the key is in the archive");
    let retired = repository.snapshot().expect("it can be read").tombstones()[0].id;
    repository.restore(retired).expect("it is restored");
    hook()
        .open(&JobContext::new("send_letter"), &mut args)
        .expect("it opens");
    assert_eq!(args, br#"{"to":"ada"}"#);
    assert!(fs::read_dir(repository.path()).is_ok());
    assert_eq!(
        hook().keys().snapshot().primary().cipher(),
        CipherName::FERNET
    );
}
