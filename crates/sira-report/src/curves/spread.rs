//! Where answers lie, and how they compare with what came true, in bins.

use super::{Scored, rounded};
use serde_json::{Value, json};

/// Bins of a calibration plot and of a histogram.
const BINS: usize = 20;
const COLUMNS: usize = 40;
/// The quantiles between which residuals are drawn.
const TAILS: [f64; 2] = [0.005, 0.995];

/// Mean prediction, share of true ones and weight, a bin of equal width each; bins without rows are left out.
pub(super) fn by_probability(rows: &[(f64, bool, f64)]) -> Value {
    let mut bins = vec![(0.0, 0.0, 0.0); BINS];
    for (score, is_true, weight) in rows {
        if let Some(bin) = bins.get_mut(bin(*score, 0.0, 1.0, BINS)) {
            *bin = (bin.0 + score * weight, bin.1 + if *is_true { *weight } else { 0.0 }, bin.2 + weight);
        }
    }
    means(bins.into_iter().filter(|bin| bin.2 > 0.0))
}

/// The same for values: bins of equally many rows.
pub(super) fn by_quantile(scored: &Scored<'_>) -> Value {
    let mut rows: Vec<(f64, f64, f64)> = scored.output(0).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = rows.len().div_ceil(BINS).max(1);
    means(rows.chunks(size).map(|rows| {
        rows.iter().fold((0.0, 0.0, 0.0), |sum, (answer, label, weight)| {
            (sum.0 + answer * weight, sum.1 + label * weight, sum.2 + weight)
        })
    }))
}

fn means(bins: impl Iterator<Item = (f64, f64, f64)>) -> Value {
    bins.map(|(predicted, observed, weight)| {
        json!([rounded(predicted / weight), rounded(observed / weight), rounded(weight)])
    })
    .collect()
}

/// Counts of scores by class.
pub(super) fn by_class(rows: &[(f64, bool, f64)], names: [&str; 2]) -> Value {
    let count = |wanted: bool| -> Vec<Value> {
        let mut counts = vec![0.0; COLUMNS];
        for (score, _, weight) in rows.iter().filter(|row| row.1 == wanted) {
            if let Some(count) = counts.get_mut(bin(*score, 0.0, 1.0, COLUMNS)) {
                *count += weight;
            }
        }
        counts.into_iter().map(rounded).collect()
    };
    json!({ "edges": edges(0.0, 1.0), "classes": [
        { "name": names[0], "counts": count(false) },
        { "name": names[1], "counts": count(true) },
    ] })
}

/// Counts of prediction − observation, without the half per cent at each end.
pub(super) fn residuals(scored: &Scored<'_>) -> Value {
    let mut rows: Vec<(f64, f64)> =
        scored.output(0).map(|(answer, label, weight)| (answer - label, weight)).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let end = |share: f64| {
        let at = (rows.len().saturating_sub(1) as f64 * share).round() as usize;
        rows.get(at).map_or(0.0, |row| row.0)
    };
    let [low, high] = TAILS.map(end);
    let mut counts = vec![0.0; COLUMNS];
    for (residual, weight) in rows.iter().filter(|row| (low..=high).contains(&row.0)) {
        if let Some(count) = counts.get_mut(bin(*residual, low, high, COLUMNS)) {
            *count += weight;
        }
    }
    let counts: Vec<Value> = counts.into_iter().map(rounded).collect();
    json!({ "edges": edges(low, high), "classes": [{ "name": "rows", "counts": counts }] })
}

fn edges(low: f64, high: f64) -> Vec<Value> {
    (0..=COLUMNS).map(|at| rounded(low + (high - low) * at as f64 / COLUMNS as f64)).collect()
}

fn bin(value: f64, low: f64, high: f64, bins: usize) -> usize {
    // Where all values are one, the first bin has them.
    let share = if high > low { (value - low) / (high - low) } else { 0.0 };
    ((share.clamp(0.0, 1.0) * bins as f64) as usize).min(bins - 1)
}
