//! Personal data from the sample to the manifest.
#![expect(clippy::unwrap_used, reason = "a test stops where its own set-up is wrong")]

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StringViewArray, StructArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type};
use insta::assert_snapshot;
use proptest::prelude::*;
use tidemill_lake::personal::{
    CONFIDENT, ColumnSample, Finding, OnFind, PersonalData, PersonalDataError, PersonalDataReport,
    Policies, Sampler, TreatError, Treatment, detectors, find,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn environment(variable: &str) -> Option<String> {
    (variable == "PLANT_KEY").then(|| SECRET.to_owned())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

fn customers() -> RecordBatch {
    let text =
        |values: [Option<&str>; 4]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    batch(vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
        (
            "email",
            text([Some("ada@example.org"), Some("bob@example.com"), None, Some("ada@example.org")]),
        ),
        ("first_name", text([Some("Ada"), Some("Bob"), Some("Çem"), Some("Ada")])),
        (
            "card",
            Arc::new(Int64Array::from(vec![
                4_111_111_111_111_111,
                5_555_555_555_554_444,
                4_111_111_111_111_111,
                4_012_888_888_881_881,
            ])),
        ),
        (
            "temperature",
            Arc::new(Float64Array::from(vec![Some(21.5), None, Some(22.0), Some(19.75)])),
        ),
    ])
}

fn settings(columns: &[(&str, Treatment)]) -> PersonalData {
    let columns = columns.iter().map(|(name, treatment)| ((*name).to_owned(), *treatment));
    PersonalData {
        columns: columns.collect(),
        key: Some("PLANT_KEY".to_owned()),
        ..PersonalData::default()
    }
}

fn policies(settings: &PersonalData, batch: &RecordBatch) -> Result<Policies, PersonalDataError> {
    let mut sampler = Sampler::default();
    sampler.observe(batch, 1000).unwrap();
    Policies::new(settings, "customers", &batch.schema(), &sampler, &environment)
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let values = batch.column_by_name(column).unwrap().as_string::<i32>();
    values.iter().map(|value| value.map(str::to_owned)).collect()
}

fn found(column: &str, values: &[&str]) -> Vec<Finding> {
    find(&[ColumnSample::new(column, values.iter().copied())])
}

fn surest(column: &str, values: &[&str]) -> Option<&'static str> {
    found(column, values)
        .first()
        .filter(|finding| finding.confidence >= CONFIDENT)
        .map(|finding| finding.detector)
}

#[test]
fn every_detector_is_found_by_values_or_by_the_name_of_the_column() {
    let cases: [(&str, &str, &[&str]); 16] = [
        ("birth_date", "geburtsdatum", &["1980-05-17", "1991-01-02"]),
        (
            "card_number",
            "a",
            &["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"],
        ),
        ("email", "a", &["ada@example.org"]),
        ("french_nir", "a", &["295109912611193", "185057800608491"]),
        ("german_tax_id", "a", &["36574261809", "86095742719", "47036892816"]),
        ("iban", "a", &["DE89370400440532013000", "NO9386011117947"]),
        ("ip_address", "a", &["91.198.174.192", "8.228.100.20", "2a00:1450:400f:80d::200e"]),
        ("italian_codice_fiscale", "a", &["RCCMNL83S18D969H", "MRTMTT91D08F205J"]),
        ("norwegian_id", "a", &["15108695088", "01018010018"]),
        ("person_name", "etternavn", &["Hansen", "Østby", "Li"]),
        ("phone", "a", &["+47 21 23 45 67", "+1 201-555-0123", "+44 121 234 5678"]),
        ("postal_address", "Gateadresse", &["Storgata 5", "Kirkeveien 12B"]),
        ("spanish_dni", "a", &["12345678Z", "X2482300W"]),
        ("swedish_personnummer", "a", &["811228-9874", "880320-0016", "640823-3234"]),
        ("uk_nino", "a", &["AB123456C", "JG103759A", "CE123456D"]),
        ("us_ssn", "a", &["536-90-4399", "219-09-9999"]),
    ];

    let expected: Vec<&str> = detectors().iter().map(|detector| detector.name()).collect();
    assert_eq!(cases.map(|(detector, ..)| detector).to_vec(), expected);
    for (detector, column, values) in cases {
        assert_eq!(surest(column, values), Some(detector), "{:?}", found(column, values));
    }
}

#[test]
fn the_folder_of_detectors_and_the_list_agree() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/personal/detectors");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();

    let listed: Vec<&str> = detectors().iter().map(|detector| detector.name()).collect();
    assert_eq!(names, listed);
}

