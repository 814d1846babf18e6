//! The cache: entries come with the results that they name, and count for as long as these are there.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{ConnectOptions, Executor};
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_dag::rerun::Selection;
use tidemill_dag::state::TaskState;
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, ExitCause, Finish, NewRerun, NewRun, StoreError};
use tidemill_task::{
    ArtifactRef, Assignment, CacheNote, CacheParts, CacheReport, CachedResult, ContentHash, Found,
    Miss, RunFacts, Unasked,
};
use tidemill_testkit::World;

use crate::{ONE_STEP, TWO_STEPS};

fn table() -> ArtifactRef {
    ArtifactRef {
        port: "table".parse().expect("`table` is a name"),
        holds: "table".into(),
        sha256: ContentHash::of(b"a table"),
        size_bytes: 10,
        location: "attempts/1/table".into(),
        media_type: "application/vnd.apache.parquet".into(),
        publication: None,
    }
}

fn parts(claim: &Claim, params: Value) -> CacheParts {
    let facts = RunFacts::from(&*claim.facts);
    let assignment =
        Assignment { params, ..Assignment::new(facts, claim.path.clone(), claim.kind.clone()) };
    CacheParts::of(&assignment, 1, None, None)
}

/// The end of an attempt that had to do the work.
fn end(claim: &Claim, params: Value, verdict: Verdict) -> Finish {
    let parts = parts(claim, params);
    let note = CacheNote::Miss { key: parts.key(), why: Miss::NeverRan };
    Finish {
        artifacts: vec![table()],
        cache: Some(CacheReport { note, parts: Some(parts) }),
        ..Finish::new(claim.held(), verdict)
    }
}

fn good() -> Verdict {
    Verdict::Succeeded { output: Arc::new(json!({ "rows": 7 })) }
}

async fn found(world: &World, parts: &CacheParts) -> anyhow::Result<Found> {
    Ok(world.store.cached(&[parts]).await?.remove(0).found)
}

/// The end of an attempt for which an earlier result stands in.
fn hit(claim: &Claim, parts: &CacheParts, result: &CachedResult) -> Finish {
    Finish {
        verdict: Verdict::Succeeded { output: Arc::new(result.output.clone()) },
        artifacts: result.artifacts.clone(),
        cache: Some(CacheReport { note: result.note(parts), parts: None }),
        ..end(claim, json!({}), good())
    }
}

/// A world in which `only` succeeded once, with what it is found by.
async fn succeeded_once() -> anyhow::Result<(World, CacheParts)> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    let claim = world.claim("only").await?;
    world.store.finish(end(&claim, json!({ "a": 1 }), good())).await?;
    Ok((world, parts(&claim, json!({ "a": 1 }))))
}

#[tokio::test]
async fn a_success_is_found_by_its_parts_with_its_output_and_artefacts() -> anyhow::Result<()> {
    let (world, same) = succeeded_once().await?;
    let mut other = same.clone();
    other.params = json!({ "a": 2 });
    let mut elsewhere = same.clone();
    elsewhere.dag = "elsewhere".parse()?;

    let answers = world.store.cached(&[&same, &other, &elsewhere]).await?;

    let [first, second, third] = answers.as_slice() else { panic!("{answers:?}") };
    let Found::Same(result) = &first.found else { panic!("{first:?}") };
    assert_eq!(
        (&result.output, result.artifacts.as_slice()),
        (&json!({ "rows": 7 }), &[table()][..])
    );
    assert_eq!((result.origin.made_at, first.now), (World::start(), World::start()));
    assert!(matches!(&second.found, Found::Other(_, earlier) if **earlier == same), "{second:?}");
    assert_eq!(third.found, Found::Nothing);
    Ok(())
}

#[tokio::test]
async fn a_hit_publishes_the_same_artefacts_for_a_run_of_its_own() -> anyhow::Result<()> {
    let (world, same) = succeeded_once().await?;
    let Found::Same(result) = found(&world, &same).await? else { panic!("it is there") };
    world.clock.advance(Lapse::seconds(172_800));
    let run = world.open().await?;
    let claim = world.claim("only").await?;

    world.store.finish(hit(&claim, &same, &result)).await?;

    let task = world.store.run(run).await?.tasks.remove(0);
    assert_eq!(task.output, Some(json!({ "rows": 7 })));
    let words = task.cache.expect("it has a note").words(world.clock.now());
    assert_eq!(
        words,
        format!(
            "cached: same kind noop v1, params and interval as {} (2 days ago)",
            result.origin.run
        )
    );
    // The entry still tells who did the work.
    let Found::Same(again) = found(&world, &same).await? else { panic!("it is there") };
    assert_eq!(again.origin, result.origin);
    let rerun = NewRerun {
        run,
        version: None,
        selection: Selection::From(vec!["only".parse()?]),
        use_cache: true,
    };
    let results = world.store.plan_rerun(&rerun).await?.results;
    assert_eq!(results[&"only".parse()?].artifacts, [table()]);
    Ok(())
}

