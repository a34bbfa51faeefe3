//! Whether of the rows with a score of 0.3 three in ten come true: the reliability curve and its distance from the
//! diagonal (Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015).
//!
//! Bins are scikit-learn's: a bin holds what is above its lower edge and up to its upper one, the first one 0 as
//! well; bins without rows do not appear. Quantile edges are numpy's linear percentiles without weights, and with
//! weights its inverted distribution, the only ones that it knows for them.

use serde::Serialize;

use super::probability::BinSums;
use super::{Weights, same_length, some_rows};
use crate::{Error, ErrorKind, Result};

/// Where bins end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binning {
    /// All as wide as each other, from 0 to 1.
    Uniform,
    /// All with as many rows, as far as ties allow.
    Quantile,
}

/// The rows whose scores lie between two edges.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CalibrationBin {
    pub lower: f64,
    pub upper: f64,
    #[serde(serialize_with = "super::count")]
    pub weight: f64,
    pub mean_score: f64,
    /// How many of them came true.
    pub positive_share: f64,
}

impl CalibrationBin {
    fn error(&self) -> f64 {
        (self.mean_score - self.positive_share).abs()
    }
}

/// The bins that have rows, from the lowest scores up. An error for what is no probability.
pub fn calibration(
    scores: &[f64],
    labels: &[bool],
    weights: Option<&[f64]>,
    bins: usize,
    binning: Binning,
) -> Result<Vec<CalibrationBin>> {
    some_rows(scores.len())?;
    same_length("labels", labels.len(), scores.len())?;
    let weighted = weights.is_some();
    let weights = Weights::new(weights, scores.len())?;
    if bins == 0 {
        return Err(Error::new(ErrorKind::InvalidParameter, "calibration asks for at least one bin"));
    }
    if let Some((row, score)) = scores.iter().enumerate().find(|(_, s)| !(0.0..=1.0).contains(*s)) {
        return Err(Error::new(ErrorKind::InfiniteValue, "score is no probability")
            .with_detail(format!("Value {score} at position {}.", row + 1)));
    }
    let edges: Vec<f64> = match binning {
        Binning::Uniform => (0..=bins).map(|at| uniform_edge(at, bins)).collect(),
        Binning::Quantile => quantile_edges(scores, weighted.then_some(weights), bins),
    };
    let inner = edges.get(1..bins).unwrap_or_default();
    let mut sums = vec![BinSums::default(); bins];
    for (row, (score, label)) in scores.iter().zip(labels).enumerate() {
        let bin = inner.partition_point(|edge| edge < score);
        if let Some(bin) = sums.get_mut(bin) {
            bin.add(*score, *label, weights.of(row));
        }
    }
    Ok(sums
        .iter()
        .zip(edges.windows(2))
        .filter_map(|(sum, pair)| sum.bin(*pair.first()?, *pair.last()?))
        .collect())
}

/// The mean distance of score and truth over bins, by weight; absent without bins.
pub fn expected_error(bins: &[CalibrationBin]) -> Option<f64> {
    let weight: f64 = bins.iter().map(|bin| bin.weight).sum();
    super::ratio(bins.iter().map(|bin| bin.weight * bin.error()).sum(), weight)
}

/// The distance of the worst bin; absent without bins.
pub fn largest_error(bins: &[CalibrationBin]) -> Option<f64> {
    bins.iter().map(CalibrationBin::error).reduce(f64::max)
}

/// An edge as numpy's `linspace` rounds it.
pub(super) fn uniform_edge(at: usize, bins: usize) -> f64 {
    if at == bins { 1.0 } else { at as f64 * (1.0 / bins as f64) }
}

/// The bin of a probability: the last whose lower edge lies below it, else the first.
pub(super) fn uniform_bin(score: f64, bins: usize) -> usize {
    // The product may round past an edge, never past two.
    let near = (score * bins as f64) as usize;
    let below = |at: &usize| *at == 0 || uniform_edge(*at, bins) < score;
    (near.saturating_sub(1)..=(near + 1).min(bins - 1)).rev().find(below).unwrap_or_default()
}

fn quantile_edges(scores: &[f64], weights: Option<Weights>, bins: usize) -> Vec<f64> {
    let mut sorted: Vec<(f64, f64)> =
        scores.iter().enumerate().map(|(row, s)| (*s, weights.map_or(1.0, |w| w.of(row)))).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let at = |row: usize| sorted.get(row.min(sorted.len() - 1)).map_or(0.0, |row| row.0);
    // By way of percentages, as scikit-learn asks for them: the last bit may decide on which side a row falls.
    let shares = (0..=bins).map(|edge| uniform_edge(edge, bins) * 100.0 / 100.0);
    if weights.is_none() {
        return shares.map(|share| percentile(at, share * (sorted.len() - 1) as f64)).collect();
    }
    sorted.retain(|row| row.1 > 0.0);
    let mut total = 0.0;
    for row in &mut sorted {
        total += row.1;
        row.1 = total;
    }
    let last = sorted.len().saturating_sub(1);
    let first_from = |share: f64| sorted.partition_point(|row| row.1 < share * total).min(last);
    shares.map(|share| sorted.get(first_from(share)).map_or(0.0, |row| row.0)).collect()
}

/// The value at a position between two rows, interpolated as numpy does it.
fn percentile(at: impl Fn(usize) -> f64, position: f64) -> f64 {
    let below = position as usize;
    let part = position - below as f64;
    let (low, high) = (at(below), at(below + 1));
    if part < 0.5 { low + (high - low) * part } else { high - (high - low) * (1.0 - part) }
}
