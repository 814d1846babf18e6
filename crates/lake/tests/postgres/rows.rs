//! What comes out of a query.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use tidemill_lake::snapshot::{Earlier, EventTime, Landed, Landing, Manifest, Partition};

use crate::server::{Plant, landing};

fn ids(plant: &Plant, manifest: &Manifest) -> Vec<i64> {
    let batches = plant.batches(manifest);
    let values = |batch: &datafusion::arrow::record_batch::RecordBatch| {
        batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().values().to_vec()
    };
    batches.iter().flat_map(values).collect()
}

#[tokio::test]
async fn every_type_with_a_place_is_landed_as_what_it_is() {
    let plant = Plant::new("types");
    plant.run(
        "CREATE TYPE state AS ENUM ('on', 'off'); CREATE DOMAIN percent AS numeric(5, 2);
         CREATE TABLE readings (
           small smallint, whole integer, large bigint, single real, double double precision,
           exact numeric(12, 3), share percent, free numeric, is_on boolean, name text, code varchar(4),
           fixed char(3), state state, document json, binary_document jsonb, id uuid, bytes bytea,
           day date, at timestamptz, local timestamp);
         INSERT INTO readings VALUES
           (-1, 2, 9007199254740993, 0.5, 1e-9, -12345.678, 99.50, 1234.5000001, true, 'å', 'ab', 'x', 'on',
            '{\"a\": 1}', '{\"b\": [2]}', '00010203-0405-0607-0809-0a0b0c0d0e0f', '\\x00ff',
            '1999-12-31', '2025-10-26 02:30:00+02', '2025-07-01 12:00:00.000001'),
           (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL);",
    );
    let mut request = landing("SELECT * FROM readings ORDER BY small", &[]);
    request.read.columns.entry("local".into()).or_default().zone = Some("Europe/Oslo".into());

    let manifest = plant.land(&request).await;

    let kinds: Vec<String> =
        manifest.columns.iter().map(|column| format!("{}: {}", column.name, column.kind)).collect();
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}",
        kinds.join("\n"),
        plant.table(&manifest),
        manifest.notes.join("\n")
    ));
}

#[tokio::test]
async fn pages_by_key_and_one_cursor_give_the_same_rows() {
    let plant = Plant::new("pages");
    plant.run(
        "CREATE TABLE readings (site text, id bigint, value double precision, PRIMARY KEY (site, id));
         INSERT INTO readings SELECT 'site ' || i % 3, i, i / 7.0 FROM generate_series(1, 60001) AS i;
         ANALYZE readings;",
    );
    let query = "SELECT site, id, value FROM readings;";

    let by_key = plant.land(&landing(query, &["site", "id"])).await;
    // No index has this order, so the server sorts once.
    let sorted = plant.land(&landing(query, &["id"])).await;
    let ordered = "SELECT site, id, value FROM readings ORDER BY site, id -- as the index";
    let cursor = plant.land(&landing(ordered, &[])).await;

    assert_eq!((by_key.rows, sorted.rows), (60_001, 60_001));
    assert_eq!(by_key.content_hash, cursor.content_hash);
    assert_eq!(ids(&plant, &sorted), (1..=60_001).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_same_rows_are_no_new_snapshot_and_others_are() {
    let plant = Plant::new("again");
    plant.run(
        "CREATE TABLE readings (id integer PRIMARY KEY, value double precision);
         INSERT INTO readings SELECT i, i FROM generate_series(1, 1000) AS i;",
    );
    let request = landing("TABLE readings", &["id"]);
    let first = plant.land(&request).await;
    let earlier = Earlier { same_interval: Some(&first), latest: Some(&first) };

    // A row that was written anew lies elsewhere in the table, and is the same.
    plant.run("UPDATE readings SET value = value WHERE id = 1");
    let again = plant.land_after(&request, earlier).await.unwrap();
    plant.run("UPDATE readings SET value = 0 WHERE id = 500");
    let other = plant.land_after(&request, earlier).await.unwrap();

    assert_eq!(again, Landed::Unchanged);
    let Landed::Snapshot(other) = other else { panic!("a value changed") };
    assert_eq!(other.rows, 1000);
    assert_ne!((&other.folder, &other.content_hash), (&first.folder, &first.content_hash));
    assert_eq!(first.sources[0].file.location, "postgres:PLANT_DATABASE#1");
}

#[tokio::test]
async fn all_pages_see_one_moment_and_change_nothing() {
    let plant = Plant::new("moment");
    plant.run(
        "CREATE TABLE readings (id integer PRIMARY KEY);
         INSERT INTO readings SELECT i FROM generate_series(1, 30000) AS i;",
    );

    let settings = "SELECT current_setting('transaction_isolation') AS isolation, \
                    current_setting('transaction_read_only') AS read_only, \
                    current_setting('statement_timeout') AS timeout, \
                    current_setting('TimeZone') AS zone";
    let seen = plant.land(&landing(settings, &[])).await;

    insta::assert_snapshot!(plant.table(&seen), @r"
    +-----------------+-----------+---------+------+
    | isolation       | read_only | timeout | zone |
    +-----------------+-----------+---------+------+
    | repeatable read | on        | 10min   | UTC  |
    +-----------------+-----------+---------+------+
    ");
}

#[tokio::test]
async fn local_times_and_partitions_are_those_of_files() {
    let plant = Plant::new("local");
    plant.run(
        "CREATE TABLE readings (at timestamp, power numeric(6, 2));
         INSERT INTO readings VALUES ('2025-10-26 01:00', 1), ('2025-10-26 02:00', 2), ('2025-10-26 02:00', 3),
           ('2025-10-26 03:00', 4), ('2025-03-30 02:30', 5);",
    );
    let request = Landing {
        event_time: Some(EventTime {
            column: "at".into(),
            zone: Some("Europe/Oslo".into()),
            ..EventTime::default()
        }),
        partition: Partition::Month,
        most_rejected: Some(0.5),
        ..landing("SELECT at, power FROM readings", &[])
    };

    let manifest = plant.land(&request).await;

    assert_eq!((manifest.rows, manifest.tally.rows_rejected()), (4, 1));
    assert_eq!((manifest.tally.doubled_by_order, manifest.files.len()), (2, 1));
    insta::assert_snapshot!(plant.table(&manifest), @r"
    +----------------------+-------+
    | at                   | power |
    +----------------------+-------+
    | 2025-10-25T23:00:00Z | 1.00  |
    | 2025-10-26T00:00:00Z | 2.00  |
    | 2025-10-26T01:00:00Z | 3.00  |
    | 2025-10-26T02:00:00Z | 4.00  |
    +----------------------+-------+
    ");
}
