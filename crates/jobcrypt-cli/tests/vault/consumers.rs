//! Each export format is read by a program that reads it in earnest.

use serde_json::{Map, Value};

use crate::workbench::{Workbench, python, run};

/// What survives, by a name each.
fn secrets() -> Map<String, Value> {
    let long = "0123456789abcdef".repeat(4096);
    let texts = [
        (
            "newlines",
            "-----BEGIN KEY-----\nMIIE\n\n  x\n-----END KEY-----\n",
        ),
        ("quotes", "it's \"quoted\" twice"),
        ("dollar", "$HOME ${HOME} $(id) `id` $$"),
        ("bang", "!history !! !$"),
        ("backslash", "a\\b\\\\c\\n\\'\\"),
        (
            "unicode",
            "gr\u{fc}\u{df} \u{65e5}\u{672c} \u{1f511} \u{2018}x\u{2019} \u{2028}\u{85}\u{7f}",
        ),
        ("spaces", "  # a = b; & | < > * ? ~ % ^  "),
        ("tab", "a\tb"),
        ("backslash_at_the_end", "C:\\new\\"),
        ("empty", ""),
        ("leading", "\nx\n\n"),
        ("yes", "no"),
        ("long", &long),
    ];
    texts
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.into()))
        .collect()
}

fn bench(secrets: &Map<String, Value>) -> Workbench {
    Workbench::with(&Value::from(secrets.clone()).to_string())
}

/// Exports, and has a program read it and print its variables as JSON.
fn read_back(
    secrets: &Map<String, Value>,
    format: &str,
    program: &str,
    arguments: &[&str],
) -> Value {
    let bench = bench(secrets);
    let prefix: &[&str] = match format {
        "json" | "yaml" => &[],
        _ => &["--prefix", "T_"],
    };
    let exported = bench
        .vault(&[&["export", "v", "--format", format], prefix].concat())
        .done();
    bench.write("exported", &exported);
    let mut command = bench.command(program);
    let run = run(command.args(arguments), "");
    assert_eq!(run.code, 0, "{program} {}", run.err);
    serde_json::from_str(run.text()).expect("it is JSON")
}

fn named(secrets: &Map<String, Value>) -> Value {
    let name =
        |(name, value): (&String, &Value)| (format!("T_{}", name.to_uppercase()), value.clone());
    Value::from(secrets.iter().map(name).collect::<Map<_, _>>())
}

/// A line of any shell that prints the variables that begin with T_.
fn print() -> String {
    let script = "import os, json; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith(\"T_\")}))";
    format!("'{}' -c '{script}'", python())
}

#[test]
fn shells_read_what_is_exported_for_them() {
    let (secrets, print) = (secrets(), print());
    for (format, shell) in [("shell", "bash"), ("shell", "dash"), ("fish", "fish")] {
        let script = match shell {
            "fish" => format!("source exported; {print}"),
            _ => format!(". ./exported; {print}"),
        };
        assert_eq!(
            read_back(&secrets, format, shell, &["-c", &script]),
            named(&secrets),
            "{shell}"
        );
        // By eval too, as it stands in the help of others.
        let script = match shell {
            "fish" => format!("eval (cat exported | string collect); {print}"),
            _ => format!("eval \"$(cat exported)\"; {print}"),
        };
        assert_eq!(
            read_back(&secrets, format, shell, &["-c", &script]),
            named(&secrets),
            "{shell}"
        );
    }
}

#[test]
fn a_command_gets_each_value_to_its_last_byte() {
    let mut secrets = secrets();
    secrets.insert("return".into(), "a\r\nb\r".into());
    let bench = bench(&secrets);
    let line = format!("exec \"$JOBCRYPT\" vault exec v --prefix T_ -- {}", print());
    let mut shell = bench.command("sh");
    shell.env("JOBCRYPT", crate::workbench::JOBCRYPT);
    let printed = run(shell.args(["-c", &line]), "").done();
    let read: Value = serde_json::from_str(&printed).expect("it is JSON");
    assert_eq!(read, named(&secrets));
}

#[test]
fn python_dotenv_reads_what_is_exported_for_it() {
    let mut secrets = secrets();
    secrets.insert("return".into(), "a\r\nb\\\"'".into());
    let script = "import dotenv, json; print(json.dumps(dotenv.dotenv_values('exported', interpolate=False)))";
    let read = read_back(&secrets, "dotenv", &python(), &["-c", script]);
    assert_eq!(read, named(&secrets));
    secrets.insert("last".into(), "two\nlines\\".into());
    let refused = bench(&secrets).vault(&["export", "v", "--format", "dotenv"]);
    assert_eq!((refused.code, refused.out.len()), (3, 0));
}

#[test]
fn yaml_and_json_are_read_by_parsers_of_others() {
    let secrets = secrets();
    let script =
        "import yaml, json; print(json.dumps(yaml.safe_load(open('exported', newline=''))))";
    let read = read_back(&secrets, "yaml", &python(), &["-c", script]);
    assert_eq!(read, Value::from(secrets.clone()));
    let read = read_back(&secrets, "json", "jq", &[".", "exported"]);
    assert_eq!(read, Value::from(secrets));
}