#[test]
fn the_confidence_is_the_formulas_value() {
    // Three different card numbers, each twice, and one order number: 6 of 7 values are enough (0.8); 99 to 1 against, 0.1 by chance.
    let three = ["4111111111111111", "5555555555554444", "378282246310005"];
    let values = [&three[..], &three[..], &["ORD-1"]].concat();
    let by_hand = 1.0 / (1.0 + 99.0 * 0.1_f64.powi(3));

    let confidence = found("a", &values)[0].confidence;

    assert!((confidence - by_hand).abs() < 1e-12, "{confidence} {by_hand}");
    // Of ten values two are cards: coverage is a quarter, and the name takes the odds away.
    let values = ["4111111111111111", "5555555555554444", "1", "2", "3", "4", "5", "6", "7", "8"];
    let by_hand = 0.2 / 0.8 / (1.0 + 0.1_f64.powi(2));
    let (named, alone) = (found("card", &values), found("a", &values));
    assert!(named.is_empty() && alone.is_empty() && by_hand < 0.4);
}

#[test]
fn a_number_that_only_happens_to_have_a_check_digit_convinces_nobody() {
    assert_eq!(surest("serial", &["4111111111111111"; 100]), None);
    assert_eq!(surest("card_number", &["4111111111111111"; 100]), Some("card_number"));
}

#[test]
fn placeholders_do_not_hide_what_is_between_them() {
    let mut values = vec!["unknown"; 990];
    values.extend(["ada@example.org", "bob@example.org", "eve@example.org"]);

    assert_eq!(surest("contact", &values), Some("email"));
}

#[test]
fn what_is_about_a_datum_is_not_the_datum() {
    assert_eq!(surest("phone_verified_at", &["1700000000", "1700000100", "1700000350"]), None);
    assert_eq!(surest("phone", &["21234567", "40612345"]), Some("phone"));
    assert_eq!(
        surest("modbus_address", &["Holding register 40001", "Holding register 40002"]),
        None
    );
    assert_eq!(surest("ip", &["10.0.0.1", "192.168.1.9", "10.0.0.7"]), None);
    assert_eq!(surest("sensor_name", &["Chiller", "Pump North"]), None);
    assert_eq!(surest("birth_weight", &["3.4", "2.9"]), None);
}

#[test]
fn parts_of_nested_columns_are_looked_at() {
    let emails: ArrayRef = Arc::new(StringArray::from(vec!["ada@example.org", "bob@example.org"]));
    let user: ArrayRef = Arc::new(StructArray::from(vec![(
        Arc::new(Field::new("contact", DataType::Utf8, true)),
        emails,
    )]));
    let numbers =
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), Some([Some(2)])]);
    let batch = batch(vec![("user", user), ("numbers", Arc::new(numbers))]);

    let refused = policies(&PersonalData::default(), &batch).unwrap_err();
    let no_mask = policies(&settings(&[("user", Treatment::Mask)]), &batch).unwrap_err();
    let dropped =
        policies(&settings(&[("user", Treatment::Drop)]), &batch).unwrap().apply(&batch).unwrap();

    assert!(refused.to_string().contains("`user` seems to hold e-mail addresses"), "{refused}");
    assert!(
        no_mask.to_string().contains("there is no way to mask column `user` of type Struct"),
        "{no_mask}"
    );
    assert_eq!(dropped.num_columns(), 1);
}

