//! Intervals of a regression's measures.

use super::super::{Weights, regression as measured};
use super::{Bootstrap, Interval, Progress, share};
use crate::Result;

pub(super) const NAMES: [&str; 7] = ["rmse", "mae", "mape", "smape", "r2", "bias", "label_mean"];

/// What a row adds to sums, in this order: weight, error, distance, square, share, weight of shares, symmetric share,
/// label and its square, the last two about the labels' mean, so that little cancels.
pub(super) type Row = [f64; 9];

/// Intervals of the measures of [`measured`], under the same names.
pub fn regression(
    predictions: &[f64],
    labels: &[f64],
    weights: Option<&[f64]>,
    how: &Bootstrap,
    progress: Progress,
) -> Result<Vec<Interval>> {
    let center = measured(predictions, labels, weights)?.label_mean;
    let weights = Weights::new(weights, labels.len())?;
    let mut content: Vec<[f64; 3]> =
        predictions.iter().zip(labels).enumerate().map(|(at, (p, y))| [*p, *y, weights.of(at)]).collect();
    // By content, so that the order of rows does not decide which ones a seed draws.
    content.sort_unstable_by(|a, b| {
        let by =
            |at: usize| a.get(at).zip(b.get(at)).map_or(std::cmp::Ordering::Equal, |(a, b)| a.total_cmp(b));
        by(0).then_with(|| by(1)).then_with(|| by(2))
    });
    let rows: Vec<Row> = content.iter().map(|[p, y, weight]| row(*p, *y, *weight, center)).collect();
    // The classes of numbers are none: all rows draw among themselves.
    let strata = Bootstrap { stratified: false, ..*how }.strata(1, rows.iter().map(|_| 0))?;
    how.run(NAMES, &strata, progress, |counts| measure(&rows, counts, center))
}

pub(super) fn row(prediction: f64, label: f64, weight: f64, center: f64) -> Row {
    let error = prediction - label;
    let distance = error.abs();
    let size = prediction.abs() / 2.0 + label.abs() / 2.0;
    let (part, counted) = if label == 0.0 { (0.0, 0.0) } else { (distance / label.abs(), weight) };
    let symmetric = if distance > 0.0 { (distance / size).min(2.0) } else { 0.0 };
    let apart = label - center;
    let values = [1.0, error, distance, error * error, part, 0.0, symmetric, apart, apart * apart];
    let mut row = values.map(|value| weight * value);
    row[5] = counted;
    row
}

pub(super) fn measure(rows: &[Row], counts: &[u32], center: f64) -> [f64; 7] {
    let mut sums = [0.0; 9];
    for (row, count) in rows.iter().zip(counts) {
        let count = f64::from(*count);
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += count * value;
        }
    }
    let [weight, error, distance, square, part, counted, symmetric, label, label_square] = sums;
    let spread = label_square - label * share(label, weight);
    // What a constant label leaves is rounding.
    let varied = spread > 1e-12 * label_square;
    [
        share(square, weight).sqrt(),
        share(distance, weight),
        share(part, counted),
        share(symmetric, weight),
        if varied { 1.0 - square / spread } else { f64::NAN },
        share(error, weight),
        center + share(label, weight),
    ]
}
