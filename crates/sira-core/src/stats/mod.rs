//! Has the world changed? Two samples, or two sets of counts, compared.
//!
//! Three families, each with what it is good for:
//!
//! - **Tests** ([`ks`], [`chi_square`], [`population`]) ask whether a difference can be chance. With a million rows
//!   everything differs "significantly", so a p-value never stands alone here: each comes with the size of the effect,
//!   and [`multiple`] keeps many features' tests from crying wolf.
//! - **Divergences** ([`divergence`]) measure how far apart two histograms are. Their bins ([`bins`]) come from the
//!   reference alone: bins made from both samples follow the drift that they should show. Missing values and categories
//!   that the reference never saw are bins of their own, so that nulls cannot drift unseen.
//! - **Distances** ([`distance`]) compare samples without bins.
//!
//! [`detect`] holds the detectors that watch a stream value by value.
//!
//! Nothing here answers NaN: a comparison without data is an error of kind `NotEnoughData`, a constant column that
//! stayed constant is at distance 0. Samples may hold NaN where a function says what it means; infinities count as
//! values, at the ends of the line.

pub mod bins;
pub mod chi_square;
pub mod detect;
pub mod distance;
pub mod divergence;
mod kolmogorov;
pub mod ks;
pub mod multiple;
pub mod population;
mod special;

use crate::{Error, ErrorKind, Result};

/// A statistic, how likely one as large is if nothing has changed, and how large the difference is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    pub statistic: f64,
    pub p_value: f64,
    /// On a scale that does not grow with the number of rows; each test says which.
    pub effect_size: f64,
}

/// The sample without NaN, in ascending order.
fn sorted(sample: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = sample.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// At least `needed` values on both sides.
fn enough(reference: usize, current: usize, needed: usize) -> Result<()> {
    if reference >= needed && current >= needed {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotEnoughData, "not enough values to compare")
        .with_detail(format!(
            "The reference has {reference}, the current sample {current}; {needed} of each are needed."
        ))
        .with_hint("Widen the window."))
}
