//! One database per test, cloned from a migrated template.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tidemill_dag::ids::RunId;
use tidemill_store::{Clock, MIGRATOR, Store, StoreOptions};

use crate::server::Server;

/// The key of the advisory lock behind which the template is made; any number that nobody else takes.
const TEMPLATE_LOCK: i64 = 7_463_514_082_551_963_104;

/// A database of a test's own, dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: Server,
}

impl TestDatabase {
    /// Makes a database with all migrations.
    pub async fn create() -> anyhow::Result<Self> {
        let server = Server::find()?;
        let mut connection =
            server.options.connect().await.context("connect to the server for tests")?;
        let template = ensure_template(&mut connection, &server.options).await?;
        let database = Self::make(server, &mut connection, &template).await?;
        connection.close().await.context("leave the server for tests")?;
        Ok(database)
    }

    /// Makes a database without any migration.
    pub async fn create_empty() -> anyhow::Result<Self> {
        let server = Server::find()?;
        let mut connection =
            server.options.connect().await.context("connect to the server for tests")?;
        let database = Self::make(server, &mut connection, "template0").await?;
        connection.close().await.context("leave the server for tests")?;
        Ok(database)
    }

    /// The superuser's URL.
    pub fn url(&self) -> String {
        self.options().to_url_lossy().to_string()
    }

    /// How to connect for statements of the test's own.
    pub fn options(&self) -> PgConnectOptions {
        self.server.options.clone().database(&self.name)
    }

    /// A store on it.
    pub async fn store(&self, clock: Clock) -> anyhow::Result<Store> {
        let options = StoreOptions::new(self.url()).with_clock(clock).with_connections(6);
        Store::connect(options).await.context("connect to the database of the test")
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How to connect beside the database.
    pub(crate) const fn server(&self) -> &PgConnectOptions {
        &self.server.options
    }

    async fn make(
        server: Server,
        connection: &mut PgConnection,
        template: &str,
    ) -> anyhow::Result<Self> {
        let name = format!("tidemill_test_{}", RunId::generate().as_uuid().as_simple());
        execute(connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
        Ok(Self { name, server })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (options, name) = (self.server.options.clone(), self.name.clone());
        // A runtime cannot wait inside a runtime, but another thread can. A database that stays is no failure.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = options.connect().await?;
                execute(&mut connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                    .await
            })
        });
        dropped.join().ok();
    }
}

/// Makes the template of these migrations, unless it is there; gives its name.
async fn ensure_template(
    connection: &mut PgConnection,
    options: &PgConnectOptions,
) -> anyhow::Result<String> {
    let name = format!("tidemill_template_{:016x}", fingerprint());
    if exists(connection, &name).await? {
        return Ok(name);
    }
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *connection)
        .await?;
    if !exists(connection, &name).await? {
        // It gets its name when it is whole, so that nobody takes half of it.
        let draft = format!("{name}_draft");
        execute(connection, format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await?;
        execute(connection, format!("CREATE DATABASE {draft} TEMPLATE template0")).await?;
        let mut inside =
            options.clone().database(&draft).connect().await.context("connect to the template")?;
        MIGRATOR.run(&mut inside).await.context("migrate the template")?;
        inside.close().await.context("leave the template")?;
        execute(connection, format!("ALTER DATABASE {draft} RENAME TO {name}")).await?;
    }
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *connection)
        .await?;
    Ok(name)
}

async fn exists(connection: &mut PgConnection, database: &str) -> anyhow::Result<bool> {
    let exists = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)");
    exists.bind(database).fetch_one(connection).await.context("look for the template")
}

/// Runs a statement made of fixed words and names that this module made.
async fn execute(connection: &mut PgConnection, statement: String) -> anyhow::Result<()> {
    sqlx::query(AssertSqlSafe(statement.clone())).execute(connection).await.context(statement)?;
    Ok(())
}

/// Changes with every migration.
fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    for migration in MIGRATOR.iter() {
        (migration.version, &migration.checksum).hash(&mut hasher);
    }
    hasher.finish()
}
