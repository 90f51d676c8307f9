//! The samples of docs/vault.md, step by step, in a shell that has the files of each runner.

use std::{collections::BTreeMap, path::Path, process::Command};

use yaml_rust2::{Yaml, YamlLoader};

use crate::workbench::{JOBCRYPT, Workbench, run};

const GUIDE: &str = include_str!("../../../../docs/vault.md");
const VALUES: &str = r#"{"database": {"host": "db.example.com", "password": "s3cret! 'P@ss' $HOME"},
    "ssh": {"private_key": "-----BEGIN KEY-----\nMIIEpA\\n\"é\n-----END KEY-----\n"}}"#;
/// Prints what it must not, as deployments do, and keeps what it was given.
const DEPLOY: &str = r#"#!/bin/bash
set -eu
test -z "${JOBCRYPT_KEYS-}"
printf '%s|%s|%s\n' "$DEPLOY_DATABASE_HOST" "$DEPLOY_DATABASE_PASSWORD" "${DEPLOY_SSH_PRIVATE_KEY-}" >> given
echo "using $DEPLOY_DATABASE_PASSWORD"
"#;

type Variables = BTreeMap<String, String>;

#[test]
fn the_job_of_github_gives_the_values_to_a_command_and_to_later_steps() {
    let bench = bench();
    let log = github(&bench, "deploy");
    let given = bench.read("given");
    assert_eq!(given, format!("{ALL}\n{HOST}|{PASSWORD}|\n"));
    assert_eq!(log, "using ***\nusing ***\n");
    assert!(
        bench
            .read("audit.jsonl")
            .contains("\"path\":\"database.password\"")
    );
}

#[test]
fn the_jobs_of_gitlab_give_the_values_and_report_one() {
    let bench = bench();
    let jobs = sample("deploy:");
    let variables = Variables::from([("JOBCRYPT_KEYS".to_owned(), key(&bench))]);
    script(&bench, &jobs["prepare"], &variables);
    let report = text(&jobs["prepare"]["artifacts"]["reports"]["dotenv"]);
    assert_eq!(bench.read(report), format!("DATABASE_HOST={HOST}\n"));
    script(&bench, &jobs["deploy"], &variables);
    assert_eq!(bench.read("given"), format!("{ALL}\n"));
}

const ALL: &str =
    "db.example.com|s3cret! 'P@ss' $HOME|-----BEGIN KEY-----\nMIIEpA\\n\"é\n-----END KEY-----\n";
const HOST: &str = "db.example.com";
const PASSWORD: &str = "s3cret! 'P@ss' $HOME";

fn bench() -> Workbench {
    let bench = Workbench::new();
    let source = [
        "create",
        "credentials.vault",
        "--from",
        "-",
        "--source",
        "json",
    ];
    bench.vault_with(&source, VALUES).done();
    bench.write("deploy", DEPLOY);
    run(bench.command("chmod").args(["+x", "deploy"]), "").done();
    bench
}

fn key(bench: &Workbench) -> String {
    bench.read("vault.key").trim().to_owned()
}

/// The sample that begins so.
fn sample(beginning: &str) -> Yaml {
    let sample = GUIDE
        .split("```yaml\n")
        .find(|part| part.starts_with(beginning))
        .and_then(|part| part.split("```").next())
        .expect("the guide has the sample");
    YamlLoader::load_from_str(sample)
        .expect("it is YAML")
        .remove(0)
}

fn text(value: &Yaml) -> &str {
    value.as_str().expect("it is a text")
}

/// Runs the steps of a job as the runner does. Returns the log, masked from each mask on.
fn github(bench: &Workbench, job: &str) -> String {
    let workflow = sample("name: Deploy");
    let mut environment = Variables::new();
    for (name, value) in workflow["jobs"][job]["env"].as_hash().into_iter().flatten() {
        environment.insert(text(name).to_owned(), text(value).to_owned());
    }
    let (mut masks, mut log) = (Vec::new(), String::new());
    for step in workflow["jobs"][job]["steps"]
        .as_vec()
        .expect("a job has steps")
    {
        let Some(command) = step["run"].as_str() else {
            continue;
        };
        let mut variables = environment.clone();
        for (name, value) in step["env"].as_hash().into_iter().flatten() {
            let value = expression(text(value), bench);
            variables.insert(text(name).to_owned(), value);
        }
        bench.write("GITHUB_ENV", "");
        let file = bench.path().join("GITHUB_ENV").display().to_string();
        variables.insert("GITHUB_ENV".to_owned(), file);
        for line in shell(bench, command, &variables).lines() {
            if let Some(mask) = line.strip_prefix("::add-mask::") {
                masks.push(mask.replace("%25", "%"));
                continue;
            }
            let masked = masks
                .iter()
                .fold(line.to_owned(), |line, mask| line.replace(mask, "***"));
            log.push_str(&masked);
            log.push('\n');
        }
        environment.append(&mut entries(&bench.read("GITHUB_ENV")));
    }
    log
}

fn expression(text: &str, bench: &Workbench) -> String {
    assert_eq!(text, "${{ secrets.JOBCRYPT_KEYS }}");
    key(bench)
}

/// Reads `NAME<<delimiter`, the lines up to the delimiter, and the next.
fn entries(file: &str) -> Variables {
    let mut entries = Variables::new();
    let mut rest = file;
    while !rest.is_empty() {
        let (head, after) = rest.split_once('\n').expect("a head is a line");
        let (name, delimiter) = head.split_once("<<").expect("a head has a delimiter");
        let (value, after) = after
            .split_once(&format!("\n{delimiter}\n"))
            .expect("a value has an end");
        entries.insert(name.to_owned(), value.to_owned());
        rest = after;
    }
    entries
}

fn script(bench: &Workbench, job: &Yaml, variables: &Variables) {
    for line in job["script"].as_vec().expect("a job has a script") {
        shell(bench, text(line), variables);
    }
}

fn shell(bench: &Workbench, command: &str, variables: &Variables) -> String {
    let folder = Path::new(JOBCRYPT)
        .parent()
        .expect("a program is in a folder");
    let path = std::env::var("PATH").expect("there is a PATH");
    let mut shell: Command = bench.command("bash");
    shell
        .args(["-eo", "pipefail", "-c", command])
        .env_remove("JOBCRYPT_KEYS_FILE")
        .env("PATH", format!("{}:{path}", folder.display()))
        .envs(variables);
    run(&mut shell, "").done()
}
