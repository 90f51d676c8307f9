use std::{
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use riverqueue::{
    BoxError, Client, ClientBuilder,
    database::{PostgresDatabase, SchemaName},
    migrate::PostgresMigrator,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::tally::{self, Tally};

/// A schema of its own, on a server that may hold other things.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: PgPool,
    schema: SchemaName,
    name: String,
    is_kept: bool,
}

impl Postgres {
    pub(crate) async fn create(url: &str, is_kept: bool) -> Result<Self, BoxError> {
        // A pool would try for half a minute, and then not say why.
        PgConnection::connect(url)
            .await
            .map_err(|error| format!("--postgres: {error}"))?
            .close()
            .await?;
        let pool = PgPool::connect(url).await?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let name = format!("jobcrypt_quickstart_{seconds}_{}", process::id());
        let schema = SchemaName::new(&name)?;
        // Not `if not exists`: a schema that is there already is someone else's.
        sqlx::query(AssertSqlSafe(format!("create schema {name}")))
            .execute(&pool)
            .await?;
        let postgres = Self {
            pool,
            schema,
            name,
            is_kept,
        };
        if let Err(error) = postgres.migrate().await {
            postgres.drop_schema().await?;
            return Err(error);
        }
        Ok(postgres)
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        let database = PostgresDatabase::new(self.pool.clone());
        Client::builder(database.with_schema(self.schema.clone()))
    }

    pub(crate) async fn stored_args(&self, id: i64) -> Result<String, BoxError> {
        let query = self.on_jobs("select args::text from", "where id = $1");
        Ok(sqlx::query_scalar(query)
            .bind(id)
            .fetch_one(&self.pool)
            .await?)
    }

    pub(crate) async fn tally(&self) -> Result<Tally, BoxError> {
        let query = self.on_jobs(
            "select split_part(args ->> 'river_encrypt', '.', 2) as cipher,
                split_part(args ->> 'river_encrypt', '.', 3) as key_id,
                count(*) filter (where finalized_at is null),
                count(*) filter (where finalized_at is not null) from",
            "group by cipher, key_id",
        );
        tally::from_rows(sqlx::query_as(query).fetch_all(&self.pool).await?)
    }

    pub(crate) async fn close(&self) -> Result<Vec<u8>, BoxError> {
        let query = self.on_jobs("select to_jsonb(job)::text from", "as job");
        let rows: Vec<String> = sqlx::query_scalar(query).fetch_all(&self.pool).await?;
        if !self.is_kept {
            self.drop_schema().await?;
        }
        self.pool.close().await;
        Ok(rows.join("\n").into_bytes())
    }

    pub(crate) fn kept(&self) -> Option<String> {
        let name = &self.name;
        self.is_kept.then(|| {
            format!(
                "Kept: schema {name}\n      \
                 select id, kind, args from {name}.river_job;\n      \
                 drop schema {name} cascade;"
            )
        })
    }

    async fn migrate(&self) -> Result<(), BoxError> {
        PostgresMigrator::new(self.pool.clone())
            .with_schema(self.schema.clone())
            .migrate_up()
            .await?;
        Ok(())
    }

    async fn drop_schema(&self) -> Result<(), BoxError> {
        let query = format!("drop schema {} cascade", self.name);
        sqlx::query(AssertSqlSafe(query))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    fn on_jobs(&self, before: &str, after: &str) -> AssertSqlSafe<String> {
        let table = self.schema.qualify("river_job");
        AssertSqlSafe(format!("{before} {table} {after}"))
    }
}
