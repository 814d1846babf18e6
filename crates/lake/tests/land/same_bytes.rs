//! The same rows come out whatever the dialect, the order of the rows and the memory.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use insta::assert_snapshot;
use proptest::prelude::*;
use tidemill_lake::snapshot::{DoubledHour, Landing, Partition, SkippedHour};

use crate::support::{Lake, landing, timed};

/// Rows of several machines, in no order.
fn telemetry(rows: u64) -> String {
    // Wide enough that little memory does not hold them.
    let pad = "x".repeat(300);
    let mut text = String::from("machine,at,power,state,pad\n");
    for row in 0..rows {
        let mixed = row.wrapping_mul(2_654_435_761) % rows;
        let at = 1_700_000_000 + (mixed / 7) * 60;
        text.push_str(&format!(
            "m{},{at},{}.25,{},{pad}\n",
            mixed % 7,
            mixed % 100,
            if mixed.is_multiple_of(3) { "on" } else { "off" }
        ));
    }
    text
}

#[tokio::test]
async fn landing_twice_is_byte_identical_with_much_memory_and_with_little() {
    let text = telemetry(60_000);
    let mut outcomes = Vec::new();
    for memory in ["2GiB", "2GiB", "32MiB"] {
        let lake = Lake::new();
        lake.write("a.csv", &text);
        let request = Landing {
            entity: vec!["machine".into()],
            partition: Partition::Day,
            ..timed("a.csv", "at")
        };
        let manifest =
            lake.land(&Landing { memory: Some(memory.parse().unwrap()), ..request }).await.unwrap();
        let files: Vec<_> =
            manifest.files.iter().map(|file| (file.rows, file.sha256.clone())).collect();
        outcomes.push((manifest.content_hash, files));
    }

    assert!(outcomes[0].1.len() > 1);
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], outcomes[2]);
}

