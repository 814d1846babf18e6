//! What cannot be landed, and what is said about it.

use tidemill_lake::postgres::QueryError;
use tidemill_lake::quality::Length;
use tidemill_lake::snapshot::{Earlier, LandError, Landing};

use crate::server::{Plant, landing};

fn of(address: &str) -> Landing {
    let mut request = landing("SELECT 1 AS one", &[]);
    request.postgres[0].address = address.into();
    request
}

#[tokio::test]
async fn mistakes_are_told_with_what_to_do() {
    let plant = Plant::new("mistakes");
    plant.run(
        "CREATE TABLE readings (id integer PRIMARY KEY, other integer, spans interval[], line point);
         INSERT INTO readings SELECT i, CASE WHEN i = 20001 THEN NULL ELSE i / 2 END
           FROM generate_series(1, 30000) AS i;
         CREATE INDEX ON readings (other); ANALYZE readings;",
    );
    let requests = [
        ("no such variable", of("NOT_SET")),
        ("a variable with something else", of("NO_ADDRESS")),
        ("an address in its place", of("postgres://reader:secret@host/plant")),
        ("no query", landing(" ; ", &[])),
        ("no such table", landing("SELECT *\n  FROM reading", &[])),
        ("no such column", landing("SELECT value FROM readings", &[])),
        ("no rows at all", landing("COMMIT", &[])),
        ("two statements", landing("SELECT 1; SELECT 2", &[])),
        ("a change", landing("WITH gone AS (DELETE FROM readings RETURNING id) TABLE gone", &[])),
        ("a parameter", landing("SELECT id FROM readings WHERE id = $1", &[])),
        ("types", landing("SELECT id, spans, line FROM readings", &[])),
        ("two names", landing("SELECT id, id FROM readings", &[])),
        ("no such key", landing("SELECT id, other FROM readings", &["ids"])),
        ("a key that is null", landing("SELECT id, other FROM readings", &["other"])),
        (
            "a key that repeats",
            landing("SELECT id, other FROM readings WHERE other IS NOT NULL", &["other"]),
        ),
        ("a key that repeats, sorted", landing("SELECT id % 9 AS nine FROM readings", &["nine"])),
        ("a key without an order", landing("SELECT '{}'::json AS a FROM readings", &["a"])),
        ("an infinite time", landing("SELECT 1 AS a, 'infinity'::timestamptz AS at", &[])),
        ("no number", landing("SELECT 'NaN'::numeric(5, 2) AS a", &[])),
        ("no row", landing("SELECT id FROM readings WHERE id < 0", &["id"])),
        ("an error in a row", landing("SELECT 10 / (id - 25000) AS a FROM readings", &[])),
        ("files, too", Landing { sources: vec!["*.csv".into()], ..of("NOT_SET") }),
    ];

    let mut told = String::new();
    for (what, request) in requests {
        let refused = plant.refused(&request).await;
        told = format!("{told}# {what}\n{refused}\n\n");
    }

    assert!(!told.contains("secret"), "{told}");
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn refused_credentials_and_servers_that_are_not_there_are_told_apart() {
    let mut plant = Plant::new("denied");
    let port = plant.cluster.port();
    plant.address = format!("postgres://tidemill:wrong-secret@127.0.0.1:{port}/lake_denied");
    let denied = plant.refused(&of("PLANT_DATABASE")).await;
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    plant.address = format!("postgres://tidemill:wrong-secret@127.0.0.1:{free}/lake_denied");
    let unreachable = plant.refused(&of("PLANT_DATABASE")).await;
    plant.address = format!("postgres://tidemill@127.0.0.1:{free}/lake_denied?sslmode=perhaps");
    let malformed = plant.refused(&of("PLANT_DATABASE")).await;

    assert!(denied.contains("the server refuses: password authentication failed"), "{denied}");
    assert!(unreachable.contains("the server cannot be reached"), "{unreachable}");
    assert!(malformed.contains("holds no address of a Postgres database"), "{malformed}");
    assert!(!format!("{denied}{unreachable}").contains("wrong-secret"));
}

#[tokio::test]
async fn a_connection_that_is_cut_midway_leaves_nothing() {
    let mut plant = Plant::new("cut");
    plant.run(
        "CREATE TABLE readings (id integer PRIMARY KEY, value text);
         INSERT INTO readings SELECT i, repeat('x', 50) FROM generate_series(1, 50000) AS i; ANALYZE readings;",
    );
    plant.cut_after(2 << 20).await;

    let by_key = plant.land_after(&landing("TABLE readings", &["id"]), Earlier::default()).await;
    let cursor = plant.refused(&landing("TABLE readings", &[])).await;

    let Err(LandError::Query(QueryError::Lost { row, .. })) = by_key else { panic!("{by_key:?}") };
    assert!((20_000..50_000).contains(&row), "{row}");
    assert!(cursor.contains("the connection was lost"), "{cursor}");
}

#[tokio::test]
async fn a_server_that_goes_away_midway_leaves_nothing() {
    let plant = Plant::new("gone");
    let query = "SELECT i, CASE WHEN i = 30000 THEN pg_terminate_backend(pg_backend_pid()) END AS gone \
                 FROM generate_series(1, 60000) AS i";

    let refused = plant.refused(&landing(query, &[])).await;

    assert!(refused.contains("the connection was lost"), "{refused}");
    assert!(refused.ends_with("hint: nothing was landed; land again"), "{refused}");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended() {
    let plant = Plant::new("slow");
    let mut request = landing("SELECT 1 AS one, pg_sleep(60)::text AS slept", &[]);
    request.postgres[0].timeout = Some(Length::from_seconds(1));

    let refused = plant.refused(&request).await;

    assert!(
        refused.contains("postgres:PLANT_DATABASE#1: row 1: the statement took longer than 1 s"),
        "{refused}"
    );
}

#[tokio::test]
async fn personal_data_of_a_query_is_found() {
    let plant = Plant::new("personal");
    plant.run(
        "CREATE TABLE people AS SELECT i AS id, 'someone' || i || '@example.org' AS contact
           FROM generate_series(1, 200) AS i",
    );

    let refused = plant.refused(&landing("TABLE people", &["id"])).await;

    assert!(refused.contains("`contact` seems to hold"), "{refused}");
}
