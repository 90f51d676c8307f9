//! The plugin against River itself, on SQLite and on PostgreSQL.

mod composition;
mod database;
mod drain;
mod failures;
mod keys;
mod kinds;
mod passage;
mod workbench;

/// Makes each test run once on SQLite and once on PostgreSQL.
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: Database) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            use super::*;

            async fn check($database: Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check(crate::database::Database::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                check(crate::database::Database::postgres().await).await;
            }
        }
    )*};
}
pub(crate) use on_both_databases;
