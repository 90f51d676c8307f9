//! What a vault holds, and how it is read and changed.

use jobcrypt_vault::{Segment, Value, ValueKind, ValuePath, Vault, VaultError};

use crate::bench::{json, options, path, whole};

const CREDENTIALS: &str = r#"{
  "database": {"host": "db.example.com", "port": 5432, "tls": true, "replica": null},
  "hosts": ["a", {"name": "b"}],
  "limits": {},
  "ratio": 1.0,
  "api.example.com": {"key": "s3cret!P@ss"}
}"#;

fn vault() -> Vault {
    options(&[1])
        .make(&json(CREDENTIALS))
        .expect("it is sealed")
}

#[test]
fn names_are_listed_without_a_value_and_sorted() {
    let vault = vault();
    let names: Vec<_> = vault.names().collect();
    assert_eq!(
        names,
        [
            r#"["api.example.com"].key"#,
            "database.host",
            "database.port",
            "database.replica",
            "database.tls",
            "hosts",
            "limits",
            "ratio"
        ]
    );
    let below = vault.list(&path("database")).expect("it is there");
    assert_eq!(below.len(), 4);
    assert_eq!(below[0], path("database.host"));
    assert!(
        vault.list(&path("data")).is_err(),
        "half a name is no branch"
    );
}

#[test]
fn a_value_comes_back_as_what_it_was() {
    let vault = vault();
    let get = |text: &str| vault.get(&path(text)).expect("it is there");
    assert_eq!(get("database.port").kind(), ValueKind::Number);
    assert_eq!(get("ratio").as_json(), "1.0");
    assert_eq!(get("database.tls").kind(), ValueKind::Bool);
    assert_eq!(get("database.replica").kind(), ValueKind::Null);
    assert_eq!(*get(r"api\.example\.com.key").to_text(), "s3cret!P@ss");
    assert_eq!(*get("hosts[0]").to_text(), "a");
    assert_eq!(*get("hosts[1].name").to_text(), "b");
    assert_eq!(get("limits").as_json(), "{}");
    assert_eq!(
        get("database").as_json(),
        r#"{"host":"db.example.com","port":5432,"replica":null,"tls":true}"#
    );
    assert_eq!(
        whole(&vault),
        r#"{"api.example.com":{"key":"s3cret!P@ss"},"database":{"host":"db.example.com","port":5432,"replica":null,"tls":true},"hosts":["a",{"name":"b"}],"limits":{},"ratio":1.0}"#
    );
}

