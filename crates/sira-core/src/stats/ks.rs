//! The two-sample test of Kolmogorov and Smirnov.
//!
//! The statistic is the largest distance between the two empirical distribution functions F (first sample) and G
//! (second): sup|F − G| two-sided, sup(F − G) for `Greater`, sup(G − F) for `Less`, as in scipy. It lies in [0, 1]
//! and is the size of the effect as well.
//!
//! The exact p-value is the share of the lattice paths from (0, 0) to (m, n) that touch the boundary which the
//! statistic draws (Hodges, "The significance probability of the Smirnov two-sample test", 1957). It is computed by
//! Viehmann's recursion ("Numerically more stable computation of the p-values for the two-sample Kolmogorov-Smirnov
//! test", 2021), which averages probabilities and so neither overflows nor cancels. Ties make it conservative, here
//! as in scipy.
//!
//! Samples beyond [`EXACT_UP_TO`] take the distribution for one sample of m·n/(m + n) values ([`super::kolmogorov`]),
//! or Hodges' formula 5.3 for the one-sided tests: scipy's choice.

use super::{Test, enough, kolmogorov, sorted};
use crate::Result;

/// Where `Method::Auto` stops being exact: a hundred million steps are a fifth of a second.
pub const EXACT_UP_TO: usize = 10_000;

/// What the test asks about the first sample's distribution function F and the second's, G.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    TwoSided,
    /// F above G: the first sample has the smaller values.
    Greater,
    /// F below G: the first sample has the larger values.
    Less,
}

/// How the p-value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Exact where both samples have at most [`EXACT_UP_TO`] values.
    Auto,
    Exact,
    Asymptotic,
}

/// Compares two samples; NaN in them is left out.
///
/// # Errors
/// `NotEnoughData` where a sample has no value.
pub fn test(first: &[f64], second: &[f64], alternative: Alternative, method: Method) -> Result<Test> {
    test_with(first, second, alternative, method, &mut || Ok(()))
}

/// The same with a pause after each row of the lattice, of which an exact test of many values has many.
///
/// # Errors
/// As for [`test`], and what the pause answers.
pub fn test_with(
    first: &[f64],
    second: &[f64],
    alternative: Alternative,
    method: Method,
    pause: &mut dyn FnMut() -> Result<()>,
) -> Result<Test> {
    let (first, second) = (sorted(first), sorted(second));
    compare(&first, &second, alternative, method, pause)
}

/// The same for samples in ascending order and without NaN.
///
/// # Errors
/// `NotEnoughData` where a sample has no value.
pub fn test_sorted(first: &[f64], second: &[f64], alternative: Alternative, method: Method) -> Result<Test> {
    compare(first, second, alternative, method, &mut || Ok(()))
}

fn compare(
    first: &[f64],
    second: &[f64],
    alternative: Alternative,
    method: Method,
    pause: &mut dyn FnMut() -> Result<()>,
) -> Result<Test> {
    enough(first.len(), second.len(), 1)?;
    let (above, below) = extremes(first, second);
    let (m, n) = (first.len() as u64, second.len() as u64);
    // The extremes are whole multiples of 1 / (m n): no rounding decides which paths count.
    let steps = match alternative {
        Alternative::TwoSided => above.max(below),
        Alternative::Greater => above,
        Alternative::Less => below,
    };
    let statistic = steps as f64 / (m as f64 * n as f64);
    let exact = match method {
        Method::Auto => first.len().max(second.len()) <= EXACT_UP_TO,
        Method::Exact => true,
        Method::Asymptotic => false,
    };
    let p_value = if steps == 0 {
        1.0
    } else if exact {
        outside(m, n, steps, alternative == Alternative::TwoSided, pause)?
    } else {
        asymptotic(m as f64, n as f64, statistic, alternative)
    };
    Ok(Test { statistic, p_value: p_value.clamp(0.0, 1.0), effect_size: statistic })
}

/// sup(F − G) and sup(G − F), each times m n.
fn extremes(first: &[f64], second: &[f64]) -> (u64, u64) {
    let (m, n) = (first.len() as i128, second.len() as i128);
    let (mut i, mut j) = (0, 0);
    let (mut above, mut below) = (0_i128, 0_i128);
    while let (Some(a), Some(b)) = (first.get(i), second.get(j)) {
        // Equality by `==`, so that −0 and 0 are one value.
        let value = if a <= b { *a } else { *b };
        i += first.iter().skip(i).take_while(|other| **other == value).count();
        j += second.iter().skip(j).take_while(|other| **other == value).count();
        let distance = i as i128 * n - j as i128 * m;
        above = above.max(distance);
        below = below.max(-distance);
    }
    (above as u64, below as u64)
}

/// The share of paths that reach a distance of `steps` / (m n) somewhere.
fn outside(
    m: u64,
    n: u64,
    steps: u64,
    two_sided: bool,
    pause: &mut dyn FnMut() -> Result<()>,
) -> Result<f64> {
    // The shorter sample along the row that is kept.
    let (rows, columns) = if m >= n { (m, n) } else { (n, m) };
    let flipped = m < n;
    let touches = |i: u64, j: u64| {
        let distance = i as i128 * columns as i128 - j as i128 * rows as i128;
        // One-sided tests are symmetric in distribution: reversing a path changes the sign of every distance.
        let distance = if flipped { -distance } else { distance };
        if two_sided { distance.unsigned_abs() >= u128::from(steps) } else { distance >= i128::from(steps) }
    };
    let mut row: Vec<f64> = (0..=columns).map(|_| 0.0).collect();
    for i in 0..=rows {
        pause()?;
        let mut left = 0.0;
        for (j, cell) in (0_u64..).zip(row.iter_mut()) {
            *cell = if touches(i, j) {
                1.0
            } else {
                let (up, beside) = (i as f64, j as f64);
                let all = up + beside;
                if all == 0.0 { 0.0 } else { up / all * *cell + beside / all * left }
            };
            left = *cell;
        }
    }
    Ok(row.last().copied().unwrap_or(1.0))
}

fn asymptotic(m: f64, n: f64, statistic: f64, alternative: Alternative) -> f64 {
    let (m, n) = if m >= n { (m, n) } else { (n, m) };
    let harmonic = m * n / (m + n);
    if alternative == Alternative::TwoSided {
        return kolmogorov::tail(libm::rint(harmonic), statistic);
    }
    let z = harmonic.sqrt() * statistic;
    libm::exp(-2.0 * z * z - 2.0 * z * (m + 2.0 * n) / (m * n * (m + n)).sqrt() / 3.0)
}

/// P(D ≥ d) for one sample of `n` values against a known distribution.
#[must_use]
pub fn one_sample_tail(n: f64, d: f64) -> f64 {
    kolmogorov::tail(n, d).clamp(0.0, 1.0)
}