#[test]
fn a_find_without_a_decision_is_an_error_that_shows_no_value() {
    let error = policies(&settings(&[("card", Treatment::Mask)]), &customers()).unwrap_err();

    assert_snapshot!(format!("error: {error}\nhint: {}", error.hint()), @r"
    error: land personal data about which nothing is decided: `email` seems to hold e-mail addresses (email, confidence 1.00, such as `***@example.org`, `***@example.com`); `first_name` seems to hold names of people (person_name, confidence 0.94, such as `***`)
    hint: say what is to become of it (keep, mask, hash, tokenise or drop):
    personal:
      columns:
        email: mask
        first_name: mask
    ");
}

#[test]
fn a_find_may_be_reported_instead() {
    let settings = PersonalData { on_find: OnFind::Report, ..PersonalData::default() };
    let batch = customers();

    let policies = policies(&settings, &batch).unwrap();

    assert_eq!(policies.apply(&batch).unwrap(), batch);
    let personal: Vec<&str> = policies.report().personal_columns().collect();
    assert_eq!(personal, ["email", "first_name", "card"]);
}

#[test]
fn every_treatment_does_what_it_says_and_the_report_tells_it() {
    let settings = settings(&[
        ("email", Treatment::Hash),
        ("first_name", Treatment::Tokenise),
        ("card", Treatment::Mask),
        ("temperature", Treatment::Drop),
        ("id", Treatment::Keep),
    ]);
    let before = customers();
    let policies = policies(&settings, &before).unwrap();

    let after = policies.apply(&before).unwrap();

    assert_eq!(&after.schema(), policies.schema());
    assert_eq!(after.column(0), before.column(0));
    let emails = texts(&after, "email");
    assert_eq!((emails[0].as_ref(), emails[2].as_ref()), (emails[3].as_ref(), None));
    assert!(emails[0] != emails[1] && emails[0].as_ref().is_some_and(|hash| hash.len() == 64));
    let names = texts(&after, "first_name");
    assert!(
        names[0] == names[3] && names[0].as_ref().is_some_and(|token| token.starts_with("tok_"))
    );
    assert_eq!(texts(&after, "card")[0].as_deref(), Some("************1111"));
    assert!(after.column_by_name("temperature").is_none());
    assert_snapshot!(serde_json::to_string_pretty(policies.report()).unwrap());
}

#[test]
fn the_report_reads_back_and_holds_neither_values_nor_the_key() {
    let settings = settings(&[
        ("email", Treatment::Hash),
        ("first_name", Treatment::Keep),
        ("card", Treatment::Drop),
    ]);
    let policies = policies(&settings, &customers()).unwrap();

    let json = serde_json::to_string(policies.report()).unwrap();

    assert_eq!(&serde_json::from_str::<PersonalDataReport>(&json).unwrap(), policies.report());
    for secret in ["ada@", "Ada", "4111", SECRET] {
        assert!(!json.contains(secret) && !format!("{policies:?}").contains(secret), "{secret}");
    }
    assert_eq!(policies.report().personal_columns().collect::<Vec<_>>(), ["email", "first_name"]);
}

#[test]
fn settings_read_from_yaml_words_and_refuse_others() {
    let read = |json: &str| serde_json::from_str::<PersonalData>(json);

    let settings = read(r#"{"columns": {"email": "hash", "name": "tokenize"}, "key": "PLANT_KEY", "on_find": "report"}"#).unwrap();

    assert_eq!(
        settings.columns,
        BTreeMap::from([("email".into(), Treatment::Hash), ("name".into(), Treatment::Tokenise)])
    );
    assert!(
        read(r#"{"colums": {}}"#).is_err() && read(r#"{"columns": {"email": "encrypt"}}"#).is_err()
    );
}

#[test]
fn every_treatment_but_keeping_hides_values() {
    let hiding = [Treatment::Mask, Treatment::Hash, Treatment::Tokenise, Treatment::Drop];

    assert!(
        hiding
            .iter()
            .all(|treatment| settings(&[("a", Treatment::Keep), ("b", *treatment)]).hides_values())
    );
    assert!(
        !settings(&[("a", Treatment::Keep)]).hides_values()
            && !PersonalData::default().hides_values()
    );
}

#[test]
fn all_mistakes_in_the_settings_are_told_at_once() {
    let settings = PersonalData {
        key: Some("OTHER_KEY".to_owned()),
        confident_from: 80.0,
        ..settings(&[("e_mail", Treatment::Hash), ("card", Treatment::Mask)])
    };

    let error = policies(&settings, &customers()).unwrap_err();

    assert_snapshot!(format!("error: {error}\nhint: {}", error.hint()), @r"
    error: treat personal data: `confident_from` is 80; there is no column `e_mail` to hash; the environment variable `OTHER_KEY` with the key is not set
    hint: give a number between 0 and 1
    did you mean `email`?
    make one with `openssl rand -hex 32`, and keep it where secrets are kept
    ");
}

#[test]
fn a_key_has_to_be_named_set_and_long_enough() {
    let hashed = settings(&[("email", Treatment::Hash)]);
    let unnamed = PersonalData { key: None, ..hashed.clone() };
    let batch = customers();
    let short = |_: &str| Some("hunter2".to_owned());

    let no_name = policies(&unnamed, &batch).unwrap_err();
    let too_short =
        Policies::new(&hashed, "customers", &batch.schema(), &Sampler::default(), &short)
            .unwrap_err();

    assert_eq!(
        no_name.to_string(),
        "treat personal data: there is no key to hash column `email` with"
    );
    assert!(
        too_short.to_string().contains("it has 7 bytes")
            && !too_short.to_string().contains("hunter2")
    );
}

#[test]
fn values_of_every_plain_type_are_hashed_as_their_text() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("int", Arc::new(Int64Array::from(vec![Some(42), None]))),
        ("float", Arc::new(Float64Array::from(vec![Some(42.0), None]))),
        ("view", Arc::new(StringViewArray::from(vec![Some("42"), None]))),
        (
            "dictionary",
            Arc::new(
                vec![Some("42"), None]
                    .into_iter()
                    .collect::<datafusion::arrow::array::DictionaryArray<Int32Type>>(),
            ),
        ),
    ];
    let all: Vec<(&str, Treatment)> =
        columns.iter().map(|(name, _)| (*name, Treatment::Hash)).collect();
    let batch = batch(columns);

    let after = policies(&settings(&all), &batch).unwrap().apply(&batch).unwrap();

    let hash = texts(&after, "int");
    assert!(hash[0].is_some() && hash[1].is_none());
    for column in ["float", "view", "dictionary"] {
        assert_eq!(texts(&after, column), hash, "{column}");
    }
}

#[test]
fn days_are_masked_as_text_and_a_time_beyond_the_calendar_names_its_row_only() {
    let day: ArrayRef = Arc::new(Date32Array::from(vec![3789]));
    let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX]));
    let batch = batch(vec![("day", day), ("time", time)]);

    let masked =
        policies(&settings(&[("day", Treatment::Mask)]), &batch).unwrap().apply(&batch).unwrap();
    let unreadable = policies(&settings(&[("time", Treatment::Hash)]), &batch)
        .unwrap()
        .apply(&batch)
        .unwrap_err();

    assert_eq!(texts(&masked, "day"), [Some("****-**-17".to_owned())]);
    assert_eq!(
        unreadable.to_string(),
        "read a value of column `time` as text, in row 0 of a batch"
    );
}