#[test]
fn what_is_exported_as_yaml_is_read_back() {
    let secrets = secrets();
    let bench = bench(&secrets);
    let yaml = bench.vault(&["export", "v", "--format", "yaml"]).done();
    bench
        .vault_with(&["create", "w", "--from", "-", "--source", "yaml"], &yaml)
        .done();
    assert_eq!(bench.vault(&["diff", "v", "w"]).code, 0);
    let json = bench.vault(&["export", "w", "--format", "json"]).done();
    assert_eq!(
        serde_json::from_str::<Value>(&json).expect("it is JSON"),
        Value::from(secrets.clone())
    );
    let dotenv = bench.vault(&["export", "v", "--format", "dotenv"]).done();
    bench
        .vault_with(
            &["create", "x", "--from", "-", "--source", "dotenv"],
            &dotenv,
        )
        .done();
    let shell = |vault| bench.vault(&["export", vault, "--format", "shell"]).done();
    assert_eq!(shell("v"), shell("x"));
}

#[test]
fn node_reads_what_is_exported_for_it() {
    let mut secrets = secrets();
    let script = "console.log(JSON.stringify(Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith('T_')))))";
    let node = ["--env-file=exported", "-e", script];
    let read = read_back(&secrets, "dotenv-node", "node", &node);
    assert_eq!(read, named(&secrets));
    secrets.insert("all".into(), "'`\"".into());
    let refused = bench(&secrets).vault(&["export", "v", "--format", "dotenv-node"]);
    assert_eq!(refused.code, 3);
    assert!(
        refused.err.contains("all holds each of the quotes"),
        "{}",
        refused.err
    );
    assert!(refused.out.is_empty());
}

#[test]
fn a_dotenv_report_of_gitlab_carries_plain_words_and_refuses_the_rest() {
    let bench = Workbench::with(r#"{"a":"abc+/=\\\"'","n":5}"#);
    let exported = bench
        .vault(&["export", "v", "--format", "gitlab-dotenv"])
        .done();
    assert_eq!(exported, "A=abc+/=\\\"'\nN=5\n");
    for (value, says) in [
        ("a b", "space"),
        ("a\nb", "line break"),
        ("'a'", "quote"),
        ("a$b", "variable"),
    ] {
        bench
            .vault_with(&["set", "v", "a", "--from", "-"], value)
            .done();
        let refused = bench.vault(&["export", "v", "--format", "gitlab-dotenv"]);
        assert_eq!((refused.code, refused.out.len()), (3, 0));
        assert!(
            refused.err.contains(says) && refused.err.contains("vault exec"),
            "{}",
            refused.err
        );
    }
}

#[test]
fn a_report_that_gitlab_would_not_take_is_refused() {
    let export = |values: &Map<String, Value>| {
        let bench = Workbench::with(&Value::from(values.clone()).to_string());
        bench.vault(&["export", "v", "--format", "gitlab-dotenv"])
    };
    // "A=" and a line break are three of its bytes.
    let long = |length: usize| Map::from_iter([("a".to_owned(), "x".repeat(length - 3).into())]);
    assert_eq!(export(&long(5119)).code, 0);
    assert_eq!(export(&long(5120)).code, 3);
    let many = |count: usize| {
        (0..count)
            .map(|it| (format!("a{it}"), "x".into()))
            .collect()
    };
    assert_eq!(export(&many(20)).err, "");
    assert!(export(&many(21)).err.contains("21 variables"));
    assert_eq!((export(&many(150)).code, export(&many(151)).code), (0, 3));
}

#[test]
fn each_line_is_masked_for_github_before_the_file_is_written() {
    let secrets = secrets();
    let bench = bench(&secrets);
    bench.vault_with(&["set", "v", "percent"], "100%25x").done();
    let mut command = bench.command(crate::workbench::JOBCRYPT);
    command.env("GITHUB_ENV", bench.path().join("github_env"));
    let run = run(
        command.args(["vault", "export", "v", "--format", "github-env"]),
        "",
    );
    assert_eq!(run.code, 0, "{}", run.err);
    let masked: Vec<_> = run.text().lines().collect();
    for line in [
        "-----BEGIN KEY-----",
        "MIIE",
        "-----END KEY-----",
        "a\tb",
        "100%2525x",
    ] {
        let is_masked = masked.contains(&&*format!("::add-mask::{line}"));
        assert_eq!(is_masked, line.len() > 3, "{line}");
    }
    assert!(masked.iter().all(|line| line.starts_with("::add-mask::")));
    assert!(!masked.contains(&"::add-mask::"));
    assert!(run.err.contains("EMPTY is not masked"), "{}", run.err);
    assert!(run.err.contains("NEWLINES is not masked"), "{}", run.err);

    // As the runner reads the file: NAME<<delimiter, lines, delimiter.
    let file = bench.read("github_env");
    let mut rest = &*file;
    let mut count = 0;
    while let Some((head, behind)) = rest.split_once('\n') {
        let (name, delimiter) = head.split_once("<<").expect("it begins a value");
        let (value, behind) = behind
            .split_once(&format!("\n{delimiter}\n"))
            .expect("it ends");
        if let Some(secret) = secrets.get(&name.to_lowercase()) {
            assert_eq!(secret, value, "{name}");
            count += 1;
        }
        rest = behind;
    }
    assert_eq!(count, secrets.len());
    assert_eq!(
        bench.vault(&["export", "v", "--format", "github-env"]).code,
        1
    );
    let reserved = bench.vault(&[
        "export",
        "v",
        "--format",
        "github-env",
        "--to",
        "x",
        "--prefix",
        "GITHUB_",
    ]);
    assert_eq!(reserved.code, 25);
}
