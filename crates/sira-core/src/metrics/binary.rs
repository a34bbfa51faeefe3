//! Two classes: a score, and a threshold from which on it counts as positive.

use serde::Serialize;

use super::ranking::Ranking;
use super::{Weights, all_finite, count, log_loss_of, ratio, same_length, some_rows};
use crate::Result;

/// What a threshold makes of the rows, by weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Confusion {
    #[serde(serialize_with = "count")]
    pub tp: f64,
    #[serde(serialize_with = "count")]
    pub fp: f64,
    #[serde(serialize_with = "count")]
    pub tn: f64,
    #[serde(rename = "fn", serialize_with = "count")]
    pub fn_: f64,
}

/// How good scores of a binary model are. `None` is what cannot be said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BinaryMetrics {
    pub rows: usize,
    /// The share of positives.
    pub prevalence: f64,
    /// Absent when one class is missing.
    pub auc: Option<f64>,
    /// Absent without positives.
    pub average_precision: Option<f64>,
    /// Absent, as is `brier`, when a score lies outside 0 to 1 and so is no probability.
    pub log_loss: Option<f64>,
    pub brier: Option<f64>,
    /// A score counts as positive from here on.
    pub threshold: f64,
    pub accuracy: f64,
    /// Absent without a positive prediction.
    pub precision: Option<f64>,
    /// Absent without positives.
    pub recall: Option<f64>,
    /// Absent without positives, predicted or true.
    pub f1: Option<f64>,
    pub confusion: Confusion,
}

/// Measures scores against what came true.
pub fn binary(
    scores: &[f64],
    labels: &[bool],
    weights: Option<&[f64]>,
    threshold: f64,
) -> Result<BinaryMetrics> {
    let rows = scores.len();
    some_rows(rows)?;
    same_length("labels", labels.len(), rows)?;
    let weights = Weights::new(weights, rows)?;
    all_finite("score", scores)?;
    all_finite("threshold", &[threshold])?;

    let pairs = || scores.iter().zip(labels);
    let mut confusion = Confusion::default();
    for (row, (score, label)) in pairs().enumerate() {
        let cell = match (*score >= threshold, *label) {
            (true, true) => &mut confusion.tp,
            (true, false) => &mut confusion.fp,
            (false, false) => &mut confusion.tn,
            (false, true) => &mut confusion.fn_,
        };
        *cell += weights.of(row);
    }
    let Confusion { tp, fp, tn, fn_ } = confusion;
    let total = tp + fp + tn + fn_;
    let label_at = |row: usize| labels.get(row).copied().unwrap_or_default();
    let score_at = |row: usize| scores.get(row).copied().unwrap_or_default();
    let ranking = Ranking::new(rows, score_at, label_at, weights);
    let probable = scores.iter().all(|score| (0.0..=1.0).contains(score));
    Ok(BinaryMetrics {
        rows,
        prevalence: (tp + fn_) / total,
        auc: ranking.auc(),
        average_precision: ranking.average_precision(),
        log_loss: probable
            .then(|| weights.mean(pairs().map(|(p, y)| log_loss_of(if *y { *p } else { 1.0 - *p })))),
        brier: probable.then(|| {
            weights.mean(pairs().map(|(p, y)| {
                let error = p - f64::from(*y);
                error * error
            }))
        }),
        threshold,
        accuracy: (tp + tn) / total,
        precision: ratio(tp, tp + fp),
        recall: ratio(tp, tp + fn_),
        f1: ratio(2.0 * tp, 2.0 * tp + fp + fn_),
        confusion,
    })
}
