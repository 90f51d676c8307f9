//! Everything that a database and its files hold, as text.

use std::{fmt::Write as _, fs};

use sqlx::{AssertSqlSafe, Row};
use workbench::Database;

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
        Database::Sqlite(_, folder) => {
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
