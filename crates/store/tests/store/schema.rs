//! The schema mirrors the types, and migrations go both ways.

use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Row};
use tidemill_dag::state::{OnChildFailure, Outcome, RunKind, TaskState};
use tidemill_store::{
    BackfillOrder, BackfillState, Clock, ExitCause, MIGRATOR, Reprocess, StoreError, WorkerState,
};
use tidemill_testkit::{TestDatabase, World};

use crate::ONE_STEP;

async fn labels(connection: &mut PgConnection, name: &str) -> anyhow::Result<Vec<String>> {
    let labels = sqlx::query(
        "SELECT enumlabel FROM pg_enum WHERE enumtypid = $1::text::regtype ORDER BY enumsortorder",
    );
    let rows = labels.bind(name).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn the_enums_of_the_database_are_those_of_the_program() -> anyhow::Result<()> {
    let database = TestDatabase::create().await?;
    let mut connection = database.options().connect().await?;
    let choices = [OnChildFailure::Fail, OnChildFailure::Resume];
    let choices = choices.map(|choice| serde_json::to_value(choice).unwrap());

    let expected: Vec<(&str, Vec<&str>)> = vec![
        ("backfill_order", BackfillOrder::ALL.map(BackfillOrder::label).into()),
        ("backfill_state", BackfillState::ALL.map(BackfillState::label).into()),
        ("exit_cause", ExitCause::ALL.map(ExitCause::label).into()),
        ("on_child_failure", choices.iter().filter_map(|choice| choice.as_str()).collect()),
        ("outcome", Outcome::ALL.map(Outcome::label).into()),
        ("reprocess", Reprocess::ALL.map(Reprocess::label).into()),
        ("run_kind", RunKind::ALL.map(RunKind::label).into()),
        ("run_state", vec!["open", "cancelling", "closed"]),
        ("task_state", TaskState::LABELS.into()),
        ("worker_state", WorkerState::ALL.map(WorkerState::label).into()),
    ];

    let stored = connection
        .fetch_all(
            "SELECT typname::text FROM pg_type
             WHERE typtype = 'e' AND typnamespace = current_schema()::regnamespace ORDER BY 1",
        )
        .await?;
    let stored: Vec<String> = stored.iter().map(|row| row.get(0)).collect();
    assert_eq!(stored, expected.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, variants) in expected {
        assert_eq!(labels(&mut connection, name).await?, variants, "{name}");
    }
    Ok(())
}

/// All that migrations make, as sorted text.
async fn fingerprint(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    let rows = connection
        .fetch_all(
            r"
            WITH here AS (SELECT current_schema()::regnamespace AS oid)
            SELECT format('column %s.%s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                       a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) AS line
            FROM pg_attribute a
            JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
            JOIN here ON here.oid = c.relnamespace
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            UNION ALL
            SELECT format('constraint %s %s', conname, pg_get_constraintdef(t.oid))
            FROM pg_constraint t JOIN here ON here.oid = t.connamespace
            UNION ALL
            SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = current_schema()
            UNION ALL
            SELECT format('storage %s %s', relname, reloptions) FROM pg_class c
            JOIN here ON here.oid = c.relnamespace WHERE relkind = 'r'
            UNION ALL
            SELECT format('type %s %s', typname, (SELECT array_agg(enumlabel ORDER BY enumsortorder)
                       FROM pg_enum WHERE enumtypid = y.oid))
            FROM pg_type y JOIN here ON here.oid = y.typnamespace WHERE typtype = 'e'
            UNION ALL
            SELECT format('function %s', pg_get_functiondef(p.oid))
            FROM pg_proc p JOIN here ON here.oid = p.pronamespace
            UNION ALL
            SELECT format('trigger %s', pg_get_triggerdef(g.oid))
            FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN here ON here.oid = c.relnamespace
            WHERE NOT tgisinternal
            ORDER BY 1",
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn up_down_up_leaves_the_same_schema() -> anyhow::Result<()> {
    let database = TestDatabase::create_empty().await?;
    let mut connection = database.options().connect().await?;
    let only_the_list =
        |lines: &[String]| lines.iter().all(|line| line.contains("_sqlx_migrations"));

    MIGRATOR.run(&mut connection).await?;
    let first = fingerprint(&mut connection).await?;
    MIGRATOR.undo(&mut connection, 0).await?;
    let nothing = fingerprint(&mut connection).await?;
    MIGRATOR.run(&mut connection).await?;
    let second = fingerprint(&mut connection).await?;

    assert!(first.len() > 100);
    assert!(only_the_list(&nothing), "{nothing:#?}");
    assert_eq!(first, second);
    Ok(())
}

#[tokio::test]
async fn each_migration_goes_back_alone() -> anyhow::Result<()> {
    let database = TestDatabase::create_empty().await?;
    let mut connection = database.options().connect().await?;
    let versions: Vec<i64> = MIGRATOR
        .iter()
        .filter(|one| one.migration_type.is_up_migration())
        .map(|one| one.version)
        .collect();

    for (index, version) in versions.iter().enumerate() {
        let before = fingerprint(&mut connection).await?;
        MIGRATOR.run_to(*version, &mut connection).await?;
        let previous = index.checked_sub(1).map_or(0, |previous| versions[previous]);
        MIGRATOR.undo(&mut connection, previous).await?;
        let after = fingerprint(&mut connection).await?;
        assert!(index == 0 || before == after, "{version}");
        MIGRATOR.run_to(*version, &mut connection).await?;
    }
    Ok(())
}

/// For every combination of a state and the columns that go with states: the database refuses exactly those that
/// the program takes for corrupt.
#[tokio::test]
async fn the_database_refuses_exactly_what_the_program_calls_corrupt() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let run = world.open().await?;
    let mut checked = world.database.options().connect().await?;
    // The same table twice: one with its checks, one without.
    checked.execute("CREATE TABLE strict (LIKE task_runs INCLUDING ALL)").await?;
    checked.execute("INSERT INTO strict SELECT * FROM task_runs").await?;
    checked.execute("ALTER TABLE task_runs DROP CONSTRAINT task_runs_state_columns_agree").await?;
    let cells = [
        ("ready_at", "now()"),
        ("lease_until", "now()"),
        ("worker_id", "gen_random_uuid()"),
        ("expanded_at", "now()"),
        ("finished_at", "now()"),
        ("outcome", "'failed'"),
    ];

    for state in TaskState::LABELS {
        for chosen in 0u32..1 << cells.len() {
            let set: Vec<String> = cells
                .iter()
                .enumerate()
                .map(|(bit, (column, value))| {
                    let value = if chosen & (1 << bit) == 0 { "NULL" } else { value };
                    format!("{column} = {value}")
                })
                .collect();
            let set = format!("state = '{state}', attempt = 1, {}", set.join(", "));
            let refused = checked
                .execute(sqlx::AssertSqlSafe(format!("UPDATE strict SET {set}")))
                .await
                .err();
            checked.execute(sqlx::AssertSqlSafe(format!("UPDATE task_runs SET {set}"))).await?;

            match (refused, world.store.view(run).await) {
                (None, Ok(_)) => {}
                (Some(refused), Err(StoreError::Corrupt(row))) => {
                    assert!(
                        refused.to_string().contains(row.constraint),
                        "{set}: {refused} but {row}"
                    );
                }
                (refused, read) => anyhow::bail!("{set}: database {refused:?}, program {read:?}"),
            }
        }
    }
    checked.close().await?;
    Ok(())
}

#[tokio::test]
async fn impossible_runs_and_attempts_are_refused_by_name() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    world.claim("only").await?;
    let mut connection = world.database.options().connect().await?;

    for (change, constraint) in [
        ("UPDATE dag_runs SET state = 'closed'", "dag_runs_state_columns_agree"),
        ("UPDATE dag_runs SET outcome = 'failed'", "dag_runs_state_columns_agree"),
        ("UPDATE dag_runs SET finished_at = now()", "dag_runs_state_columns_agree"),
        ("UPDATE dag_runs SET kind = 'backfill'", "dag_runs_kind_columns_agree"),
        ("UPDATE dag_runs SET kind = 'scheduled'", "dag_runs_kind_columns_agree"),
        ("UPDATE dag_runs SET params = '[]'", "dag_runs_params_are_an_object"),
        (
            "UPDATE dag_runs SET interval_end = interval_start - INTERVAL '1s'",
            "dag_runs_interval_runs_forward",
        ),
        ("UPDATE task_runs SET attempt = 0", "task_runs_started_tasks_have_an_attempt"),
        ("UPDATE task_runs SET reason = '{}'", "task_runs_reason_tells_an_end"),
        ("UPDATE task_runs SET slots = 0", "task_runs_slots_positive"),
        ("UPDATE task_runs SET phase = -1", "task_runs_counts_not_negative"),
        ("UPDATE task_runs SET parent = position", "task_runs_parent_comes_first"),
        ("UPDATE attempts SET ended_at = now()", "attempts_end_columns_agree"),
        ("UPDATE attempts SET attempt = 0", "attempts_count_from_one"),
        ("UPDATE attempts SET cache = '{}'", "attempts_cache_tells_of_an_end"),
        (
            "INSERT INTO cache_entries VALUES ('A', 'd', 'p', now(), now(), '{}', gen_random_uuid(), gen_random_uuid(), 1, now())",
            "cache_entries_key_is_lower_case_hex",
        ),
        ("UPDATE attempts SET cpu_ms = -1", "attempts_costs_not_negative"),
        ("UPDATE pools SET slots = -1", "pools_slots_not_negative"),
        ("UPDATE dags SET is_present = true", "dags_present_ones_know_their_ticks"),
        (
            "INSERT INTO outbox VALUES (gen_random_uuid(), 't', 'r', '{}', 'k', now(), now(), 1, now(), now())",
            "outbox_ends_one_way",
        ),
        ("INSERT INTO leader VALUES ('other', 'me', 1, now())", "leader_is_one"),
    ] {
        let refused = connection.execute(change).await.expect_err(change);
        assert!(refused.to_string().contains(constraint), "{change}: {refused}");
    }
    Ok(())
}

#[tokio::test]
async fn the_status_names_every_migration() -> anyhow::Result<()> {
    let database = TestDatabase::create_empty().await?;
    let store = database.store(Clock::Database).await?;

    let status = store.migration_status().await?;

    let lines: Vec<String> = status
        .iter()
        .map(|one| format!("{} {} applied: {}", one.version, one.name, one.applied))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
    Ok(())
}