#[tokio::test]
async fn failures_and_refused_ends_leave_no_entry() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    world.open().await?;
    let first = world.claim("first").await?;
    let params = json!({});
    let broken = Verdict::Failed { error: "broken".into(), retry: Retry::MayHelp };

    world.store.finish(end(&first, params.clone(), broken)).await?;
    let after_failure = found(&world, &parts(&first, params.clone())).await?;
    world.clock.advance(Lapse::seconds(60));
    let second = world.claim("first").await?;
    world.clock.advance(World::LEASE);
    world.sweep().await?;
    let late = world.store.finish(end(&second, params.clone(), good())).await;

    assert_eq!(after_failure, Found::Nothing);
    assert!(matches!(late, Err(StoreError::LostLease { .. })), "{late:?}");
    assert_eq!(found(&world, &parts(&first, params)).await?, Found::Nothing);
    // Why it missed is told of the attempt that failed, too.
    let attempts = world.store.attempts(first.run, first.task).await?;
    assert!(matches!(attempts[0].cache, Some(CacheNote::Miss { why: Miss::NeverRan, .. })));
    Ok(())
}

#[tokio::test]
async fn a_task_that_was_asked_to_stop_publishes_nothing_from_the_cache() -> anyhow::Result<()> {
    let (world, same) = succeeded_once().await?;
    let Found::Same(result) = found(&world, &same).await? else { panic!("it is there") };
    let run = world.open().await?;
    let claim = world.claim("only").await?;
    world.store.cancel_run(run, "ada").await?;

    world.store.finish(hit(&claim, &same, &result)).await?;

    let task = world.store.run(run).await?.tasks.remove(0);
    assert_eq!(task.state.outcome(), Some(tidemill_dag::state::Outcome::Cancelled));
    assert_eq!((task.output, task.cache), (None, None));
    let exit = world.store.attempts(claim.run, claim.task).await?[0].exit;
    assert_eq!(exit, Some(ExitCause::Cancelled));
    let mut connection = world.database.options().connect().await?;
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM artifacts WHERE run_id = $1");
    assert_eq!(count.bind(run.as_uuid()).fetch_one(&mut connection).await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_entry_whose_history_was_dropped_is_none() -> anyhow::Result<()> {
    let (world, same) = succeeded_once().await?;
    let mut connection = world.database.options().connect().await?;
    connection.execute("DELETE FROM artifacts").await?;
    connection.execute("DELETE FROM attempts").await?;
    connection.execute("DELETE FROM task_runs").await?;

    let found = found(&world, &same).await?;

    assert!(matches!(&found, Found::Forgotten(origin) if origin.task == same.path), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn a_newer_result_takes_the_place_of_an_older_one() -> anyhow::Result<()> {
    let (world, same) = succeeded_once().await?;
    world.clock.advance(Lapse::seconds(60));
    let run = world.open().await?;
    let claim = world.claim("only").await?;

    world.store.finish(end(&claim, json!({ "a": 1 }), good())).await?;

    let Found::Same(result) = found(&world, &same).await? else { panic!("it is there") };
    assert_eq!((result.origin.run, result.origin.made_at), (run, world.clock.now()));
    Ok(())
}

#[tokio::test]
async fn a_miss_is_compared_with_the_same_interval_before_a_later_one() -> anyhow::Result<()> {
    let (mut world, same) = succeeded_once().await?;
    let day = Lapse::seconds(86_400).delta();
    let mut tomorrow = world.new_run();
    (tomorrow.interval.start, tomorrow.interval.end) =
        (tomorrow.interval.start + day, tomorrow.interval.end + day);
    world.store.open_run(&tomorrow).await?;
    let claim = world.claim("only").await?;
    world.store.finish(end(&claim, json!({ "a": 3 }), good())).await?;
    world.put_dag(ONE_STEP).await?;
    let asked = |params, days: i32| {
        let mut asked = CacheParts { params, ..same.clone() };
        asked.interval.start += day * days;
        asked.interval.end += day * days;
        asked
    };

    let today = found(&world, &asked(json!({ "a": 2 }), 0)).await?;
    let later = found(&world, &asked(json!({ "a": 2 }), 9)).await?;

    let params = |found| match found {
        Found::Other(_, parts) => parts.params,
        other => panic!("{other:?}"),
    };
    assert_eq!((params(today), params(later)), (json!({ "a": 1 }), json!({ "a": 3 })));
    Ok(())
}

/// Parent and child are of one kind, as the first phase and the second are of one attempt's key.
async fn grown(change_between: bool) -> anyhow::Result<Found> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    let first = world.claim("only").await?;
    let child = tidemill_dag::state::Child {
        label: "0".into(),
        kind: first.kind.clone(),
        with: None,
        item: None,
        slots: None,
    };
    let verdict = Verdict::Expanded {
        children: vec![child],
        state: Value::Null,
        on_child_failure: tidemill_dag::state::OnChildFailure::Fail,
    };
    let before = json!({ "release": if change_between { 1 } else { 2 } });
    world.store.finish(Finish { artifacts: Vec::new(), ..end(&first, before, verdict) }).await?;
    let child = world.claim("only[0]").await?;
    world.succeed(&child, json!(null)).await?;
    let second = world.claim("only").await?;
    assert_eq!(second.unasked, Some(Unasked::Resumed));
    let after = json!({ "release": 2 });
    world.store.finish(end(&second, after.clone(), good())).await?;
    found(&world, &parts(&second, after)).await
}

#[tokio::test]
async fn the_result_of_a_task_with_children_is_kept_by_what_it_began_with() -> anyhow::Result<()> {
    assert!(matches!(grown(false).await?, Found::Same(_)));
    assert_eq!(grown(true).await?, Found::Nothing);
    Ok(())
}

#[tokio::test]
async fn a_fresh_run_and_a_named_task_do_not_ask() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let fresh = NewRun { use_cache: false, ..world.new_run() };
    let run = world.store.open_run(&fresh).await?.run;
    let first = world.claim("first").await?;
    world.succeed(&first, json!({ "rows": 1 })).await?;
    let second = world.claim("second").await?;
    world.succeed(&second, json!(null)).await?;
    let selection = Selection::From(vec!["first".parse()?]);
    let rerun = NewRerun { run, version: None, selection, use_cache: true };
    world.store.rerun(&rerun).await?;

    let named = world.claim("first").await?;
    world.succeed(&named, json!({ "rows": 1 })).await?;
    let below = world.claim("second").await?;

    assert_eq!(
        [first.unasked, named.unasked, below.unasked],
        [Some(Unasked::RunIsFresh), Some(Unasked::TaskIsNamed), None]
    );
    Ok(())
}

#[tokio::test]
async fn an_end_that_breaks_off_leaves_neither_a_result_nor_an_entry() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let run = world.open().await?;
    let claim = world.claim("only").await?;
    let mut connection = world.database.options().connect().await?;
    connection
        .execute("ALTER TABLE cache_entries ADD CONSTRAINT broken CHECK (attempt > 1)")
        .await?;

    let refused = world.store.finish(end(&claim, json!({}), good())).await;

    assert!(matches!(refused, Err(StoreError::Apply { .. })), "{refused:?}");
    let task = world.store.run(run).await?.tasks.remove(0);
    assert!(matches!(task.state, TaskState::Running { .. }), "{:?}", task.state);
    assert_eq!(found(&world, &parts(&claim, json!({}))).await?, Found::Nothing);
    connection.execute("ALTER TABLE cache_entries DROP CONSTRAINT broken").await?;
    world.store.finish(end(&claim, json!({}), good())).await?;
    assert!(matches!(found(&world, &parts(&claim, json!({}))).await?, Found::Same(_)));
    Ok(())
}

#[tokio::test]
async fn the_search_for_results_uses_its_indexes() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mut connection = world.database.options().connect().await?;
    connection
        .execute(
            "INSERT INTO cache_entries
             SELECT encode(sha256(n::text::bytea), 'hex'), 'd', 't' || n % 10, now() - n * INTERVAL '1 day',
                    now() - (n - 1) * INTERVAL '1 day', '{}', gen_random_uuid(), gen_random_uuid(), 1, now()
             FROM generate_series(1, 20000) AS n",
        )
        .await?;
    connection.execute("ANALYZE cache_entries").await?;
    let text =
        include_str!("../../queries/cache_entries/find.sql").replace("$6", "NULL::timestamptz");
    let (mut text, values) = (text, ["'x'", "'d'", "'t1'", "now()", "now()"]);
    for (number, value) in values.iter().enumerate() {
        text = text.replace(&format!("${}", number + 1), &format!("ARRAY[{value}]"));
    }

    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN {text}"));
    let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut connection).await?;

    let plan = plan.join("\n");
    assert!(plan.contains("cache_entries_pkey"), "{plan}");
    assert_eq!(plan.matches("cache_entries_of_a_task").count(), 2, "{plan}");
    assert!(!plan.contains("Seq Scan on cache_entries"), "{plan}");
    Ok(())
}