#[test]
fn a_batch_of_another_table_is_refused() {
    let policies = policies(
        &settings(&[("id", Treatment::Drop)]),
        &batch(vec![("id", Arc::new(Int64Array::from(vec![1])))]),
    )
    .unwrap();

    assert!(matches!(policies.apply(&customers()), Err(TreatError::OtherTable)));
}

#[test]
fn samples_are_bounded_and_the_same_each_time() {
    let long: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..2000).map(|row| format!("{row} {}", "x".repeat(10_000))),
    ));
    let batch = batch(vec![("text", long)]);
    let (mut one, mut other) = (Sampler::default(), Sampler::default());

    one.observe(&batch, 1000).unwrap();
    other.observe(&batch, 1000).unwrap();

    let sample = &one.samples()[0];
    let held: usize = sample.values().map(|(value, _)| value.len()).sum();
    assert!(held <= 300 << 10 && sample.count() == sample.different() as u64, "{held}");
    assert_eq!(one.samples(), other.samples());
}

#[test]
fn a_table_without_a_column_left_keeps_its_rows() {
    let only = batch(vec![("id", Arc::new(Int64Array::from(vec![1, 2, 3])))]);

    let after =
        policies(&settings(&[("id", Treatment::Drop)]), &only).unwrap().apply(&only).unwrap();

    assert_eq!((after.num_rows(), after.num_columns()), (3, 0));
}

