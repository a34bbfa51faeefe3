//! Two classes: a score, and a threshold from which on it counts as positive.

use serde::Serialize;

use super::decision::{Confusion, DecisionSums};
use super::probability::ProbabilitySums;
use super::ranking::Ranking;
use super::{all_finite, ratio};
use crate::Result;

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
    /// Absent, as are `brier` and calibration, when a score lies outside 0 to 1 and so is no probability.
    pub log_loss: Option<f64>,
    pub brier: Option<f64>,
    /// Absent when one class is missing.
    pub ks: Option<f64>,
    /// The mean distance of score and truth over ten bins of equal width.
    pub calibration_error: Option<f64>,
    /// That of the worst bin.
    pub calibration_error_max: Option<f64>,
    /// A score counts as positive from here on.
    pub threshold: f64,
    pub accuracy: f64,
    /// Absent without a positive prediction.
    pub precision: Option<f64>,
    /// Absent without positives.
    pub recall: Option<f64>,
    /// Absent without positives, predicted or true.
    pub f1: Option<f64>,
    /// Absent, as is `fpr`, without negatives.
    pub specificity: Option<f64>,
    pub fpr: Option<f64>,
    /// Absent without positives.
    pub fnr: Option<f64>,
    pub confusion: Confusion,
}

/// Measures scores against what came true.
pub fn binary(
    scores: &[f64],
    labels: &[bool],
    weights: Option<&[f64]>,
    threshold: f64,
) -> Result<BinaryMetrics> {
    let ranking = Ranking::of(scores, labels, weights)?;
    all_finite("score", scores)?;
    all_finite("threshold", &[threshold])?;
    let weight = |row: usize| weights.and_then(|weights| weights.get(row)).copied().unwrap_or(1.0);
    let probable = scores.iter().all(|score| (0.0..=1.0).contains(score));
    let (mut decisions, mut probabilities) = (DecisionSums::default(), ProbabilitySums::default());
    for (row, (score, label)) in scores.iter().zip(labels).enumerate() {
        decisions.add(*score, *label, threshold, weight(row))?;
        if probable {
            probabilities.add(*score, *label, weight(row))?;
        }
    }
    let confusion = decisions.confusion();
    Ok(BinaryMetrics {
        rows: scores.len(),
        // Some weight is above 0, which was checked with the ranking.
        prevalence: ratio(confusion.tp + confusion.fn_, confusion.total()).unwrap_or_default(),
        auc: ranking.auc(),
        average_precision: ranking.average_precision(),
        log_loss: probabilities.log_loss(),
        brier: probabilities.brier(),
        ks: ranking.ks(),
        calibration_error: probabilities.calibration_error(),
        calibration_error_max: probabilities.calibration_error_max(),
        threshold,
        accuracy: confusion.accuracy().unwrap_or_default(),
        precision: confusion.precision(),
        recall: confusion.recall(),
        f1: confusion.f1(),
        specificity: confusion.specificity(),
        fpr: confusion.fpr(),
        fnr: confusion.fnr(),
        confusion,
    })
}
