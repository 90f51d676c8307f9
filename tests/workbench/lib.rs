//! What the tests against River stand on: a new database each, jobs whose args are any JSON, and a
//! client whose workers report what they see.
#![allow(missing_docs, reason = "only the tests beside it use it")]
#![allow(clippy::missing_panics_doc, reason = "a test panics where it fails")]
#![allow(
    clippy::must_use_candidate,
    reason = "a test that ignores a result is no harm"
)]

mod bench;
mod database;
mod kinds;
mod program;

pub use bench::{Bench, build, builder, hook, key, keyring};
pub use database::{Database, StoredJob};
pub use kinds::{ChargeCard, RebuildIndex, SendInvoice, SyncMailbox};
pub use program::{program, program_with};

/// Makes each test run once on SQLite and once on PostgreSQL.
#[macro_export]
macro_rules! on_both_databases {
    ($(async fn $name:ident($database:ident: Database) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn check($database: Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check($crate::Database::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                check($crate::Database::postgres().await).await;
            }
        }
    )*};
}
