//! Everything that a database and its files hold, as text.

use std::{env, fmt::Write as _, fs, path::Path, time::SystemTime};

use jobcrypt_testkit::PostgresServer;
use riverqueue::migrate::PostgresMigrator;
use sqlx::{AssertSqlSafe, PgPool, Row};
use workbench::Database;

/// A PostgreSQL of its own that writes down every statement with what is bound to it, so notifications too, in its log.
pub(crate) async fn talkative_postgres() -> (PostgresServer, Database) {
    let server = PostgresServer::start(&env::temp_dir()).expect("PostgreSQL starts");
    let pool = PgPool::connect(&server.url()).await.expect("it lets us in");
    for sql in [
        "alter system set log_statement = 'all'",
        "select pg_reload_conf()",
    ] {
        let done = sqlx::query(sql).execute(&pool).await;
        done.expect("the superuser may");
    }
    let migrated = PostgresMigrator::new(pool.clone()).migrate_up().await;
    migrated.expect("River's schema applies");
    (server, Database::Postgres(pool))
}

/// All that was written into a server's files since then: its log, its write-ahead log, its tables with their dead rows and
/// free pages. Without NUL, which fills pages and stands in no form of a secret.
pub(crate) async fn files_of(
    server: &PostgresServer,
    database: &Database,
    since: SystemTime,
) -> String {
    // Until then, pages are in memory only.
    database.run("checkpoint").await;
    let mut bytes = Vec::new();
    add_files(server.folder(), since, &mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    for expected in ["pg_notify", "insert into", "river_job", "jc1."] {
        let is_there = text.to_lowercase().contains(expected);
        assert!(is_there, "the files were read: no {expected}");
    }
    text
}

fn add_files(folder: &Path, since: SystemTime, bytes: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("it can be listed").path();
        // What the server takes away meanwhile holds nothing any more.
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.is_dir() {
            add_files(&path, since, bytes);
        } else if metadata.modified().is_ok_and(|at| at >= since)
            && let Ok(file) = fs::read(&path)
        {
            bytes.extend(file.into_iter().filter(|byte| *byte != 0));
        }
    }
}

/// Every table, row by row, and every byte of every file.
pub(crate) async fn all_of(database: &Database) -> String {
    let mut all = String::new();
    match database {
        Database::Postgres(pool) => {
            let tables = sqlx::query(
                "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables
                 where schemaname not in ('pg_catalog', 'information_schema')",
            );
            let tables = tables.fetch_all(pool).await.expect("tables can be listed");
            assert!(tables.len() > 3, "River has tables");
            for table in tables {
                let sql = format!("select t::text from {} as t", table.get::<String, _>(0));
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await;
                for row in rows.expect("a table can be read") {
                    let _ = writeln!(all, "{}", row.get::<String, _>(0));
                }
            }
        }
        Database::Sqlite(pool, folder) => {
            // Bytes in hexadecimal digits.
            let columns = sqlx::query(
                "select t.name, group_concat('quote(\"' || c.name || '\")', ' || '' '' || ')
                 from sqlite_master as t, pragma_table_info(t.name) as c
                 where t.type = 'table' group by t.name",
            );
            let tables = columns.fetch_all(pool).await.expect("tables can be listed");
            assert!(tables.len() > 3, "River has tables");
            for table in tables {
                let (name, columns) = (table.get::<String, _>(0), table.get::<String, _>(1));
                let sql = format!("select {columns} from \"{name}\"");
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await;
                for row in rows.expect("a table can be read") {
                    let _ = writeln!(all, "{}", row.get::<String, _>(0));
                }
            }
            for file in fs::read_dir(folder.path()).expect("the folder can be read") {
                let bytes = fs::read(file.expect("it can be listed").path());
                let bytes = bytes.expect("it is a file");
                all.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }
    // As the database prints JSON, too.
    let _ = write!(all, "{:?}", database.jobs().await);
    all
}
