//! Faults of the database, as tests need them.

use anyhow::Context;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::database::TestDatabase;

impl TestDatabase {
    /// Ends all connections to the database, as a restart of the server does.
    pub async fn cut_connections(&self) -> anyhow::Result<()> {
        let name = self.name();
        self.on_server(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ))
        .await
    }

    /// Lets nobody in any more, and ends all connections: the database is away until [`Self::bring_back`].
    pub async fn take_away(&self) -> anyhow::Result<()> {
        self.on_server(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name())).await?;
        self.cut_connections().await
    }

    /// Ends [`Self::take_away`].
    pub async fn bring_back(&self) -> anyhow::Result<()> {
        self.on_server(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name())).await
    }

    /// Runs a statement, made of fixed words and our own name, beside the database.
    async fn on_server(&self, statement: &str) -> anyhow::Result<()> {
        let mut connection = self.server().connect().await.context("connect to the server")?;
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await
            .with_context(|| statement.to_owned())?;
        connection.close().await.context("leave the server")
    }
}
