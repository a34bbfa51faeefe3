//! What features did to the scores of a sample of rows.
//!
//! A beeswarm as it is usually drawn has a point a row, coloured by the row's value: of a rare category or an extreme amount it
//! shows whose row it was. Here contributions are counted in bins, and a bin tells the mean *rank* of its values only where
//! at least [`CROWD`] rows share it.

use super::rounded;
use serde_json::{Value, json};
use sira_core::Result;
use sira_core::ensemble::codec::Compiled;
use sira_core::predict::Rows;
use sira_core::shap::{Scratch, contributions_batch};

/// Features whose swarm is kept, bins a swarm, and rows that must share a bin before anything is told of their values.
const FEATURES: usize = 20;
const BINS: usize = 41;
const CROWD: usize = 5;
/// Rows that are explained at most, and the bytes of compiled trees that may be walked for it: a large model is asked about
/// fewer rows rather than for seconds.
const ROWS: usize = 1000;
const WALKED: usize = 1 << 30;

/// How many rows of a test part are explained by a model of so many compiled bytes.
pub fn sample(compiled: usize, rows: usize) -> usize {
    rows.min((WALKED / compiled.max(1)).clamp(50, ROWS))
}

/// The mean |contribution| of every feature, over all outputs, and swarms of the first ones (of models with one output).
///
/// `rows` are vectors one after the other. Largest first.
pub fn contributions(model: &Compiled<'_>, names: &[&str], rows: &[f64]) -> Result<Value> {
    let (features, outputs) = (names.len(), model.outputs());
    let vectors = Rows::row_major(rows, features)?;
    let count = vectors.len();
    let mut all = vec![0.0; count * outputs * (features + 1)];
    contributions_batch(model, &vectors, &mut Scratch::new(), &mut all)?;
    let of = |feature: usize, row: usize, output: usize| {
        all.get((row * outputs + output) * (features + 1) + feature).copied().unwrap_or_default()
    };
    let mut means: Vec<(usize, f64)> = (0..features)
        .map(|feature| {
            let sizes =
                (0..count).flat_map(|row| (0..outputs).map(move |output| of(feature, row, output).abs()));
            (feature, sizes.sum::<f64>() / count.max(1) as f64)
        })
        .collect();
    means.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let name = |feature: usize| names.get(feature).copied().unwrap_or_default();
    let mean_absolute: Vec<Value> = means
        .iter()
        .map(|(feature, mean)| json!({ "feature": name(*feature), "value": rounded(*mean) }))
        .collect();
    let value = |feature: usize, row: usize| rows.get(row * features + feature).copied().unwrap_or(f64::NAN);
    let swarm: Vec<Value> = means
        .iter()
        .take(if outputs == 1 { FEATURES } else { 0 })
        .filter(|(_, mean)| *mean > 0.0)
        .map(|(feature, _)| {
            let points: Vec<(f64, f64)> =
                (0..count).map(|row| (of(*feature, row, 0), value(*feature, row))).collect();
            json!({ "feature": name(*feature), "bins": bins(&points) })
        })
        .collect();
    Ok(json!({ "rows": count, "mean_absolute": mean_absolute, "swarm": swarm }))
}

/// (contribution, value) a row, in bins of contribution: [middle, rows, mean rank or null].
fn bins(points: &[(f64, f64)]) -> Vec<Value> {
    let farthest = points.iter().map(|point| point.0.abs()).fold(0.0, f64::max);
    let mut counted = vec![(0_usize, 0_usize, 0.0); BINS];
    for ((contribution, _), rank) in points.iter().zip(ranks(points)) {
        let at = ((contribution / farthest + 1.0) / 2.0 * (BINS - 1) as f64).round() as usize;
        if let Some(bin) = counted.get_mut(at) {
            bin.0 += 1;
            if let Some(rank) = rank {
                *bin = (bin.0, bin.1 + 1, bin.2 + rank);
            }
        }
    }
    let middle = |at: usize| (2.0 * at as f64 / (BINS - 1) as f64 - 1.0) * farthest;
    counted
        .iter()
        .enumerate()
        .filter(|(_, bin)| bin.0 > 0)
        .map(|(at, (rows, ranked, sum))| {
            let rank = match *ranked >= CROWD {
                true => json!((sum / *ranked as f64 * 20.0).round() / 20.0),
                false => Value::Null,
            };
            json!([rounded(middle(at)), rows, rank])
        })
        .collect()
}

/// Each row's place among the values, from 0 to 1, equal values at their middle; none for a missing one.
fn ranks(points: &[(f64, f64)]) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = Vec::new();
    let value = |row: usize| points.get(row).map_or(f64::NAN, |point| point.1);
    order.extend((0..points.len()).filter(|row| !value(*row).is_nan()));
    order.sort_by(|a, b| value(*a).total_cmp(&value(*b)));
    let last = order.len().saturating_sub(1) as f64;
    let mut ranks = vec![None; points.len()];
    let mut first = 0;
    for tied in order.chunk_by(|a, b| value(*a) == value(*b)) {
        let middle = first as f64 + (tied.len() - 1) as f64 / 2.0;
        for row in tied {
            if let Some(rank) = ranks.get_mut(*row) {
                *rank = Some(if last > 0.0 { middle / last } else { 0.5 });
            }
        }
        first += tied.len();
    }
    ranks
}