#[test]
fn a_type_is_read_or_refused_without_quoting_the_value() {
    let vault = vault();
    assert_eq!(
        vault
            .get_as::<u16>(&path("database.port"))
            .expect("it fits"),
        5432
    );
    assert_eq!(
        vault
            .get_as::<Option<String>>(&path("database.replica"))
            .expect("it fits"),
        None
    );
    let error = vault
        .get_as::<u16>(&path(r"api\.example\.com.key"))
        .expect_err("it is text");
    assert!(matches!(error, VaultError::WrongType { .. }), "{error}");
    assert!(error.to_string().contains("api.example.com"), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
}

#[test]
fn a_path_that_is_missing_says_what_is_near() {
    let vault = vault();
    let missing = |text: &str| match vault.get(&path(text)) {
        Err(error @ VaultError::PathMissing { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(missing("database.pasword").ends_with("; database has host, port, replica, tls"));
    assert!(
        missing("databse").contains("it has "),
        "{}",
        missing("databse")
    );
    assert!(missing("hosts.0").contains("hosts[0]"));
    assert!(missing("hosts[7]").contains("hosts[7]"));
    assert!(missing("ratio.x").contains("ratio is a value"));
    assert!(missing("database[0]").contains("database has"));
}

#[test]
fn setting_keeps_the_bytes_of_all_that_stays_the_same() {
    let mut vault = vault();
    let before = vault.to_text().expect("it is written");
    assert_eq!(
        vault.to_text().expect("it is written"),
        before,
        "nothing changed"
    );
    assert!(
        !vault
            .set(&ValuePath::root(), &json(CREDENTIALS))
            .expect("it is the same")
    );
    assert_eq!(vault.to_text().expect("it is written"), before);

    assert!(
        vault
            .set(&path("database.port"), &json("5433"))
            .expect("it is set")
    );
    let after = vault.to_text().expect("it is written");
    let changed: Vec<_> = before
        .lines()
        .zip(after.lines())
        .filter(|(one, other)| one != other)
        .map(|(line, _)| line.split(" = ").next().expect("a name"))
        .collect();
    assert_eq!(changed, ["mac", "database.port"]);
}

#[test]
fn an_object_becomes_exactly_the_branch() {
    let mut vault = vault();
    let new = json(r#"{"host":"db.example.com","user":"app"}"#);
    assert!(vault.set(&path("database"), &new).expect("it is set"));
    assert_eq!(vault.get(&path("database")).expect("it is there"), new);
    assert!(
        vault
            .set(&path("database"), &json("{}"))
            .expect("it is emptied")
    );
    assert!(
        vault
            .set(&path("database.host"), &json("1"))
            .expect("it is filled again")
    );
    assert_eq!(
        vault.get(&path("database")).expect("it is there"),
        json(r#"{"host":1}"#)
    );
    assert!(
        vault
            .set(&path("limits.cpu.most"), &json("4"))
            .expect("an object of nothing is a branch")
    );
    assert_eq!(
        vault.get(&path("limits")).expect("it is there"),
        json(r#"{"cpu":{"most":4}}"#)
    );
}

#[test]
fn a_value_never_becomes_a_branch_by_itself_nor_a_branch_a_value() {
    let mut vault = vault();
    let before = vault.to_text().expect("it is written");
    for (at, value) in [
        ("database", "1"),
        ("database.port.x", "1"),
        ("ratio", r#"{"a":1}"#),
        ("hosts.x", "1"),
    ] {
        let error = vault.set(&path(at), &json(value)).expect_err(at);
        assert!(matches!(error, VaultError::Collision { .. }), "{error}");
    }
    assert_eq!(vault.to_text().expect("it is written"), before);
    assert!(matches!(
        vault.set(&ValuePath::root(), &json("[1]")),
        Err(VaultError::BadValue { .. })
    ));
    assert!(matches!(
        vault.set(&path("hosts[0]"), &json("1")),
        Err(VaultError::BadPath { .. })
    ));
    assert!(matches!(
        vault.unset(&path("hosts[0]")),
        Err(VaultError::BadPath { .. })
    ));
}

#[test]
fn unsetting_takes_a_value_or_a_branch_away() {
    let mut vault = vault();
    assert_eq!(vault.unset(&path("ratio")).expect("it is there"), 1);
    assert_eq!(vault.unset(&path("database")).expect("it is there"), 4);
    assert!(matches!(
        vault.unset(&path("database")),
        Err(VaultError::PathMissing { .. })
    ));
    assert_eq!(vault.names().len(), 3);
    for name in ["hosts", "limits", r"api\.example\.com"] {
        vault.unset(&path(name)).expect("it is there");
    }
    assert_eq!(whole(&vault), "{}");
    let text = vault.to_text().expect("it is written");
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn a_name_that_stands_twice_is_refused_wherever_it_stands() {
    for twice in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":{"b":1},"a":{"c":2}}"#,
        r#"{"x":{"a":1,"\u0061":2}}"#,
    ] {
        let error = options(&[1])
            .make(&json(twice))
            .expect_err(twice)
            .to_string();
        assert!(error.contains("a stands twice"), "{error}");
    }
    assert!(options(&[1]).make(&json("[]")).is_err());
    assert!(Value::object([("a", json("1")), ("a", json("2"))]).is_err());
}

#[test]
fn strange_names_and_values_survive_a_file() {
    let names = [
        "",
        " ",
        ".",
        "[0]",
        "a = b",
        "é\u{202e}",
        "\n<<<<<<< ours",
        "\"",
        "\\",
        "=",
        "jc1.",
        "\u{0}",
    ];
    let options = options(&[1]);
    let texts = [
        "",
        "\0",
        "\r\n",
        "-----BEGIN-----\nMII\n",
        "'\"$`!\\",
        "\u{1f600}",
        &"x".repeat(64 * 1024),
    ];
    let inner = || {
        Value::object(
            texts
                .iter()
                .map(|text| (text.chars().take(9).collect::<String>(), Value::from(*text))),
        )
    };
    let members = names.map(|name| (name, inner().expect("the names differ")));
    let values = Value::object(members).expect("the names differ");
    let vault = options.make(&values).expect("it is sealed");
    let again = options
        .parse(vault.to_text().expect("it is written"))
        .expect("it is whole");
    assert_eq!(again.get(&ValuePath::root()).expect("it opens"), values);
    for name in names {
        let below = again.get(&ValuePath::of([name])).expect("it is there");
        assert_eq!(below.children().len(), texts.len());
    }
}

#[test]
fn the_order_of_a_branch_is_that_of_its_names() {
    let vault = options(&[1])
        .make(&json(r#"{"b":1,"a-b":1,"a":{"z":1,"c d":2}}"#))
        .expect("it is sealed");
    assert_eq!(whole(&vault), r#"{"a":{"c d":2,"z":1},"a-b":1,"b":1}"#);
    let children = json(r#"[1,{"a":2}]"#).children();
    assert_eq!(children[1], (Segment::Index(1), json(r#"{"a":2}"#)));
}

#[test]
fn a_path_that_is_too_long_to_be_bound_is_refused() {
    let long = "x".repeat(5000);
    let refused =
        options(&[1]).make(&Value::object([(long.as_str(), json("1"))]).expect("one name"));
    assert!(
        matches!(refused, Err(VaultError::BadPath { .. })),
        "{refused:?}"
    );
    assert!(vault().set(&ValuePath::of([long]), &json("1")).is_err());
}

#[test]
fn debug_and_errors_hold_no_value() {
    let vault = vault();
    let shown = format!("{vault:?} {:?}", vault.get(&ValuePath::root()));
    assert!(
        !shown.contains("s3cret") && !shown.contains("5432"),
        "{shown}"
    );
}

#[test]
fn two_versions_differ_where_a_value_does() {
    let before = vault();
    let options = options(&[1]);
    let mut after = options.make(&json(CREDENTIALS)).expect("it is sealed");
    assert!(
        before.diff(&after).expect("both open").is_empty(),
        "sealed anew is no difference"
    );
    after
        .set(&path("database.port"), &json("1"))
        .expect("it is set");
    after.set(&path("new"), &json("1")).expect("it is set");
    after.unset(&path("ratio")).expect("it is there");
    let shown: Vec<_> = before
        .diff(&after)
        .expect("both open")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown, ["~ database.port", "+ new", "- ratio"]);
}

#[test]
fn a_vault_of_a_text_has_no_file_to_be_saved_in() {
    assert!(matches!(vault().save(), Err(VaultError::NotFromAFile)));
}

#[test]
fn nothing_is_deeper_than_what_can_be_read_back() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let mut vault = options(&[1]).make(&json("{}")).expect("it is sealed");
    let deep = ValuePath::of(vec!["a"; 60]);
    let set = |vault: &mut Vault, depth| vault.set(&deep, &json(&nested(depth)));
    assert!(matches!(
        set(&mut vault, 5),
        Err(VaultError::BadValue { .. })
    ));
    assert!(set(&mut vault, 4).expect("it is deep enough"));
    let again = options(&[1])
        .make(&json(&whole(&vault)))
        .expect("it is read back");
    assert_eq!(whole(&again), whole(&vault));
    let deeper = ValuePath::of(vec!["a"; 65]);
    assert!(matches!(
        vault.set(&deeper, &json("1")),
        Err(VaultError::BadPath { .. })
    ));
    let lines = crate::bench::text(&vault).replacen("a.a", &"a.".repeat(65), 1);
    assert!(options(&[1]).parse(lines).is_err());
}
