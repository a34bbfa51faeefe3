//! How far apart two histograms over the same bins are.
//!
//! With shares p of the reference and q of the current counts:
//!
//! | name | formula | range | source |
//! |---|---|---|---|
//! | population stability index | Σ (q − p) ln(q / p) | [0, ∞) | Siddiqi, *Credit Risk Scorecards* (2006), ch. 8 |
//! | Jensen-Shannon distance | √(½ KL(p‖m) + ½ KL(q‖m)), m = (p + q) / 2, natural logarithm | [0, √ln 2] | Lin (1991); scipy, Evidently |
//! | Hellinger distance | √(½ Σ (√p − √q)²) | [0, 1] | Hellinger (1909) |
//! | total variation | ½ Σ \|p − q\| | [0, 1] | |
//!
//! Only the first is not defined for a bin that one side leaves empty: shares of 0 become [`EPSILON`] where the other
//! side's is not 0 (Evidently's 0.0001), and the shares are not made to sum to 1 again. A bin empty on both sides counts
//! nothing.

use crate::{Error, ErrorKind, Result};

/// What a share of 0 becomes in the population stability index.
pub const EPSILON: f64 = 1e-4;

/// The population stability index: below 0.1 little has changed, above 0.2 much.
///
/// # Errors
/// As [`shares`].
pub fn population_stability_index(reference: &[u64], current: &[u64]) -> Result<f64> {
    Ok(stability_contributions(reference, current)?.iter().sum())
}

/// What each bin adds to the population stability index.
///
/// # Errors
/// As [`shares`].
pub fn stability_contributions(reference: &[u64], current: &[u64]) -> Result<Vec<f64>> {
    let contribution = |(p, q): (f64, f64)| {
        if p == q {
            return 0.0;
        }
        let (p, q) = (if p == 0.0 { EPSILON } else { p }, if q == 0.0 { EPSILON } else { q });
        (q - p) * libm::log(q / p)
    };
    Ok(shares(reference, current)?.map(contribution).collect())
}

/// The square root of the Jensen-Shannon divergence to base e.
///
/// # Errors
/// As [`shares`].
pub fn jensen_shannon(reference: &[u64], current: &[u64]) -> Result<f64> {
    let relative = |part: f64, middle: f64| if part > 0.0 { part * libm::log(part / middle) } else { 0.0 };
    let divergence: f64 = shares(reference, current)?
        .map(|(p, q)| {
            let middle = f64::midpoint(p, q);
            if p == q { 0.0 } else { relative(p, middle) + relative(q, middle) }
        })
        .sum();
    Ok((divergence.max(0.0) / 2.0).sqrt())
}

/// The Hellinger distance.
///
/// # Errors
/// As [`shares`].
pub fn hellinger(reference: &[u64], current: &[u64]) -> Result<f64> {
    let squares: f64 = shares(reference, current)?.map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2)).sum();
    Ok((squares / 2.0).sqrt().min(1.0))
}

/// The total variation distance: the share of rows that would have to move.
///
/// # Errors
/// As [`shares`].
pub fn total_variation(reference: &[u64], current: &[u64]) -> Result<f64> {
    Ok((shares(reference, current)?.map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0).min(1.0))
}

/// The shares of both sides, bin by bin.
///
/// # Errors
/// `InvalidParameter` where the sides have different numbers of bins, `NotEnoughData` where one has no rows.
fn shares<'a>(reference: &'a [u64], current: &'a [u64]) -> Result<impl Iterator<Item = (f64, f64)> + 'a> {
    if reference.len() != current.len() {
        return Err(Error::new(ErrorKind::InvalidParameter, "histograms differ in their number of bins")
            .with_detail(format!("{} and {} bins.", reference.len(), current.len())));
    }
    let total = |side: &[u64]| side.iter().map(|count| *count as f64).sum::<f64>();
    let (before, after) = (total(reference), total(current));
    super::enough(before as usize, after as usize, 1)?;
    Ok(reference.iter().zip(current).map(move |(p, q)| (*p as f64 / before, *q as f64 / after)))
}
