//! Numbers against numbers.

use serde::Serialize;

use super::{Weights, all_finite, same_length, some_rows};
use crate::Result;

/// How far predictions are from the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegressionMetrics {
    pub rows: usize,
    pub rmse: f64,
    pub mae: f64,
    /// A fraction, not a percentage, over the rows whose label is not 0, because no error is a share of nothing
    /// (scikit-learn divides by machine epsilon there, which drowns all other rows); absent without such rows.
    pub mape: Option<f64>,
    /// The rows that `mape` leaves out.
    pub zero_labels: usize,
    /// The share of the label's variance that is explained; absent for a constant label.
    pub r2: Option<f64>,
    /// The mean of prediction − label.
    pub bias: f64,
    pub label_mean: f64,
}

/// Measures predictions against what came true.
pub fn regression(predictions: &[f64], labels: &[f64], weights: Option<&[f64]>) -> Result<RegressionMetrics> {
    let rows = predictions.len();
    some_rows(rows)?;
    same_length("labels", labels.len(), rows)?;
    let weights = Weights::new(weights, rows)?;
    all_finite("prediction", predictions)?;
    all_finite("label", labels)?;

    let errors = || predictions.iter().zip(labels).map(|(p, y)| p - y);
    let mse = weights.mean(errors().map(|e| e * e));
    let label_mean = weights.mean(labels.iter().copied());
    let variance = weights.mean(labels.iter().map(|y| (y - label_mean) * (y - label_mean)));
    // A mean of equal numbers may round, so the variance alone does not tell a constant label.
    let constant = labels.iter().all(|y| Some(y) == labels.first());
    let (mut share, mut weight) = (0.0, 0.0);
    for (row, (error, label)) in errors().zip(labels).enumerate().filter(|(_, (_, y))| **y != 0.0) {
        share += weights.of(row) * (error / label).abs();
        weight += weights.of(row);
    }
    Ok(RegressionMetrics {
        rows,
        rmse: mse.sqrt(),
        mae: weights.mean(errors().map(f64::abs)),
        mape: super::ratio(share, weight),
        zero_labels: labels.iter().filter(|y| **y == 0.0).count(),
        r2: (!constant && variance > 0.0).then(|| 1.0 - mse / variance),
        bias: weights.mean(errors()),
        label_mean,
    })
}
