//! How good the version is, and the curves that say it in a picture.

use super::json::{UNKNOWN, is_known, list, number, points, shown, string, text};
use crate::page::Section;
use crate::plot::{CalibrationBin, Distribution, Line, calibration, histogram, precision_recall, roc};
use serde_json::Value;
use sira_core::Result;

pub fn metrics(card: &Value) -> Section {
    let mut section = Section::new("Metrics");
    let test = card.get("metrics").unwrap_or(&Value::Null);
    section = match plain(test).is_empty() {
        true => section.note("No metrics were recorded with this version. sira_evaluate measures it."),
        false => section.table(
            "On the rows that it did not learn from",
            &["metric", "test part", "validation part"],
            &beside(test, test.get("validation").unwrap_or(&Value::Null)),
        ),
    };
    if let Some(confusion) = test.get("confusion").filter(|confusion| confusion.is_object()) {
        section = section.facts(&[("Confusion at the threshold".to_owned(), shown(confusion))]);
    }
    for evaluation in list(card, "evaluations") {
        section = evaluated(section, evaluation);
    }
    section
}

/// A measure as people read it. One that is null was measured, and these rows do not say it: a curve needs both classes.
fn measured(value: &Value) -> String {
    if value.is_null() { "cannot be said".to_owned() } else { shown(value) }
}

/// Metrics that are numbers, or not known.
fn plain(metrics: &Value) -> Vec<(&str, &Value)> {
    metrics.as_object().map_or_else(Vec::new, |fields| {
        fields
            .iter()
            .filter(|(_, value)| !value.is_object() && !value.is_array())
            .map(|(name, value)| (name.as_str(), value))
            .collect()
    })
}

fn beside(test: &Value, validation: &Value) -> Vec<Vec<String>> {
    plain(test)
        .into_iter()
        .map(|(name, value)| {
            let other = validation.get(name).map_or_else(String::new, measured);
            vec![name.replace('_', " "), measured(value), other]
        })
        .collect()
}

fn evaluated(section: Section, evaluation: &Value) -> Section {
    let interval = |name: &str| {
        let ends = evaluation.get("intervals").and_then(|intervals| intervals.get(name));
        match ends.and_then(|ends| Some((ends.get(0)?, ends.get(1)?))) {
            Some((low, high)) if !low.is_null() && !high.is_null() => {
                format!("{} to {}", shown(low), shown(high))
            }
            _ => String::new(),
        }
    };
    let metrics = evaluation.get("metrics").unwrap_or(&Value::Null);
    let rows: Vec<Vec<String>> = plain(metrics)
        .into_iter()
        .map(|(name, value)| vec![name.replace('_', " "), measured(value), interval(name)])
        .collect();
    let caption = format!(
        "Evaluation ({}) on {} rows, {}, by {}",
        text(evaluation, "purpose"),
        text(evaluation, "rows"),
        text(evaluation, "evaluated_at"),
        text(evaluation, "evaluated_by")
    );
    let section = section.table(&caption, &["metric", "value", "interval"], &rows);
    sliced(section, evaluation)
}

/// The same metrics by the values of columns: for whom it is less good.
fn sliced(section: Section, evaluation: &Value) -> Section {
    let Some(columns) = evaluation.get("slices").and_then(Value::as_object) else { return section };
    columns.iter().filter(|(_, groups)| groups.is_object()).fold(section, |section, (column, groups)| {
        let rows: Vec<Vec<String>> = groups
            .as_object()
            .into_iter()
            .flatten()
            .map(|(group, metrics)| {
                let told = plain(metrics);
                let told: Vec<String> = told
                    .iter()
                    .map(|(name, value)| format!("{} {}", name.replace('_', " "), measured(value)))
                    .collect();
                vec![group.clone(), told.join(", ")]
            })
            .collect();
        section.table(&format!("By {column}"), &[column, "metrics"], &rows)
    })
}

