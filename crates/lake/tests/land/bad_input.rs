//! Input that is not as it should be: refused with its file and line, or counted; never half landed.

use std::io::Write;

use insta::assert_snapshot;
use tidemill_lake::snapshot::{EmptyFiles, Landing};

use crate::support::{Lake, landing, timed};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A hundred thousand rows of noise, so that packed bytes are many.
fn noise() -> String {
    let mut state = 1u64;
    let mut text = String::from("at,value\n");
    for second in 0..100_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.push_str(&format!("{},{}\n", 1_700_000_000 + second, state >> 20));
    }
    text
}

#[tokio::test]
async fn packed_files_land_and_one_that_is_cut_off_names_its_line() {
    let lake = Lake::new();
    let text = noise();
    lake.write("whole.csv.gz", gzip(text.as_bytes()));
    lake.write("whole.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap());
    let packed = gzip(text.as_bytes());
    lake.write("cut.csv.gz", &packed[..packed.len() / 2]);

    let rows = lake.land(&timed("whole.csv.*", "at")).await.unwrap().rows;
    let refused = lake.refused(&timed("cut.csv.gz", "at")).await;

    assert_eq!(rows, 200_000);
    assert!(refused.starts_with("failed to read cut.csv.gz: line "), "{refused}");
    assert!(refused.contains("damaged or cut off here"), "{refused}");
}

#[tokio::test]
async fn rows_that_do_not_fit_are_quarantined_with_line_and_reason() {
    let lake = Lake::new();
    lake.write(
        "a.csv",
        b"at,name,value\n2025-01-01 00:00,a,1\n2025-01-01 01:00,b\n2025-01-01 02:00,c,1,2\n\
          2025-01-01 03:00,d\0d,1\nsoon,e,1\n,f,1\n2025-01-01 06:00,g,many\n2025-01-01 07:00,h\xFF,1\n\
          2025-01-01 08:00,\"i\"i,1\n\n2025-01-01 09:00,j,,\nat,name,value\n2025-01-01 10:00,\"k, \"\"k\"\"\",NA\r\n",
    );
    let mut request = timed("a.csv", "at");
    request.read.columns.insert(
        "value".into(),
        tidemill_lake::dialect::ColumnHint {
            kind: Some(tidemill_lake::dialect::KindName::Integer),
            ..Default::default()
        },
    );
    request.event_time.as_mut().unwrap().layout = Some(tidemill_lake::dialect::TimeLayout::Iso);

    let manifest = lake.land(&request).await.unwrap();

    assert_snapshot!(lake.table(&manifest), @r#"
    +----------------------+--------+-------+
    | at                   | name   | value |
    +----------------------+--------+-------+
    | 2025-01-01T00:00:00Z | a      | 1     |
    | 2025-01-01T09:00:00Z | j      |       |
    | 2025-01-01T10:00:00Z | k, "k" |       |
    +----------------------+--------+-------+
    "#);
    assert_snapshot!(lake.quarantine(&manifest).join("\n"), @r"
    3: ragged -: 2 cells where 3 are expected
    4: ragged -: 4 cells where 3 are expected
    5: nul_byte -: it holds a NUL byte
    6: value at: `soon` is no time
    7: no_event_time at: it has no event time
    8: value value: `many` is no integer
    9: encoding -: byte 19 of it is not UTF-8
    10: quote -: text follows a closing quote
    ");
    let tally = &manifest.tally;
    assert_eq!((tally.rows_read, tally.rows, tally.rows_rejected()), (11, 3, 8));
    assert_eq!((tally.blank_lines, tally.repeated_headers, tally.surplus_empty_cells), (1, 1, 1));
    assert_eq!((tally.crlf_rows, tally.lf_rows), (1, 10));
}

#[tokio::test]
async fn too_many_rows_that_do_not_fit_fail_with_the_first() {
    let lake = Lake::new();
    let mut text = noise();
    text.push_str(&"1700000000,broken\n".repeat(2000));
    lake.write("a.csv", text);
    let request = Landing { most_rejected: None, ..timed("a.csv", "at") };

    assert_snapshot!(lake.refused(&request).await, @r"
    failed to land the rows: 2000 of 102000 do not fit, first a.csv, line 100002: column `value`: `broken` is no integer
    hint: in all 2000 value in `value`; declare the column's kind or more `nulls`, or raise `most_rejected`
    ");
}

#[tokio::test]
async fn what_is_no_table_is_refused_in_words() {
    let lake = Lake::new();
    lake.write("empty.csv", b"");
    lake.write("blank.csv", b"\n\n");
    lake.write("header.csv", b"at,value\n");
    lake.write(
        "wide.csv",
        "\u{feff}at,value\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
    );
    lake.write("binary.csv", [0u8, 1, 2, 3, 200, 0, 0, 0].repeat(100));
    lake.write("old_mac.csv", b"at,value\r1,2\r");
    lake.write("open.csv", format!("at,value\n1,\"open\n{}", "2,3\n".repeat(1_000)));
    lake.write("not.parquet", b"PAR1 is how it begins, and no more");
    let mut said = Vec::new();

    for name in [
        "empty.csv",
        "blank.csv",
        "header.csv",
        "wide.csv",
        "binary.csv",
        "old_mac.csv",
        "open.csv",
        "not.parquet",
        "gone.csv",
        "gone/*.csv",
    ] {
        let memory = Some("32MiB".parse().unwrap());
        said.push(lake.refused(&Landing { memory, ..landing(name) }).await);
    }

    assert_snapshot!(said.join("\n"), @r"
    failed to read empty.csv: line 1: the file is empty
    hint: write `empty_files: allow` if that may happen
    failed to read blank.csv: line 1: the file is empty
    hint: write `empty_files: allow` if that may happen
    failed to read header.csv: line 2: there is no row in it
    hint: write `empty_files: allow` if that may happen
    failed to read wide.csv: line 1: the text is UTF-16 or UTF-32
    hint: export it as UTF-8, or convert it (`iconv -t utf-8`)
    failed to read binary.csv: line 1: the content is binary, not text: it holds NUL bytes
    hint: if it is compressed or Parquet, its name does not matter, its first bytes do; other binary formats are not read
    failed to read old_mac.csv: line 1: lines end in carriage returns alone
    hint: convert them to line feeds (`tr '\r' '\n'`)
    failed to read open.csv: line 2: the quote that opens here is never closed
    hint: close it, or declare `quote: none` if quotes are content
    failed to read not.parquet: row 0: not readable as Parquet: Parquet error: Invalid Parquet file. Corrupt footer
    failed to find a file for `gone.csv`
    hint: see whether the pattern is right and the files were delivered
    failed to find a file for `gone/*.csv`
    hint: see whether the pattern is right and the files were delivered
    ");
}

#[tokio::test]
async fn files_without_rows_are_counted_where_that_is_allowed() {
    let lake = Lake::new();
    lake.write("1.csv", b"");
    lake.write("2.csv", b"at,value\n");
    lake.write("3.csv", b"at,value\n2025-01-01,1\n");
    let request = Landing { empty_files: EmptyFiles::Allow, ..timed("*.csv", "at") };

    let manifest = lake.land(&request).await.unwrap();

    assert_eq!((manifest.rows, manifest.sources.len()), (1, 3));
}

#[tokio::test]
async fn long_cells_and_ten_thousand_columns_land() {
    let lake = Lake::new();
    lake.write("long.csv", format!("name,value\n{},1\nb,2\n", "x".repeat(1_000_000)));
    let names: Vec<String> = (0..10_000).map(|at| format!("c{at}")).collect();
    let row: Vec<String> = (0..10_000).map(|at| at.to_string()).collect();
    lake.write("wide.csv", format!("{}\n{}\n{}\n", names.join(","), row.join(","), row.join(",")));

    let long = lake.land(&landing("long.csv")).await.unwrap();
    let wide = lake.land(&landing("wide.csv")).await.unwrap();

    assert_eq!((long.rows, wide.rows, wide.columns.len()), (2, 2, 10_000));
}

#[tokio::test]
async fn a_path_that_climbs_out_of_its_root_is_refused() {
    let lake = Lake::new();
    let outside = tempfile::TempDir::new().unwrap();
    std::fs::write(outside.path().join("secret.csv"), "a,b\n1,2\n").unwrap();
    std::os::unix::fs::symlink(outside.path(), lake.source("link")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.csv"), lake.source("file.csv")).unwrap();

    for path in [
        "../secret.csv",
        "a/../../b.csv",
        "/etc/passwd",
        "file:///etc/passwd",
        "link/secret.csv",
        "link/*.csv",
        "file.csv",
        "*.csv",
        "**/*.csv",
    ] {
        let refused = lake.refused(&landing(path)).await;
        assert!(refused.contains("it leads out of"), "{path}: {refused}");
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_are_refused_in_words() {
    let lake = Lake::new();
    let mut said = Vec::new();

    for address in
        ["ftp://host/a.csv", "s3://key:secret@bucket/a.csv", "https://host/*.csv", "a[.csv"]
    {
        said.push(lake.refused(&landing(address)).await);
    }
    said.push(lake.refused(&Landing::default()).await);

    assert_snapshot!(said.join("\n"), @r"
    failed to understand the source `ftp://host/a.csv`: `ftp` is no kind of store
    hint: write a path such as `raw/*.csv`, or `s3://bucket/raw/*.csv` (also gs, az, http, https)
    failed to understand the source `s3://…@bucket/a.csv`: credentials belong in the environment, not in an address
    hint: write a path such as `raw/*.csv`, or `s3://bucket/raw/*.csv` (also gs, az, http, https)
    failed to understand the source `https://host/*.csv`: a web server cannot list files, so name each
    hint: write a path such as `raw/*.csv`, or `s3://bucket/raw/*.csv` (also gs, az, http, https)
    failed to understand the source `a[.csv`: Pattern syntax error near position 1: invalid range pattern
    hint: write a path such as `raw/*.csv`, or `s3://bucket/raw/*.csv` (also gs, az, http, https)
    failed to land as asked: there are no `sources`
    ");
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
async fn a_full_disk_fails_and_leaves_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(folder.path())
        .stderr(std::process::Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a small disk cannot be mounted here");
        return;
    }
    let mut lake = Lake::new();
    lake.write("a.csv", noise());
    lake.destination =
        tidemill_lake::snapshot::Destination::folder(&folder.path().join("lake")).unwrap();

    let refused = lake.land(&timed("a.csv", "at")).await.unwrap_err();

    let left = std::fs::read_dir(folder.path().join("lake")).unwrap();
    let left: Vec<_> =
        left.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    let unmounted = std::process::Command::new("umount").arg(folder.path()).status();
    assert!(unmounted.unwrap().success());
    assert!(refused.to_string().starts_with("write "), "{refused}");
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
}

#[tokio::test]
async fn personal_data_that_nobody_decided_about_stops_the_landing() {
    let lake = Lake::new();
    let rows: Vec<String> =
        (0..200).map(|at| format!("2025-01-01 00:{:02},person{at}@example.org", at % 60)).collect();
    lake.write("a.csv", format!("at,email\n{}\n", rows.join("\n")));

    let refused = lake.refused(&timed("a.csv", "at")).await;

    let expected =
        "failed to land a.csv, line 2: land personal data about which nothing is decided";
    assert!(refused.starts_with(expected), "{refused}");
    assert_eq!(refused.matches("personal data").count(), 1, "{refused}");
    assert!(!refused.contains("person17@example.org"), "{refused}");
}

#[tokio::test]
async fn personal_data_that_only_a_later_file_holds_stops_the_landing() {
    let lake = Lake::new();
    let file = |contact: &dyn Fn(usize) -> String| {
        let rows =
            (0..900).map(|at| format!("2025-01-01 {:02}:{:02},{}", at / 60, at % 60, contact(at)));
        format!("at,contact\n{}\n", rows.collect::<Vec<_>>().join("\n"))
    };
    lake.write("a.csv", file(&|at| format!("desk {}", at % 7)));
    lake.write("b.csv", file(&|at| format!("person{at}@example.org")));
    lake.write("c.csv", file(&|at| format!("person{at}@example.com")));

    let refused = lake.refused(&timed("*.csv", "at")).await;

    assert!(refused.starts_with("failed to land b.csv, line 2: land personal data"), "{refused}");
    assert!(refused.contains("`contact` seems to hold e-mail addresses"), "{refused}");
}
