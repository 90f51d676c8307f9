//! Throwaway PostgreSQL servers: there when needed, gone without a trace.
#![cfg(unix)]

use std::{
    env, io,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use jobcrypt_testkit::{PostgresPrograms, PostgresServer};

#[test]
fn answers_as_a_superuser_on_this_machine_only() -> io::Result<()> {
    let server = start()?;
    assert_eq!(ask(&server.url(), "show is_superuser")?, "on");
    assert_eq!(ask(&server.url(), "show listen_addresses")?, "127.0.0.1");
    assert_eq!(ask(&server.url(), "show unix_socket_directories")?, "");
    assert_eq!(ask(&server.url(), "show server_encoding")?, "UTF8");
    Ok(())
}

#[test]
fn is_gone_when_dropped_even_while_it_works() -> io::Result<()> {
    let server = start()?;
    let (url, folder) = (server.url(), server.folder().to_owned());
    let mut busy = psql(&url, "select pg_sleep(3600)")?
        .stderr(Stdio::null())
        .spawn()?;
    let busy_queries = "select count(*) from pg_stat_activity where query like 'select pg_sleep%'";
    wait_until(|| ask(&url, busy_queries).is_ok_and(|count| count == "1"));

    drop(server);

    assert!(!folder.exists());
    assert!(!accepts(&url));
    assert!(!busy.wait()?.success());
    Ok(())
}

#[test]
fn two_at_once_are_apart() -> io::Result<()> {
    let (one, other) = (start()?, start()?);
    ask(&one.url(), "create database only_here")?;
    assert_ne!(one.url(), other.url());
    let count = "select count(*) from pg_database where datname = 'only_here'";
    assert_eq!(ask(&one.url(), count)?, "1");
    assert_eq!(ask(&other.url(), count)?, "0");

    drop(one);
    assert_eq!(ask(&other.url(), count)?, "0");
    Ok(())
}

#[test]
fn is_gone_after_its_program_was_killed() -> io::Result<()> {
    let mut program = Command::new(env::current_exe()?)
        .args([
            "--exact",
            "program_to_be_killed",
            "--ignored",
            "--nocapture",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(program.stdout.take().expect("it is piped"));
    let mut lines = output.lines().map_while(Result::ok);
    let mut value_of = |name: &str| {
        lines
            .find_map(|line| Some(line.split_once(name)?.1.to_owned()))
            .expect("the program tells of its server")
    };
    let (url, folder) = (value_of("url: "), PathBuf::from(value_of("folder: ")));
    assert!(accepts(&url));
    assert!(folder.exists());

    program.kill()?;
    program.wait()?;

    wait_until(|| !folder.exists());
    assert!(!accepts(&url));
    Ok(())
}

#[test]
#[ignore = "runs as a program of its own, which another test kills"]
fn program_to_be_killed() -> io::Result<()> {
    let server = start()?;
    println!(
        "\nurl: {}\nfolder: {}",
        server.url(),
        server.folder().display()
    );
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

fn start() -> io::Result<PostgresServer> {
    PostgresServer::start(&env::temp_dir())
}

/// Returns what one query answers.
fn ask(url: &str, query: &str) -> io::Result<String> {
    let output = psql(url, query)?.output()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

fn psql(url: &str, query: &str) -> io::Result<Command> {
    let programs = PostgresPrograms::find()?;
    let mut command = Command::new(Path::new(programs.folder()).join("psql"));
    command.args([
        "--no-psqlrc",
        "--tuples-only",
        "--no-align",
        "--command",
        query,
        url,
    ]);
    Ok(command)
}

fn accepts(url: &str) -> bool {
    let address = url
        .split(['@', '/'])
        .find(|part| part.starts_with("127.0.0.1:"));
    TcpStream::connect(address.expect("the URL names the address")).is_ok()
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "it takes too long");
        thread::sleep(Duration::from_millis(10));
    }
}
