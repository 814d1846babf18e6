//! Reaching a database, and whether it fits the program.

use std::error::Error;

use sqlx::{ConnectOptions, Executor};
use tidemill_store::{Clock, Store, StoreError, StoreOptions};
use tidemill_testkit::{TestDatabase, World};

use crate::ONE_STEP;

#[tokio::test]
async fn a_server_that_is_away_is_unreachable_at_once() -> anyhow::Result<()> {
    let options = StoreOptions::new("postgres://nobody:secret@127.0.0.1:1/none");

    let refused = Store::connect(options).await.expect_err("nobody listens on port 1");

    assert!(matches!(refused, StoreError::Unreachable { .. }), "{refused:?}");
    assert_eq!(refused.to_string(), "reach the database at 127.0.0.1:1/none");
    assert!(refused.source().is_some() && refused.may_pass());
    Ok(())
}

#[tokio::test]
async fn a_url_that_is_none_is_told_apart_from_a_server_that_is_away() {
    let refused =
        Store::connect(StoreOptions::new("not a url")).await.expect_err("not a URL of PostgreSQL");

    assert!(matches!(refused, StoreError::BadUrl { .. }), "{refused:?}");
}

#[tokio::test]
async fn an_empty_database_needs_migration_and_then_does_not() -> anyhow::Result<()> {
    let database = TestDatabase::create_empty().await?;
    let store = database.store(Clock::Database).await?;

    let before = store.check_current().await;
    store.migrate().await?;
    store.migrate().await?;

    let migrations = store.migration_status().await?;
    let all = migrations.len();
    assert!(
        matches!(before, Err(StoreError::NeedsMigration { pending }) if pending == all),
        "{before:?}"
    );
    assert!(store.is_current().await?);
    assert!(migrations.iter().all(|one| one.applied));
    Ok(())
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?;
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (29990101000000, 'from the future', true, '', 0)";
    world.database.options().connect().await?.execute(newer).await?;

    for refused in
        [world.store.check_current().await, world.store.migrate().await, world.store.reset().await]
    {
        assert!(
            matches!(refused, Err(StoreError::TooNew { version: 29_990_101_000_000 })),
            "{refused:?}"
        );
    }
    assert!(!world.store.is_current().await?);
    Ok(())
}

#[tokio::test]
async fn a_reset_leaves_nothing_behind() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    world.claim("only").await?;

    world.store.reset().await?;

    assert!(world.store.is_current().await?);
    assert_eq!(world.describe().await?, "at +0s\n");
    world.store.put_pool(&World::pool(), World::SLOTS, "").await?;
    let world = world.with_dag(ONE_STEP).await?;
    world.open().await?;
    world.claim("only").await?;
    Ok(())
}

#[tokio::test]
async fn two_schemas_of_one_database_do_not_see_each_other() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let options = StoreOptions::new(world.database.url()).in_schema("drill");

    let drill = Store::connect(options).await?;
    drill.migrate().await?;

    assert!(drill.is_current().await?);
    assert!(drill.dags().await?.is_empty());
    assert_eq!(world.store.dags().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_schema_with_a_trick_in_its_name_is_refused() {
    for schema in ["", "a b", "x;drop", "Public", "1st", "-c x=y"] {
        let options = StoreOptions::new("postgres://localhost/none").in_schema(schema);

        let refused = Store::connect(options).await.expect_err("not a name");

        assert!(matches!(refused, StoreError::BadSchema { .. }), "{refused:?}");
    }
}
