//! The sections of a file as operators.

use serde_json::{Value, json};

use super::document::PipelineFile;

/// One use of an operator, and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) op: String,
    /// The columns that it reads, each for itself or all together.
    pub(super) columns: Vec<String>,
    pub(super) with: Value,
    pub(super) name: Option<String>,
    pub(super) is_kept: bool,
    /// Where it is written.
    pub(super) pointer: String,
    /// Where its parameters are written.
    pub(super) with_pointer: String,
    /// Where its columns are written.
    pub(super) columns_pointer: String,
}

impl Item {
    fn at(pointer: &str, op: &str, columns: &[String], with: Value) -> Self {
        Self {
            op: op.to_owned(),
            columns: columns.to_vec(),
            with,
            name: None,
            is_kept: true,
            pointer: pointer.to_owned(),
            with_pointer: pointer.to_owned(),
            columns_pointer: pointer.to_owned(),
        }
    }

    fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }
}

/// All operators of a file, in the order in which they are computed.
pub(super) fn items(file: &PipelineFile) -> Vec<Item> {
    let mut items = Vec::new();
    if !file.numeric.is_empty() {
        items.push(Item::at("/numeric", "column", &file.numeric, json!({})));
    }
    temporal(file, &mut items);
    trend_seasonality(file, &mut items);
    interactions(file, &mut items);
    categoricals(file, &mut items);
    for (index, item) in file.features.iter().enumerate() {
        let pointer = format!("/features/{index}");
        let (mut columns, mut columns_pointer) =
            (item.columns.clone(), format!("{pointer}/columns"));
        if let Some(column) = &item.column {
            columns.insert(0, column.clone());
            columns_pointer = format!("{pointer}/column");
        }
        items.push(Item {
            op: item.op.clone(),
            columns,
            with: Value::Object(item.with.clone()),
            name: item.name.clone(),
            is_kept: item.keep,
            with_pointer: format!("{pointer}/with"),
            columns_pointer,
            pointer,
        });
    }
    items
}

fn temporal(file: &PipelineFile, items: &mut Vec<Item>) {
    let Some(temporal) = &file.temporal_features else { return };
    let target = [file.target.clone()];
    let columns = if temporal.columns.is_empty() { &target[..] } else { &temporal.columns };
    let pointer = "/temporal_features";
    if !temporal.lags.is_empty() {
        let with = json!({ "by": temporal.lags });
        items.push(Item::at(&format!("{pointer}/lags"), "lag", columns, with));
    }
    if !temporal.differences.is_empty() {
        let with = json!({ "by": temporal.differences });
        items.push(Item::at(&format!("{pointer}/differences"), "difference", columns, with));
    }
    for (index, rolling) in temporal.rolling.iter().enumerate() {
        items.push(Item::at(
            &format!("{pointer}/rolling/{index}"),
            "rolling",
            columns,
            json!(rolling),
        ));
    }
    if !temporal.expanding.is_empty() {
        let with = json!({ "stats": temporal.expanding });
        items.push(Item::at(&format!("{pointer}/expanding"), "expanding", columns, with));
    }
    for (index, ema) in temporal.ema.iter().enumerate() {
        items.push(Item::at(&format!("{pointer}/ema/{index}"), "ema", columns, json!(ema)));
    }
}

fn trend_seasonality(file: &PipelineFile, items: &mut Vec<Item>) {
    let Some(wanted) = &file.trend_seasonality else { return };
    let pointer = "/trend_seasonality";
    if wanted.trend {
        let target = [file.target.clone()];
        items.push(Item::at(&format!("{pointer}/trend"), "trend", &target, json!({})));
    }
    for (is_wanted, key, with) in [
        (wanted.hour, "hour", json!({ "parts": ["hour"] })),
        (wanted.dow, "dow", json!({ "parts": ["weekday"] })),
        (wanted.month, "month", json!({ "parts": ["month"] })),
        (wanted.tod_sin_cos, "tod_sin_cos", json!({ "cyclic": ["time_of_day"] })),
        (wanted.tow_sin_cos, "tow_sin_cos", json!({ "cyclic": ["time_of_week"] })),
        (wanted.doy_sin_cos, "doy_sin_cos", json!({ "cyclic": ["day_of_year"] })),
    ] {
        if is_wanted {
            items.push(Item::at(&format!("{pointer}/{key}"), "calendar", &[], with));
        }
    }
    for (index, country) in wanted.holidays.iter().enumerate() {
        let with = json!({ "country": country });
        items.push(Item::at(&format!("{pointer}/holidays/{index}"), "holidays", &[], with));
    }
    for (index, fourier) in wanted.fourier.iter().enumerate() {
        items.push(Item::at(&format!("{pointer}/fourier/{index}"), "fourier", &[], json!(fourier)));
    }
}

fn interactions(file: &PipelineFile, items: &mut Vec<Item>) {
    let Some(wanted) = &file.interactions else { return };
    for (key, op, joint, each) in [
        ("ratios", "ratio", "over", &wanted.ratios),
        ("products", "product", "times", &wanted.products),
    ] {
        for (index, columns) in each.iter().enumerate() {
            let name = columns.join(&format!("_{joint}_"));
            let pointer = format!("/interactions/{key}/{index}");
            items.push(Item::at(&pointer, op, columns, json!({})).named(&name));
        }
    }
    if let Some(polynomials) = &wanted.polynomials {
        let with = json!({ "degree": polynomials.degree });
        let pointer = "/interactions/polynomials";
        items.push(Item::at(pointer, "polynomial", &polynomials.columns, with));
    }
}

fn categoricals(file: &PipelineFile, items: &mut Vec<Item>) {
    let Some(wanted) = &file.categoricals else { return };
    let pointer = "/categoricals";
    for (op, columns) in [
        ("one_hot", &wanted.one_hot),
        ("ordinal", &wanted.ordinal),
        ("frequency", &wanted.frequency),
    ] {
        if !columns.is_empty() {
            items.push(Item::at(&format!("{pointer}/{op}"), op, columns, json!({})));
        }
    }
    if let Some(hashing) = &wanted.hashing {
        let with = json!({ "buckets": hashing.buckets });
        items.push(Item::at(&format!("{pointer}/hashing"), "hashing", &hashing.columns, with));
    }
    if let Some(encoding) = &wanted.target_encoding {
        let mut with = json!(encoding);
        if let Some(with) = with.as_object_mut() {
            with.remove("columns");
        }
        let pointer = format!("{pointer}/target_encoding");
        items.push(Item::at(&pointer, "target_encoding", &encoding.columns, with));
    }
}
