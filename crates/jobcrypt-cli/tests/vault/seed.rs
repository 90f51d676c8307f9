//! The walk-through of the seed, by the command, beside its Python.

use crate::workbench::{self, JOBCRYPT, Run, Workbench, run};

const SECRETS: &str = r#"{"database":{"host":"db.example.com","port":5432,"username":"app_user","password":"s3cret!P@ss"},
"api_keys":{"stripe":"sk_live_xxxxx","aws":"AKIAIOSFODNN7EXAMPLE"},"ssh":{"private_key":"-----BEGIN RSA PRIVATE KEY-----\nMIIEpA..."},"tls":true,"none":null,"list":[1,"a"]}"#;

fn jobcrypt(bench: &Workbench, key: &str, arguments: &[&str], input: &str) -> Run {
    let mut command = bench.command(JOBCRYPT);
    command
        .env_remove("JOBCRYPT_KEYS_FILE")
        .env("MASTER_KEY", key);
    run(command.args(arguments), input)
}

fn python(bench: &Workbench, key: &str, script: &str) -> Run {
    let seed = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../jobcrypt-vault/tests/python"
    );
    let mut command = bench.command(&workbench::python());
    command
        .env("PYTHONPATH", seed)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("MASTER_KEY", key);
    let script =
        format!("import os, json, seed\nkey = os.environ['MASTER_KEY'].encode()\n{script}");
    run(command.args(["-c", &script]), "")
}

#[test]
fn the_walk_through_of_the_seed() {
    let bench = Workbench::new();
    let generate = || jobcrypt(&bench, "", &["keys", "generate", "--cipher", "fernet"], "").done();
    let key = generate().trim().to_owned();
    let create = [
        "vault",
        "create",
        "credentials.enc",
        "--form",
        "fernet",
        "--from",
        "-",
        "--source",
        "json",
    ];
    jobcrypt(&bench, &key, &create, SECRETS).done();
    let get = |key: &str| {
        jobcrypt(
            &bench,
            key,
            &["vault", "get", "credentials.enc", "database.password"],
            "",
        )
    };
    assert_eq!(get(&key).done(), "s3cret!P@ss");

    let inject =
        "print(json.dumps(seed.CredentialManager('credentials.enc', key).inject_env('MYAPP_')))";
    let wanted: serde_json::Value =
        serde_json::from_str(&python(&bench, &key, inject).done()).expect("it is JSON");
    let print = "import os, json; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('MYAPP_')}))";
    let python_program = workbench::python();
    let exec = [
        "vault",
        "exec",
        "credentials.enc",
        "--prefix",
        "MYAPP_",
        "--python-compat",
        "--",
        &python_program,
        "-c",
        print,
    ];
    let injected = jobcrypt(&bench, &key, &exec, "").done();
    let injected: serde_json::Value = serde_json::from_str(&injected).expect("it is JSON");
    assert_eq!(injected, wanted);
    assert_eq!(injected["MYAPP_API_KEYS_STRIPE"], "sk_live_xxxxx");

    let new = generate().trim().to_owned();
    jobcrypt(
        &bench,
        &format!("{new},{key}"),
        &["vault", "rotate", "credentials.enc"],
        "",
    )
    .done();
    assert_eq!(get(&new).done(), "s3cret!P@ss");
    assert_eq!(get(&key).code, 22);
    let password = "print(seed.CredentialManager('credentials.enc', key).get_credential('database.password'), end='')";
    assert_eq!(python(&bench, &new, password).done(), "s3cret!P@ss");
}

#[test]
fn what_its_python_writes_is_read_and_changed() {
    let bench = Workbench::new();
    let key = jobcrypt(&bench, "", &["keys", "generate", "--cipher", "fernet"], "").done();
    let key = key.trim();
    python(
        &bench,
        key,
        "seed.create_vault({'a': {'b': 'é'}}, key, 'credentials.enc')",
    )
    .done();
    assert_eq!(
        jobcrypt(&bench, key, &["vault", "get", "credentials.enc", "a.b"], "").done(),
        "é"
    );
    jobcrypt(
        &bench,
        key,
        &["vault", "set", "credentials.enc", "a.c"],
        "new",
    )
    .done();
    let whole = "print(json.dumps(seed.CredentialManager('credentials.enc', key).load_vault()))";
    assert_eq!(
        python(&bench, key, whole).done(),
        "{\"a\": {\"b\": \"\\u00e9\", \"c\": \"new\"}}\n"
    );
    // With a key of another cipher, what is missing is said.
    assert_eq!(bench.vault(&["get", "credentials.enc", "a.b"]).code, 20);
}