/// Appends the digit that makes Luhn's sum a multiple of ten, written as the standard words it.
fn with_check_digit(digits: &str) -> String {
    let mut sum = 0;
    for (index, digit) in digits.bytes().rev().enumerate() {
        let doubled = u32::from(digit - b'0') * if index % 2 == 0 { 2 } else { 1 };
        sum += doubled / 10 + doubled % 10;
    }
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// Columns of telemetry and of what goes with it: values of one sort, random and in sequence.
fn telemetry() -> impl Strategy<Value = Vec<String>> {
    let many = 30..120_usize;
    let whole = (0_u32..19, any::<u64>(), 0_u64..2000, many.clone()).prop_map(
        |(digits, start, step, count)| {
            let least = 10_u64.pow(digits);
            (0..count as u64)
                .map(|row| (least + (start.wrapping_add(row * step)) % (least * 8)).to_string())
                .collect()
        },
    );
    let signed = (6_u32..15, prop::collection::vec(any::<u64>(), many.clone())).prop_map(
        |(digits, numbers)| {
            numbers
                .iter()
                .map(|number| {
                    format!("+{}", 10_u64.pow(digits) + number % (9 * 10_u64.pow(digits)))
                })
                .collect()
        },
    );
    let random = (1_u32..19, prop::collection::vec(any::<u64>(), many.clone())).prop_map(
        |(digits, numbers)| {
            numbers
                .iter()
                .map(|number| (10_u64.pow(digits) + number % (9 * 10_u64.pow(digits))).to_string())
                .collect()
        },
    );
    let readings =
        prop::collection::vec((-1e6..1e6_f64, 0..6_usize), many.clone()).prop_map(|values| {
            values.iter().map(|(value, digits)| format!("{value:.digits$}")).collect()
        });
    let shaped = |pattern: &str| {
        prop::collection::vec(proptest::string::string_regex(pattern).unwrap(), 30..120)
    };
    let unix = (
        1_000_000_000_u64..2_000_000_000,
        prop::sample::select(vec![1_u64, 1_000, 1_000_000, 1_000_000_000]),
        1_u64..90_000,
        many,
    )
        .prop_map(|(start, unit, step, count)| {
            (0..count as u64).map(|row| (start * unit + row * step * unit).to_string()).collect()
        });
    let words_and_codes = prop_oneof![
        shaped("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        shaped("[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}"),
        shaped("(ORD|SO|INV|PO)-[0-9]{4,10}"),
        shaped("[0-9]{3}-[0-9]{7}-[0-9]{7}"),
        shaped("[A-Z]{2}[0-9]{6}[A-Z]"),
        shaped("[A-Z]{2,3}-[0-9]{3,4}[A-Z]?"),
        shaped("v?[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}(\\.[0-9]{1,2})?"),
        shaped(
            "20[0-3][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])[T ](0[0-9]|1[0-9]):[0-5][0-9]:[0-5][0-9]"
        ),
        shaped(
            "20[0-3][0-9](0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])(0[0-9]|1[0-9])[0-5][0-9]([0-5][0-9])?"
        ),
        shaped("([0-9a-f]{2}:){5}[0-9a-f]{2}|([0-9a-f]{2}:){7}[0-9a-f]{2}"),
        shaped("(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{3})?"),
        shaped("(ok|warn|fault|running|stopped)"),
        shaped("(plant|hall|line)[0-9]/(pump|chiller)[0-9]{1,2}/(temp|flow)"),
        shaped("10\\.[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}|192\\.168\\.[0-9]{1,2}\\.[0-9]{1,2}"),
    ];
    prop_oneof![whole, signed, random, readings, unix, words_and_codes]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn telemetry_is_not_taken_for_personal_data(values in telemetry(), name in "value|reading|ts|tag|order_no|serial|status|x") {
        let findings = find(&[ColumnSample::new(&name, values.iter().map(String::as_str))]);

        prop_assert!(findings.iter().all(|finding| finding.confidence < CONFIDENT), "{findings:?} {values:?}");
    }

    #[test]
    fn a_column_of_cards_is_found_though_some_of_it_is_missing(
        numbers in prop::collection::vec(0_u64..10_u64.pow(14), 20..80),
        missing in 0_usize..3,
    ) {
        let cards = numbers.iter().map(|number| with_check_digit(&format!("4{number:014}")));
        let values: Vec<String> = cards.chain(vec![String::from("n/a"); missing]).collect();

        let findings = find(&[ColumnSample::new("a", values.iter().map(String::as_str))]);

        prop_assert!(findings[0].detector == "card_number" && findings[0].confidence >= CONFIDENT, "{findings:?}");
    }

    #[test]
    fn no_error_and_no_report_shows_a_value(people in prop::collection::vec("[a-z]{6,12}", 3..20)) {
        let addresses: Vec<String> = people.iter().map(|person| format!("{person}@example.org")).collect();
        let column: ArrayRef = Arc::new(StringArray::from(addresses));
        let table = batch(vec![("contact", column)]);

        let error = policies(&PersonalData::default(), &table).unwrap_err();
        let kept = policies(&settings(&[("contact", Treatment::Keep)]), &table).unwrap();

        let shown = format!("{error} {error:?} {} {:?}", error.hint(), kept.report());
        prop_assert!(people.iter().all(|person| !shown.contains(&format!("{person}@"))), "{shown}");
    }

    #[test]
    fn hashes_and_tokens_join_what_was_equal_and_nothing_else(values in prop::collection::vec(prop::option::of("[ab]{0,3}"), 1..40)) {
        let column: ArrayRef = Arc::new(StringArray::from(values.clone()));
        let table = batch(vec![("hashed", column.clone()), ("token", column)]);
        let settings = settings(&[("hashed", Treatment::Hash), ("token", Treatment::Tokenise)]);

        let after = policies(&settings, &table).unwrap().apply(&table).unwrap();

        for treated in [texts(&after, "hashed"), texts(&after, "token")] {
            for (one, hidden) in values.iter().zip(&treated) {
                prop_assert_eq!(one.is_some(), hidden.is_some());
                for (other, hidden_other) in values.iter().zip(&treated) {
                    prop_assert_eq!(one == other, hidden == hidden_other);
                }
            }
        }
    }
}
