//! How it came about: drift runs and quality, over time.

use super::confidence::{of_auc, of_share};
use crate::card::json::{list, number, string, text};
use crate::page::Section;
use crate::plot::{Course, Dated, Threshold, timeline};
use serde_json::Value;
use sira_core::Result;

/// From where on a drift score is medium, high and critical.
const GRADES: [Threshold<'_>; 3] = [
    Threshold { name: "medium: 0.2", value: 0.2 },
    Threshold { name: "high: 0.4", value: 0.4 },
    Threshold { name: "critical: 0.7", value: 0.7 },
];

pub fn drift(report: &Value) -> Result<Section> {
    let section = Section::new("Drift over time");
    let runs = list(report, "runs");
    if runs.is_empty() {
        return Ok(section.note("No drift run is recorded: SELECT * FROM sira_detect_drift(…), or sira_run_maintenance every night."));
    }
    let of = |key: &str| -> Vec<Dated> {
        let dated =
            |row: &Value| Some(Dated { day: number(row, "day")?, value: number(row, key)?, band: None });
        runs.iter().filter_map(dated).collect()
    };
    let parts = [
        ("score", "drift score"),
        ("concept", "concept (quality)"),
        ("data", "data (features)"),
        ("prediction", "prediction (scores)"),
    ];
    let values: Vec<(&str, Vec<Dated>)> = parts.iter().map(|(key, name)| (*name, of(key))).collect();
    let courses: Vec<Course<'_>> = values
        .iter()
        .enumerate()
        .filter(|(_, (_, values))| !values.is_empty())
        .map(|(at, (name, values))| Course { name, values, estimated: at > 0 })
        .collect();
    let plot = timeline("Drift score over time", "drift score", &courses, &GRADES, Some(0.0..1.0))?;
    Ok(section
        .plot(&plot, "The drift score of each run at the end of its window, and the parts that it is made of (thin, hollow points).")
        .table("Runs, newest first", &["until", "score", "severity", "reference"], &last(runs, &["until", "score", "severity", "reference"])))
}

pub fn performance(report: &Value) -> Result<Section> {
    let section = Section::new("Performance over time");
    let rows = list(report, "performance");
    if rows.is_empty() {
        return Ok(section.note("No performance is recorded: a drift run writes it, measured where labels have come, else as an estimate from the scores."));
    }
    let before = report.get("metrics").unwrap_or(&Value::Null);
    let mut section = section.text(
        "Measured on predictions whose label is known; the estimates are what is to be expected if the scores are calibrated \
         probabilities and only the inputs have moved. Bands: 95 %, by Hanley and McNeil's standard error for the AUC, Wilson's \
         binomial interval for the accuracy; those of estimates cover sampling only. MAPE, MAE and RMSE have none: their \
         spread is not recorded.",
    );
    for (key, name) in
        [("auc", "AUC"), ("accuracy", "Accuracy"), ("mape", "MAPE"), ("mae", "MAE"), ("rmse", "RMSE")]
    {
        let of = |estimated: bool| -> Vec<Dated> {
            let of_kind =
                rows.iter().filter(|row| (row.get("estimated") == Some(&Value::Bool(true))) == estimated);
            let band = |row: &Value| match key {
                "auc" => of_auc(row, before),
                "accuracy" => of_share(row, key),
                _ => None,
            };
            let dated = |row: &Value| {
                Some(Dated { day: number(row, "day")?, value: number(row, key)?, band: band(row) })
            };
            of_kind.filter_map(dated).collect()
        };
        let (measured, expected) = (of(false), of(true));
        if measured.is_empty() && expected.is_empty() {
            continue;
        }
        let names = [format!("{name}, measured"), format!("{name}, estimate without labels")];
        let courses: Vec<Course<'_>> = names
            .iter()
            .zip([(&measured, false), (&expected, true)])
            .filter(|(_, (values, _))| !values.is_empty())
            .map(|(name, (values, estimated))| Course { name, values, estimated })
            .collect();
        let when_made: Vec<Threshold<'_>> = number(before, key)
            .map(|value| Threshold { name: "on its test part", value })
            .into_iter()
            .collect();
        section = section.plot(
            &timeline(&format!("{name} over time"), name, &courses, &when_made, None)?,
            &format!("{name}, at the end of each period; dashed what the version had on its test part."),
        );
    }
    let measures = ["auc", "accuracy", "mape", "mae", "rmse"];
    let known = measures.into_iter().filter(|key| rows.iter().any(|row| number(row, key).is_some()));
    let columns: Vec<&str> = ["until", "kind", "rows"].into_iter().chain(known).collect();
    Ok(section.table("Periods, newest first", &columns, &last(rows, &columns)))
}

/// The newest rows, with an estimate named as one.
fn last(rows: &[Value], columns: &[&str]) -> Vec<Vec<String>> {
    let cell = |row: &Value, column: &str| match (column, row.get(column)) {
        ("kind", _) if row.get("estimated") == Some(&Value::Bool(true)) => "estimate".to_owned(),
        ("kind", _) => "measured".to_owned(),
        (_, None | Some(Value::Null)) => String::new(),
        ("severity", _) => string(row, column).unwrap_or_default().to_owned(),
        _ => text(row, column),
    };
    rows.iter().rev().take(30).map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect()
}
