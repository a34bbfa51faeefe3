//! What was seen of the version since it answers.

use super::json::{is_known, list, number, shown, text};
use crate::page::Section;
use crate::plot::{Line, lines};
use serde_json::Value;
use sira_core::Result;

pub fn watching(card: &Value) -> Result<Section> {
    let mut section = Section::new("Since it answers");
    if !is_known(card, "performance") && !is_known(card, "drift") {
        return Ok(section.note("No performance and no drift have been recorded for this version yet."));
    }
    if is_known(card, "performance") {
        let rows = list(card, "performance");
        section = section.table(
            "Performance by period",
            &["until", "rows", "auc", "accuracy", "mape", "mae", "rmse", "drift"],
            &table(
                rows,
                &["period_end", "sample_size", "auc", "accuracy", "mape", "mae", "rmse", "drift_score"],
            ),
        );
        // By position, oldest first: periods are of one length, and a date axis says no more.
        let of = |key: &str| -> Vec<(f64, f64)> {
            rows.iter()
                .rev()
                .enumerate()
                .filter_map(|(at, row)| Some((at as f64 + 1.0, number(row, key)?)))
                .collect()
        };
        let (auc, accuracy) = (of("auc"), of("accuracy"));
        let series: Vec<Line<'_>> = [("auc", &auc), ("accuracy", &accuracy)]
            .into_iter()
            .filter(|(_, points)| !points.is_empty())
            .map(|(name, points)| Line { name, points })
            .collect();
        if rows.len() > 1 && !series.is_empty() {
            section = section
                .plot(&lines("Performance", "period", "value", &series)?, "Performance, period by period.");
        }
    }
    if is_known(card, "drift") {
        section = section.table(
            "Drift, newest first",
            &["when", "kind", "feature", "method", "statistic", "p", "severity", "detected"],
            &table(
                list(card, "drift"),
                &[
                    "created_at",
                    "drift_type",
                    "feature_key",
                    "method",
                    "statistic",
                    "p_value",
                    "severity",
                    "drift_detected",
                ],
            ),
        );
    }
    Ok(section)
}

fn table(rows: &[Value], columns: &[&str]) -> Vec<Vec<String>> {
    rows.iter()
        .map(|row| {
            columns
                .iter()
                .map(|column| match row.get(*column) {
                    None | Some(Value::Null) => String::new(),
                    Some(value) if value.is_object() => text(row, column),
                    Some(value) => shown(value),
                })
                .collect()
        })
        .collect()
}
