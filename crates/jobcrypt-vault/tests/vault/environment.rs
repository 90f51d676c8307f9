//! The variables that values become.

use jobcrypt_vault::{EnvironmentNames, VaultError};

use crate::bench::{json, options, path};

fn variables(values: &str, names: &EnvironmentNames) -> Result<String, VaultError> {
    let vault = options(&[1]).make(&json(values))?;
    let environment = vault.inject(names)?;
    let pairs = environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    Ok(pairs.collect::<Vec<_>>().join(" "))
}

#[test]
fn names_are_those_of_the_seeds_code() {
    let values =
        r#"{"database":{"host":"db","port":5432},"api_keys":{"stripe":"sk"},"on":true,"none":{}}"#;
    let names = EnvironmentNames::new().prefix("MYAPP_");
    assert_eq!(
        variables(values, &names).expect("they are names"),
        "MYAPP_API_KEYS_STRIPE=sk MYAPP_DATABASE_HOST=db MYAPP_DATABASE_PORT=5432 MYAPP_ON=true"
    );
    let names = names.python_compat(true).only(path("on"));
    assert_eq!(
        variables(values, &names).expect("it is one"),
        "MYAPP_ON=True"
    );
}

#[test]
fn two_paths_of_one_name_are_an_error_that_names_both() {
    for values in [
        r#"{"a":{"b_c":1},"a_b":{"c":2}}"#,
        r#"{"a":{"b_c":1},"A":{"B_C":2}}"#,
    ] {
        let error = variables(values, &EnvironmentNames::new()).expect_err("they collide");
        let VaultError::VariableCollision {
            path,
            other,
            variable,
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(variable, "A_B_C");
        assert_ne!(path, other);
        assert!(values.contains(path.split('.').next().expect("it has a name")));
    }
}

#[test]
fn a_name_that_no_shell_reads_is_an_error_unless_it_has_an_alias() {
    for (values, at) in [
        (r#"{"x-y":1}"#, "x-y"),
        (r#"{"1":1}"#, "1"),
        (r#"{"é":1}"#, r#"["é"]"#),
    ] {
        let error = variables(values, &EnvironmentNames::new()).expect_err("it is no name");
        assert!(
            error.to_string().starts_with(&path(at).to_string()),
            "{error}"
        );
        let names = EnvironmentNames::new().name("X", path(at));
        assert_eq!(
            variables(values, &names).expect("it has another name"),
            "X=1"
        );
    }
    let nul = variables(r#"{"a":"\u0000"}"#, &EnvironmentNames::new());
    assert!(
        nul.expect_err("no variable holds it")
            .to_string()
            .contains("NUL")
    );
}

#[test]
fn only_what_is_asked_for_is_taken() {
    let values = r#"{"a":{"b":1,"c":2},"hosts":["x","y"],"z":3}"#;
    let names = EnvironmentNames::new()
        .only(path("a.c"))
        .only(path("hosts[1]"));
    assert_eq!(
        variables(values, &names).expect("they are there"),
        "A_C=2 HOSTS_1=y"
    );
    let names = EnvironmentNames::new().only(path("a")).only(path("a.b"));
    assert_eq!(
        variables(values, &names).expect("they are there"),
        "A_B=1 A_C=2"
    );
    let names = EnvironmentNames::new().only(path("gone"));
    let missing = variables(values, &names).expect_err("it is not there");
    assert!(matches!(missing, VaultError::PathMissing { .. }));
}
