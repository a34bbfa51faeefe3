//! Pearson's tests on counts.
//!
//! The effect size is Cohen's w for [`fit`] and Cramér's V for [`independence`] (Cohen, *Statistical Power Analysis*,
//! 1988, ch. 7): 0.1 is small, 0.3 medium, 0.5 large, whatever the number of rows.

use super::Test;
use crate::{Error, ErrorKind, Result};
use statrs::function::gamma::checked_gamma_ur;

/// Whether two sets of counts over the same categories can come from one distribution: the test of homogeneity, scipy's
/// `chi2_contingency` without Yates' correction. Categories that nobody has are left out.
///
/// # Errors
/// `InvalidParameter` for sides of different length, `NotEnoughData` where a side has no rows.
pub fn independence(reference: &[u64], current: &[u64]) -> Result<Test> {
    let (before, after) = totals(reference, current)?;
    let all = before + after;
    let (mut statistic, mut categories) = (0.0, 0_u32);
    for (p, q) in reference.iter().zip(current).map(|(p, q)| (*p as f64, *q as f64)) {
        let both = p + q;
        if both > 0.0 {
            let (expected_before, expected_after) = (both * before / all, both * after / all);
            statistic += (p - expected_before).powi(2) / expected_before
                + (q - expected_after).powi(2) / expected_after;
            categories += 1;
        }
    }
    Ok(Test {
        statistic,
        p_value: tail(statistic, f64::from(categories) - 1.0),
        effect_size: (statistic / all).sqrt(),
    })
}

/// Whether counts can come from the distribution that the reference's shares are: the goodness of fit, scipy's
/// `chisquare` with the reference scaled to the current total. A category that the reference lacks makes the statistic
/// infinite, and the p-value 0.
///
/// # Errors
/// As [`independence`].
pub fn fit(reference: &[u64], current: &[u64]) -> Result<Test> {
    let (before, after) = totals(reference, current)?;
    let (mut statistic, mut categories) = (0.0, 0_u32);
    for (p, q) in reference.iter().zip(current).map(|(p, q)| (*p as f64, *q as f64)) {
        if p > 0.0 || q > 0.0 {
            let expected = p / before * after;
            statistic += (q - expected).powi(2) / expected;
            categories += 1;
        }
    }
    Ok(Test {
        statistic,
        p_value: tail(statistic, f64::from(categories) - 1.0),
        effect_size: (statistic / after).sqrt(),
    })
}

fn totals(reference: &[u64], current: &[u64]) -> Result<(f64, f64)> {
    if reference.len() != current.len() {
        return Err(Error::new(ErrorKind::InvalidParameter, "counts differ in their number of categories")
            .with_detail(format!("{} and {} categories.", reference.len(), current.len())));
    }
    let total = |side: &[u64]| side.iter().map(|count| *count as f64).sum::<f64>();
    let (before, after) = (total(reference), total(current));
    super::enough(before as usize, after as usize, 1)?;
    Ok((before, after))
}

/// P(χ² ≥ statistic); with one category only there is nothing to differ in.
fn tail(statistic: f64, freedom: f64) -> f64 {
    if freedom < 1.0 || statistic <= 0.0 {
        1.0
    } else if statistic.is_infinite() {
        0.0
    } else {
        checked_gamma_ur(freedom / 2.0, statistic / 2.0).unwrap_or(0.0)
    }
}
