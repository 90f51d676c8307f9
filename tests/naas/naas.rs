//! The example as a process, and what it leaves behind.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use base64_simd::URL_SAFE;
use jobcrypt::SecretKey;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

use crate::http::{self, BASIC};

pub(crate) const PASSWORD: &str = "swordfish";
pub(crate) const ENABLE: &str = "opensesame";

static PROGRAM: LazyLock<PathBuf> =
    LazyLock::new(|| workbench::program_with(["--example", "naas"], "jobcrypt-examples/naas"));

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(1);

/// A new Fernet key.
pub(crate) fn key() -> String {
    let key = SecretKey::generate().expect("the system has random bytes");
    URL_SAFE.encode_to_string(key.expose())
}

pub(crate) fn command(host: &str) -> Value {
    json!({"host": host, "platform": "cisco_ios", "commands": ["show version"], "enable": ENABLE})
}

/// A folder with the database and the audit log.
pub(crate) struct Site(TempDir);

impl Site {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn connect(&self) -> SqliteConnection {
        let url = format!("sqlite://{}", self.path("naas.sqlite3").display());
        SqliteConnection::connect(&url).await.expect("it opens")
    }

    pub(crate) async fn run(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .expect("the statement runs");
        connection.close().await.expect("it closes");
    }

    pub(crate) async fn args(&self, id: i64) -> Value {
        let mut connection = self.connect().await;
        let args: String = sqlx::query_scalar("select json(args) from river_job where id = ?")
            .bind(id)
            .fetch_one(&mut connection)
            .await
            .expect("the job is there");
        connection.close().await.expect("it closes");
        serde_json::from_str(&args).expect("args are JSON")
    }

    pub(crate) fn audit(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.path("audit.jsonl")).unwrap_or_default();
        let lines = lines.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("lines of JSON")
    }

    /// Looks for the secrets in every file, and in what a process said.
    pub(crate) fn holds_no_secret(&self, said: String) {
        let files = fs::read_dir(self.0.path()).expect("the folder can be read");
        let files = files.map(|file| file.expect("it can be listed").path());
        let texts = files.map(|path| fs::read(&path).expect("it is a file"));
        for text in texts.chain([said.into_bytes()]) {
            for secret in [PASSWORD, ENABLE] {
                let found = text.windows(secret.len()).any(|it| it == secret.as_bytes());
                assert!(!found, "{secret} is in {}", String::from_utf8_lossy(&text));
            }
        }
    }
}

/// A running one. It is killed when dropped.
pub(crate) struct Naas {
    child: Child,
    address: String,
    errors: PathBuf,
}

impl Naas {
    /// Starts it on a free port, and waits until it listens or, as a worker alone, works.
    pub(crate) fn start(site: &Site, variables: &[(&str, &str)]) -> Self {
        let errors = site.path("stderr.txt");
        let mut child = Self::command(site, variables)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&errors).expect("the file can be made"))
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says something");
        let said = fs::read_to_string(&errors).unwrap_or_default();
        assert!(!line.is_empty(), "it ended: {said}");
        let address = line.trim().rsplit('/').next().unwrap_or_default();
        Self {
            child,
            address: address.to_owned(),
            errors,
        }
    }

    /// Runs one that cannot start; returns its exit code and what it said.
    pub(crate) fn fail(site: &Site, variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let output = Self::command(site, variables)
            .output()
            .expect("the program starts");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    fn command(site: &Site, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new::<&Path>(&PROGRAM);
        command
            .env("NAAS_LISTEN", "127.0.0.1:0")
            .env("NAAS_DATABASE", site.path("naas.sqlite3"))
            .env("NAAS_AUDIT", site.path("audit.jsonl"))
            .envs(variables.iter().copied());
        command
    }

    pub(crate) fn post(&self, path: &str, authorization: &str, body: &Value) -> (u16, Value) {
        self.request("POST", path, authorization, &body.to_string())
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        authorization: &str,
        body: &str,
    ) -> (u16, Value) {
        http::request(&self.address, method, path, authorization, body)
    }

    /// Asks for a job until it is no longer queued or worked.
    pub(crate) fn settled(&self, id: &Value) -> Value {
        let began = Instant::now();
        loop {
            let (status, shown) = self.request("GET", &format!("/v2/send_command/{id}"), BASIC, "");
            assert_eq!(status, 200, "{shown}");
            if !["queued", "started"]
                .map(Value::from)
                .contains(&shown["status"])
            {
                return shown;
            }
            assert!(began.elapsed() < LIMIT, "it is never worked: {shown}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.errors).expect("it is there")
    }

    /// Ends it, and returns what it said on standard error.
    pub(crate) fn stop(self) -> String {
        self.said()
    }
}

impl Drop for Naas {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut rest = String::new();
        if let Some(stdout) = &mut self.child.stdout {
            let _ = stdout.read_to_string(&mut rest);
        }
    }
}