pub fn curves(card: &Value) -> Result<Section> {
    let section = Section::new("Curves");
    let Some(curves) = card.get("curves").filter(|curves| curves.is_object()) else {
        return Ok(section.note(
            "Not recorded. sira_train records the curves of its test part; a version from elsewhere has none.",
        ));
    };
    let (used, all) = (text(curves, "rows"), text(curves, "of"));
    let mut section = section.text(&match used == all {
        true => format!("Drawn from the {all} rows of the test part."),
        false => format!("Drawn from {used} of the {all} rows of the test part, evenly taken."),
    });
    if is_known(curves, "roc") {
        let drawn: Vec<(String, Vec<(f64, f64)>, Option<f64>)> = named_curves(curves, "roc", "auc");
        section = section.plot(&roc("ROC curve", &with_lines(&drawn))?, "ROC curve, with the area under it.");
    }
    if is_known(curves, "precision_recall") {
        let drawn = named_curves(curves, "precision_recall", "average_precision");
        let base = match drawn.len() {
            1 => list(curves, "precision_recall").first().and_then(|curve| number(curve, "base")),
            _ => None,
        };
        section = section.plot(
            &precision_recall("Precision-recall curve", &with_lines(&drawn), base)?,
            "Precision against recall, with the average precision; dashed what guessing reaches.",
        );
    }
    section = calibrated(section, card, curves)?;
    spread(section, curves)
}

fn named_curves(curves: &Value, key: &str, figure: &str) -> Vec<(String, Vec<(f64, f64)>, Option<f64>)> {
    list(curves, key)
        .iter()
        .map(|curve| {
            let name = string(curve, "class").unwrap_or(UNKNOWN).to_owned();
            (name, points(curve, "points"), number(curve, figure))
        })
        .collect()
}

fn with_lines(drawn: &[(String, Vec<(f64, f64)>, Option<f64>)]) -> Vec<(Line<'_>, Option<f64>)> {
    drawn.iter().map(|(name, points, figure)| (Line { name, points }, *figure)).collect()
}

fn calibrated(section: Section, card: &Value, curves: &Value) -> Result<Section> {
    let bins: Vec<CalibrationBin> = list(curves, "calibration")
        .iter()
        .filter_map(|bin| {
            Some(CalibrationBin {
                predicted: bin.get(0)?.as_f64()?,
                observed: bin.get(1)?.as_f64()?,
                weight: bin.get(2)?.as_f64()?,
            })
        })
        .collect();
    if bins.is_empty() {
        return Ok(section);
    }
    let method = card.get("calibration").and_then(|calibration| string(calibration, "method"));
    let is_binary = card.get("model").and_then(|model| string(model, "task")) == Some("binary");
    let caption = match (is_binary, method) {
        (true, Some(method)) => {
            format!("What was foretold against what came true, after calibration ({method}).")
        }
        (true, None) => "What was foretold against what came true; scores are not calibrated.".to_owned(),
        (false, _) => "Predicted against observed, in bins of equally many rows.".to_owned(),
    };
    Ok(section.plot(&calibration("Calibration", &bins, is_binary)?, &caption))
}

fn spread(mut section: Section, curves: &Value) -> Result<Section> {
    for (key, title, x, caption) in [
        (
            "scores",
            "Scores by class",
            "score",
            "Where the scores of each class lie; each class adds up to 1.",
        ),
        ("residuals", "Residuals", "predicted − observed", "How far predictions lie from what came true."),
    ] {
        let Some(found) = curves.get(key) else { continue };
        let numbers = |value: &Value, key: &str| -> Vec<f64> {
            list(value, key).iter().filter_map(Value::as_f64).collect()
        };
        let edges = numbers(found, "edges");
        let classes: Vec<(String, Vec<f64>)> = list(found, "classes")
            .iter()
            .map(|class| (string(class, "name").unwrap_or(UNKNOWN).to_owned(), numbers(class, "counts")))
            .collect();
        let classes: Vec<Distribution<'_>> =
            classes.iter().map(|(name, counts)| Distribution { name, counts }).collect();
        section = section.plot(&histogram(title, x, &edges, &classes)?, caption);
    }
    Ok(section)
}
