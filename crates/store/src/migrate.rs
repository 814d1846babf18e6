//! Migrations: the schema as a list of steps, forwards and backwards.

use std::collections::BTreeSet;

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::connect::Store;
use crate::error::{StoreError, reading, writing};

/// All migrations, embedded.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// One migration of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number: when it was written.
    pub version: i64,
    /// What it does.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

impl Store {
    /// Applies what is not applied yet; two programs may do so at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.migrating().await?;
        if let Some(schema) = &self.schema {
            // The name was checked when it was given: letters, digits and `_` only.
            sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}")))
                .execute(&mut connection)
                .await
                .map_err(writing("the schema"))?;
        }
        let migrated = MIGRATOR.run(&mut connection).await.map_err(migrating);
        closed(connection).await;
        migrated
    }

    /// Drops everything and makes it anew, empty. All that is stored is lost.
    pub async fn reset(&self) -> Result<(), StoreError> {
        let mut connection = self.migrating().await?;
        let undone = MIGRATOR.undo(&mut connection, 0).await.map_err(migrating);
        closed(connection).await;
        undone?;
        self.versions.forget();
        // Open connections know tables and types by numbers that are gone.
        while let Some(connection) = self.pool.try_acquire() {
            closed(connection.detach()).await;
        }
        self.migrate().await
    }

    /// Each migration of this program, and whether the database has it.
    ///
    /// [`StoreError::TooNew`] when the database has one that this program does not know.
    pub async fn migration_status(&self) -> Result<Vec<MigrationStatus>, StoreError> {
        let applied = self.applied().await?;
        if let Some(version) = applied.iter().rfind(|version| !MIGRATOR.version_exists(**version)) {
            return Err(StoreError::TooNew { version: *version });
        }
        let forwards = MIGRATOR.iter().filter(|one| one.migration_type.is_up_migration());
        let status = forwards.map(|one| MigrationStatus {
            version: one.version,
            name: one.description.to_string(),
            applied: applied.contains(&one.version),
        });
        Ok(status.collect())
    }

    /// Tells whether the database is exactly as new as this program.
    pub async fn is_current(&self) -> Result<bool, StoreError> {
        match self.check_current().await {
            Ok(()) => Ok(true),
            Err(StoreError::NeedsMigration { .. } | StoreError::TooNew { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Refuses a database that is older or newer than this program.
    pub async fn check_current(&self) -> Result<(), StoreError> {
        let status = self.migration_status().await?;
        let pending = status.iter().filter(|one| !one.applied).count();
        if pending == 0 { Ok(()) } else { Err(StoreError::NeedsMigration { pending }) }
    }

    async fn applied(&self) -> Result<BTreeSet<i64>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(reading("the migrations"))?;
        let table = sqlx::query_scalar!(
            r#"SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS "is_there!""#
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(reading("the migrations"))?;
        if !table {
            return Ok(BTreeSet::new());
        }
        let applied =
            connection.list_applied_migrations("_sqlx_migrations").await.map_err(migrating)?;
        Ok(applied.into_iter().map(|one| one.version).collect())
    }

    /// A connection of its own: the lock of the migrator ends with it, whatever happens, and long migrations may be long.
    async fn migrating(&self) -> Result<PgConnection, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(writing("the schema"))?.detach();
        sqlx::query("SET statement_timeout = 0")
            .execute(&mut connection)
            .await
            .map_err(writing("the schema"))?;
        Ok(connection)
    }
}

async fn closed(connection: PgConnection) {
    // What was to be done is done or has failed; a connection that cannot say goodbye is gone anyway.
    connection.close().await.ok();
}

fn migrating(source: MigrateError) -> StoreError {
    match source {
        MigrateError::VersionMissing(version) => StoreError::TooNew { version },
        source => StoreError::Migrate { source },
    }
}
