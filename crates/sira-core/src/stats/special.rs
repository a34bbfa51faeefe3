//! Probabilities of the binomial distribution without loss of digits.
//!
//! Catherine Loader, "Fast and Accurate Computation of Binomial Probabilities" (2000): the terms of Stirling's formula
//! that nearly cancel are never formed. A difference of log-gammas would lose nine digits at a million rows.

use std::f64::consts::{PI, TAU};

/// C(n, k) p^k q^(n − k) with q = 1 − p, given apart so that neither loses digits.
pub fn binomial_probability(k: f64, n: f64, p: f64, q: f64) -> f64 {
    if p <= 0.0 {
        return if k == 0.0 { 1.0 } else { 0.0 };
    }
    if q <= 0.0 {
        return if k == n { 1.0 } else { 0.0 };
    }
    if k == 0.0 {
        return libm::exp(if p < 0.1 { -deviance(n, n * q) - n * p } else { n * libm::log(q) });
    }
    if k == n {
        return libm::exp(if q < 0.1 { -deviance(n, n * p) - n * q } else { n * libm::log(p) });
    }
    let exponent = stirling_error(n)
        - stirling_error(k)
        - stirling_error(n - k)
        - deviance(k, n * p)
        - deviance(n - k, n * q);
    (n / (TAU * k * (n - k))).sqrt() * libm::exp(exponent)
}

/// log(n!) minus Stirling's approximation of it.
fn stirling_error(n: f64) -> f64 {
    if n <= 15.0 {
        return libm::lgamma(n + 1.0) - (n + 0.5) * libm::log(n) + n - 0.5 * libm::log(TAU);
    }
    let square = n * n;
    let terms = [1.0 / 12.0, 1.0 / 360.0, 1.0 / 1260.0, 1.0 / 1680.0, 1.0 / 1188.0, 691.0 / 360_360.0];
    terms.iter().rev().fold(0.0, |rest, term| term - rest / square) / n
}

/// x log(x / mean) + mean − x, which is small where both are close.
fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * libm::log(x / mean) - difference;
    }
    let ratio = difference / (x + mean);
    let square = ratio * ratio;
    let mut sum = difference * ratio;
    let mut power = 2.0 * x * ratio;
    let mut odd = 3.0;
    loop {
        power *= square;
        let next = sum + power / odd;
        if next == sum {
            return sum;
        }
        sum = next;
        odd += 2.0;
    }
}

/// log(n! / nⁿ).
pub fn log_factorial_over_power(n: f64) -> f64 {
    stirling_error(n) + 0.5 * libm::log(2.0 * PI * n) - n
}
