//! What a card's plots are drawn from: at most two hundred points a curve, counts and means, and nobody's row.
//!
//! The predictions of a test part are not kept after training; these figures of them are. Everything here is an aggregate over
//! rows: shares, counts in bins, means. The ends of ranges are quantiles, not extremes, so that one row's value does not
//! become an end.

mod ranking;
mod shap;
mod spread;

pub use shap::{contributions, sample};

use ranking::Steps;
use serde_json::{Map, Value, json};
use sira_core::signature::{Signature, Task};

/// Points of a curve, and with them the classes that are drawn each with their own.
const POINTS: usize = 200;
const CLASSES: usize = 8;

/// Scored rows with what came true: `width` answers a row, one label a row (0 or 1, a class number, or a value).
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    pub answers: &'a [f64],
    pub width: usize,
    pub labels: &'a [f64],
    pub weights: Option<&'a [f64]>,
}

impl Scored<'_> {
    fn rows(&self) -> usize {
        self.labels.len()
    }

    fn answer(&self, row: usize, output: usize) -> f64 {
        self.answers.get(row * self.width + output).copied().unwrap_or(f64::NAN)
    }

    fn label(&self, row: usize) -> f64 {
        self.labels.get(row).copied().unwrap_or(f64::NAN)
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights.get(row).copied().unwrap_or(0.0))
    }

    /// (answer, label, weight) of an output, without rows that say nothing.
    fn output(&self, output: usize) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        (0..self.rows())
            .map(move |row| (self.answer(row, output), self.label(row), self.weight(row)))
            .filter(|(answer, label, weight)| answer.is_finite() && label.is_finite() && *weight > 0.0)
    }
}

/// The curves that the task has, as a card keeps them.
pub fn of(signature: &Signature, scored: &Scored<'_>) -> Map<String, Value> {
    let mut curves = Map::new();
    match signature.task {
        Task::Binary => binary(signature, scored, &mut curves),
        Task::Multiclass => multiclass(signature, scored, &mut curves),
        Task::Regression | Task::Anomaly => {
            curves.insert("calibration".into(), spread::by_quantile(scored));
            curves.insert("residuals".into(), spread::residuals(scored));
        }
        // Grades within groups have no curve over all rows.
        Task::Ranking => {}
    }
    curves
}

fn binary(signature: &Signature, scored: &Scored<'_>, curves: &mut Map<String, Value>) {
    let positive = signature.positive.clone().unwrap_or_else(|| "positive".to_owned());
    let negative = signature.classes.iter().find(|class| **class != positive);
    let negative = negative.cloned().unwrap_or_else(|| "negative".to_owned());
    let rows: Vec<(f64, bool, f64)> =
        scored.output(0).map(|(score, label, weight)| (score, label != 0.0, weight)).collect();
    let steps = Steps::of(&rows);
    curves.insert("roc".into(), json!([steps.roc(&positive)]));
    curves.insert("precision_recall".into(), json!([steps.precision_recall(&positive)]));
    curves.insert("calibration".into(), spread::by_probability(&rows));
    curves.insert("scores".into(), spread::by_class(&rows, [&negative, &positive]));
}

/// Each class against the rest; the most frequent ones where there are many.
fn multiclass(signature: &Signature, scored: &Scored<'_>, curves: &mut Map<String, Value>) {
    let mut classes: Vec<(usize, f64)> = (0..scored.width)
        .map(|class| {
            let members = scored.output(class).filter(|(_, label, _)| *label == class as f64);
            (class, members.map(|(_, _, weight)| weight).sum())
        })
        .filter(|(_, members)| *members > 0.0)
        .collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    classes.truncate(CLASSES);
    let (mut roc, mut precision_recall) = (Vec::new(), Vec::new());
    for (class, _) in classes {
        let rows: Vec<(f64, bool, f64)> = scored
            .output(class)
            .map(|(score, label, weight)| (score, label == class as f64, weight))
            .collect();
        let steps = Steps::of(&rows);
        let name = signature.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
        roc.push(steps.roc(&name));
        precision_recall.push(steps.precision_recall(&name));
    }
    curves.insert("roc".into(), Value::Array(roc));
    curves.insert("precision_recall".into(), Value::Array(precision_recall));
}

/// Five significant digits: what a plot shows, and less to store.
fn rounded(value: f64) -> Value {
    format!("{value:.4e}").parse::<f64>().map_or(Value::Null, |value| json!(value))
}
