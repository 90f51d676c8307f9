//! The queries of docs/format.md, run as they stand there, over the frozen vectors as jobs of River.

use sqlx::{AssertSqlSafe, Row};
use workbench::{Database, on_both_databases};

const DOCUMENT: &str = include_str!("../docs/format.md");
const VECTORS: &str = jobcrypt_testkit::VECTORS_V1;

/// The document's blocks of SQL: those for PostgreSQL, then those for SQLite.
fn query(block: usize, database: &Database) -> &'static str {
    let offset = match database {
        Database::Postgres(_) => 0,
        Database::Sqlite(..) => 2,
    };
    let blocks: Vec<&str> = DOCUMENT
        .split("```sql\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .collect();
    assert_eq!(
        blocks.len(),
        4,
        "the document has two queries for each database"
    );
    blocks[offset + block]
}

/// The rows of a query whose columns are text, with a count behind them.
async fn counts(database: &Database, block: usize, columns: usize) -> Vec<(Vec<String>, i64)> {
    macro_rules! read {
        ($pool:expr) => {
            // River's states are an enum that only PostgreSQL knows by name.
            sqlx::raw_sql(AssertSqlSafe(query(block, database)))
                .fetch_all($pool)
                .await
                .expect("the query runs")
                .into_iter()
                .map(|row| {
                    let text = |at| row.get_unchecked::<String, _>(at);
                    ((0..columns).map(text).collect(), row.get(columns))
                })
                .collect()
        };
    }
    match database {
        Database::Postgres(pool) => read!(pool),
        Database::Sqlite(pool, _) => read!(pool),
    }
}

async fn set_state(database: &Database, id: i64, state: &str) {
    let update = format!(
        "update river_job set state = '{state}', finalized_at = current_timestamp where id = {id}"
    );
    match database {
        Database::Postgres(pool) => sqlx::raw_sql(AssertSqlSafe(update))
            .execute(pool)
            .await
            .map(drop),
        Database::Sqlite(pool, _) => sqlx::raw_sql(AssertSqlSafe(update))
            .execute(pool)
            .await
            .map(drop),
    }
    .expect("the row can be changed");
}

fn vectors() -> serde_json::Value {
    serde_json::from_str(VECTORS).expect("the vectors are JSON")
}

/// Two jobs of one key, one of them discarded, one of another key, one legacy job and two readable ones.
async fn plant(database: &Database) {
    let vectors = vectors();
    let stored = |section: &str, name: &str| {
        let vector = vectors[section]
            .as_array()
            .into_iter()
            .flatten()
            .find(|vector| vector["name"] == name)
            .expect("the vector is there");
        vector["stored"].as_str().expect("a text").to_owned()
    };
    for (section, name) in [
        ("tokens", "secretbox-invoice"),
        ("tokens", "fernet-invoice"),
        ("legacy", "River-secretbox-1"),
        ("plaintext", "object"),
        ("plaintext", "marker-below-the-top"),
    ] {
        database.plant("send_invoice", &stored(section, name)).await;
    }
    let again = stored("tokens", "secretbox-no-namespace");
    let id = database.plant("send_invoice", &again).await;
    set_state(database, id, "discarded").await;
}

on_both_databases! {

async fn the_drain_query_counts_envelopes_that_may_still_be_worked(database: Database) {
    plant(&database).await;
    let found = counts(&database, 0, 1).await;
    assert_eq!(found, [(vec!["available".to_owned()], 3)]);
}

async fn the_query_by_key_finds_each_key_in_each_state(database: Database) {
    plant(&database).await;
    let vectors = vectors();
    let row = |cipher: &str, state: &str| {
        let id = vectors["keys"][cipher]["key_id"].as_str().unwrap_or_default();
        (vec![cipher.to_owned(), id.to_owned(), state.to_owned()], 1)
    };
    let mut found = counts(&database, 1, 3).await;
    found.sort();
    let mut expected = [
        row("", "available"),
        row("fernet", "available"),
        row("secretbox", "available"),
        row("secretbox", "discarded"),
    ];
    expected.sort();
    assert_eq!(found, expected);
}

}