#[tokio::test]
async fn rows_are_sorted_by_entity_and_time_in_files_by_date() {
    let lake = Lake::new();
    lake.write("a.csv", "at,name,value\n2025-01-02 03:00,b,1\n2025-01-01 02:00,b,2\n2025-01-01 03:00,a,3\n2025-01-01 02:00,a,4\n2025-01-01 02:00,a,5\n");
    let request =
        Landing { entity: vec!["name".into()], partition: Partition::Day, ..timed("a.csv", "at") };

    let manifest = lake.land(&request).await.unwrap();

    let names: Vec<&str> =
        manifest.files.iter().map(|file| file.path.split('/').nth(1).unwrap()).collect();
    assert_eq!(names, ["date=2025-01-01", "date=2025-01-02"]);
    assert_snapshot!(lake.table(&manifest), @r"
    +----------------------+------+-------+
    | at                   | name | value |
    +----------------------+------+-------+
    | 2025-01-01T02:00:00Z | a    | 4     |
    | 2025-01-01T02:00:00Z | a    | 5     |
    | 2025-01-01T03:00:00Z | a    | 3     |
    | 2025-01-01T02:00:00Z | b    | 2     |
    | 2025-01-02T03:00:00Z | b    | 1     |
    +----------------------+------+-------+
    ");
}

#[tokio::test]
async fn the_doubled_hour_is_told_apart_by_order_and_the_skipped_one_is_quarantined() {
    let lake = Lake::new();
    lake.write(
        "a.csv",
        "at,value\n2024-11-03 00:40,1\n2024-11-03 01:10,2\n2024-11-03 01:40,3\n2024-11-03 01:10,4\n2024-11-03 01:40,5\n2024-11-03 02:10,6\n2025-03-09 02:30,7\n",
    );
    let mut request = timed("a.csv", "at");
    let time = request.event_time.as_mut().unwrap();
    time.zone = Some("America/New_York".into());

    let manifest = lake.land(&request).await.unwrap();
    assert_snapshot!(lake.table(&manifest), @r"
    +----------------------+-------+
    | at                   | value |
    +----------------------+-------+
    | 2024-11-03T04:40:00Z | 1     |
    | 2024-11-03T05:10:00Z | 2     |
    | 2024-11-03T05:40:00Z | 3     |
    | 2024-11-03T06:10:00Z | 4     |
    | 2024-11-03T06:40:00Z | 5     |
    | 2024-11-03T07:10:00Z | 6     |
    +----------------------+-------+
    ");
    assert_snapshot!(lake.quarantine(&manifest).join("\n"), @r"8: skipped_hour at: `2025-03-09 02:30` was never shown, since clocks were set forward; is the declared zone right?");
    assert_eq!(manifest.tally.doubled_by_order, 4);

    let time = request.event_time.as_mut().unwrap();
    (time.doubled_hour, time.skipped_hour) = (DoubledHour::Second, SkippedHour::MoveOn);
    let manifest = lake.land(&request).await.unwrap();
    assert_eq!((manifest.tally.doubled_taken_second, manifest.tally.skipped_moved_on), (4, 1));
    assert_eq!(manifest.event_time.unwrap().max.to_rfc3339(), "2025-03-09T07:30:00+00:00");
}

#[tokio::test]
async fn other_dialects_of_the_same_rows_are_the_same_rows() {
    let lake = Lake::new();
    let texts = [
        "at,name,power\n2025-10-31 09:00,a,1.5\n2025-10-31 10:00,\"b, c\",2.25\n",
        "\u{feff}at;name;power\r\n31.10.2025 09:00;a;1,5\r\n31.10.2025 10:00;\"b, c\";2,25\r\n",
        "at\tname\tpower\n----\t----\t----\n10/31/2025 9:00 AM\ta\t1.5\n10/31/2025 10:00 AM\tb, c\t2.25\n\n(2 rows affected)\n",
        "# made by a logger\nsep=|\nat|name|power\n31-Oct-2025 09:00|a|1.50\n31-Oct-2025 10:00|b, c|2.25\nTotal||3.75\n",
        "{\"at\":\"2025-10-31T09:00:00Z\",\"name\":\"a\",\"power\":1.5}\n{\"power\":2.25,\"name\":\"b, c\",\"at\":\"2025-10-31T11:00:00+01:00\"}\n",
    ];
    let mut tables = Vec::new();

    for text in texts {
        lake.write("a.txt", text);
        let manifest = lake.land(&timed("a.txt", "at")).await.unwrap();
        assert_eq!(manifest.tally.rows_rejected(), 0, "{text}");
        tables.push(lake.table(&manifest));
    }

    for table in &tables {
        assert_eq!(table, &tables[0]);
    }
}

#[tokio::test]
async fn latin_1_is_read_where_it_is_declared() {
    let lake = Lake::new();
    lake.write("a.csv", b"name,value\nTroms\xF8,1\n");
    let mut request = landing("a.csv");
    request.read.encoding = Some(tidemill_lake::dialect::Encoding::Latin1);

    let manifest = lake.land(&request).await.unwrap();

    assert_eq!(lake.batches(&manifest)[0].column(0).as_string::<i32>().value(0), "Tromsø");
}

fn quoted(cell: &str, delimiter: char) -> String {
    let needs =
        cell.contains([delimiter, '"', '\n', '\r']) || cell.is_empty() || cell.starts_with(' ');
    if needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_written_in_any_dialect_reads_back(
        rows in prop::collection::vec(("[a-zæ,;|\t\"\n ]{0,12}", -1e9f64..1e9, 0i64..2_000_000_000), 1..40),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
        is_crlf: bool,
        has_mark: bool,
    ) {
        let end = if is_crlf { "\r\n" } else { "\n" };
        let mut text = String::from(if has_mark { "\u{feff}" } else { "" });
        text.push_str(&["at", "name", "value"].join(&delimiter.to_string()));
        text.push_str(end);
        for (name, value, seconds) in &rows {
            let at = chrono::DateTime::from_timestamp(*seconds, 0).unwrap().format("%Y-%m-%d %H:%M:%S");
            let name = quoted(&format!("n{name}"), delimiter);
            text.push_str(&format!("{at}{delimiter}{name}{delimiter}{value:?}{end}"));
        }
        let mut request = timed("a.csv", "at");
        request.partition = Partition::None;
        request.read.quote = Some(tidemill_lake::dialect::Quote::Double);
        let kind = Some(tidemill_lake::dialect::KindName::Text);
        request.read.columns.insert("name".into(), tidemill_lake::dialect::ColumnHint { kind, ..Default::default() });
        request.personal.on_find = tidemill_lake::personal::OnFind::Report;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();

        let lake = Lake::new();
        lake.write("a.csv", &text);
        let manifest = runtime.block_on(lake.land(&request)).unwrap();

        let mut expected: Vec<_> = rows.iter().map(|(name, value, at)| (*at, format!("n{name}"), value.to_bits())).collect();
        expected.sort_by_key(|row| row.0);
        let mut found = Vec::new();
        for batch in lake.batches(&manifest) {
            let times = batch.column(0).as_primitive::<TimestampMicrosecondType>();
            let values = batch.column(2).as_primitive::<datafusion::arrow::datatypes::Float64Type>();
            for row in 0..batch.num_rows() {
                found.push((times.value(row) / 1_000_000, batch.column(1).as_string::<i32>().value(row).to_owned(), values.value(row).to_bits()));
            }
        }
        prop_assert_eq!(found, expected);
    }
}
