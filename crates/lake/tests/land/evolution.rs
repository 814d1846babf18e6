//! Snapshots after snapshots: what may change, what is refused, and what is a no-op.

use insta::assert_snapshot;
use tidemill_lake::dialect::{ColumnHint, KindName};
use tidemill_lake::snapshot::{Difference, Earlier, Landed, Landing, Manifest};

use crate::support::{Lake, timed};

fn after(manifest: &Manifest) -> Earlier<'_> {
    Earlier { same_interval: None, latest: Some(manifest) }
}

async fn next(lake: &Lake, request: &Landing, earlier: &Manifest) -> Manifest {
    match lake.land_after(request, after(earlier)).await.unwrap() {
        Landed::Snapshot(manifest) => *manifest,
        Landed::Unchanged => panic!("it is another interval"),
    }
}

#[tokio::test]
async fn the_same_bytes_are_a_no_op_and_others_a_new_version() {
    let lake = Lake::new();
    lake.write("a.csv", "at,value\n2025-01-01,1\n");
    let request = timed("*.csv", "at");
    let first = lake.land(&request).await.unwrap();
    let files = lake.files();
    let earlier = Earlier { same_interval: Some(&first), latest: Some(&first) };

    let listed_alike = lake.land_after(&request, earlier).await.unwrap();
    lake.write("a.csv", "at,value\n2025-01-01,1\n");
    let read_alike = lake.land_after(&request, earlier).await.unwrap();
    assert_eq!((listed_alike, read_alike), (Landed::Unchanged, Landed::Unchanged));
    assert_eq!(lake.files(), files);

    lake.write("a.csv", "at,value\n2025-01-01,2\n");
    let Landed::Snapshot(second) = lake.land_after(&request, earlier).await.unwrap() else {
        panic!("other bytes are another version")
    };
    assert_ne!(second.folder, first.folder);
    assert!(files.iter().all(|file| lake.files().contains(file)), "nothing is edited in place");
}

#[tokio::test]
async fn new_columns_and_wider_numbers_need_no_word() {
    let lake = Lake::new();
    lake.write("1.csv", "at,value,note\n2025-01-01,1,\n");
    lake.write("2.csv", "at,value,note,more\n2025-01-02,1.5,yes,7\n");
    let first = lake.land(&timed("1.csv", "at")).await.unwrap();

    let second = next(&lake, &timed("2.csv", "at"), &first).await;

    assert_snapshot!(lake.table(&second), @r"
    +----------------------+-------+------+------+
    | at                   | value | note | more |
    +----------------------+-------+------+------+
    | 2025-01-02T00:00:00Z | 1.5   | yes  | 7    |
    +----------------------+-------+------+------+
    ");
    let changes = Difference::between(&first, &second).columns;
    let said: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_snapshot!(said.join("\n"), @r"
    `value` was integer, is float, which holds the same values
    `note` was empty, is text, which holds the same values
    `more` is new (integer)
    ");
}

#[tokio::test]
async fn removed_and_retyped_columns_are_refused_unless_declared() {
    let lake = Lake::new();
    lake.write("1.csv", "at,value,note\n2025-01-01,1,a\n");
    lake.write("2.csv", "at,value\n2025-01-02,2\n");
    lake.write("3.csv", "at,value,note\n2025-01-03,high,b\n");
    let first = lake.land(&timed("1.csv", "at")).await.unwrap();
    let strict = |name: &str| Landing { most_rejected: None, ..timed(name, "at") };

    let removed = lake.land_after(&strict("2.csv"), after(&first)).await.unwrap_err();
    let retyped = lake.land_after(&strict("3.csv"), after(&first)).await.unwrap_err();
    assert_snapshot!(format!("{removed}\n{retyped}\n{}", retyped.hint().unwrap()), @r"
    land 2.csv: its schema changed: `note` is gone (was text)
    land 3.csv: its schema changed: `value` was integer, is text
    if that is meant, name the columns under `evolution: { removed: [], retyped: [] }`
    ");

    let mut request = strict("2.csv");
    request.evolution.removed.push("note".into());
    assert_eq!(next(&lake, &request, &first).await.columns.len(), 2);
    let mut request = strict("3.csv");
    request.evolution.retyped.push("value".into());
    assert_eq!(next(&lake, &request, &first).await.columns[1].kind, "text");
    let mut request = strict("3.csv");
    let kind = Some(KindName::Text);
    request.read.columns.insert("value".into(), ColumnHint { kind, ..ColumnHint::default() });
    let undeclared = lake.land_after(&request, after(&first)).await.unwrap_err();
    assert_eq!(
        undeclared.to_string(),
        "land 3.csv: its schema changed: `value` was integer, is text"
    );
}

#[tokio::test]
async fn columns_of_files_are_matched_by_name() {
    let lake = Lake::new();
    lake.write("1.csv", "at,a,b\n2025-01-01,1,x\n");
    lake.write("2.csv", "b,c,at,a\ny,true,2025-01-02,2\n");

    let manifest = lake.land(&timed("*.csv", "at")).await.unwrap();

    assert_snapshot!(lake.table(&manifest), @r"
    +----------------------+---+---+------+
    | at                   | a | b | c    |
    +----------------------+---+---+------+
    | 2025-01-01T00:00:00Z | 1 | x |      |
    | 2025-01-02T00:00:00Z | 2 | y | true |
    +----------------------+---+---+------+
    ");
}

#[tokio::test]
async fn a_fraction_and_a_date_beyond_the_sample_widen_their_columns() {
    let lake = Lake::new();
    // Longer than what is looked at, at its beginning and at its end.
    let pad = "x".repeat(400);
    let mut text = String::from("value,late,pad\n");
    for at in 0..20_000 {
        let row = if at == 12_000 { "0.5,2025-01-01" } else { "1," };
        text.push_str(&format!("{row},{pad}\n"));
    }
    lake.write("a.csv", text);

    let manifest = lake.land(&crate::support::landing("a.csv")).await.unwrap();

    let kinds: Vec<&str> = manifest.columns.iter().map(|column| column.kind.as_str()).collect();
    assert_eq!(
        (kinds, manifest.rows, manifest.tally.rows_rejected()),
        (vec!["float", "date", "text"], 20_000, 0)
    );
}
