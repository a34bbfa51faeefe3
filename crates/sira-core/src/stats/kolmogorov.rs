//! The distribution of Kolmogorov's two-sided statistic for one sample of n values.
//!
//! No single method holds its digits everywhere; the choice among them is that of Simard and L'Ecuyer, "Computing the
//! two-sided Kolmogorov-Smirnov distribution" (2011), with scipy's borders: the closed forms of Ruben and Gambino at
//! both ends, the matrix of Marsaglia, Tsang and Wang ("Evaluating Kolmogorov's distribution", 2003) for small n or
//! small distances, twice the one-sided tail (Miller's approximation) far out, and the series of Pelz and Good
//! ("Approximating the lower tail-areas of the Kolmogorov-Smirnov one-sample statistic", 1976) between.

use super::special::{binomial_probability, log_factorial_over_power};
use std::f64::consts::PI;

/// P(D ≥ d) for a sample of `n` values.
pub fn tail(n: f64, d: f64) -> f64 {
    let scaled = n * d;
    if n < 1.0 || scaled <= 0.5 {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    if scaled <= 1.0 {
        return 1.0 - libm::exp(log_factorial_over_power(n) + n * libm::log(2.0 * scaled - 1.0));
    }
    if scaled >= n - 1.0 {
        return 2.0 * libm::pow(1.0 - d, n);
    }
    if d >= 0.5 {
        return 2.0 * one_sided_tail(n, d);
    }
    let square = scaled * d;
    if n <= 140.0 {
        return if square <= 4.0 { 1.0 - matrix(n, d) } else { 2.0 * one_sided_tail(n, d) };
    }
    if square >= 370.0 {
        0.0
    } else if square >= 2.2 {
        2.0 * one_sided_tail(n, d)
    } else if n <= 100_000.0 && n * d * d.sqrt() <= 1.4 {
        1.0 - matrix(n, d)
    } else {
        1.0 - pelz_good(n, d)
    }
}

/// Smirnov's sum for the one-sided statistic: d Σ C(n, j) (d + j/n)^(j − 1) (1 − d − j/n)^(n − j) over j ≤ n (1 − d).
fn one_sided_tail(n: f64, d: f64) -> f64 {
    let last = libm::floor(n * (1.0 - d));
    let mut sum = 0.0;
    let mut j = 0.0;
    while j <= last {
        let p = d + j / n;
        let q = 1.0 - d - j / n;
        if q >= 0.0 {
            sum += d / p * binomial_probability(j, n, p, q);
        }
        j += 1.0;
    }
    sum.min(1.0)
}

/// P(D < d): n!/nⁿ times the middle element of a matrix to the n-th power.
fn matrix(n: f64, d: f64) -> f64 {
    let k = libm::floor(n * d) as usize + 1;
    let size = 2 * k - 1;
    let h = k as f64 - n * d;
    let mut base = vec![0.0; size * size];
    for (row, cells) in base.chunks_exact_mut(size).enumerate() {
        for (column, cell) in cells.iter_mut().enumerate() {
            *cell = if row + 1 < column { 0.0 } else { 1.0 };
            if column == 0 {
                *cell -= libm::pow(h, (row + 1) as f64);
            }
            if row + 1 == size {
                *cell -= libm::pow(h, (size - column) as f64);
            }
            if column == 0 && row + 1 == size && 2.0 * h > 1.0 {
                *cell += libm::pow(2.0 * h - 1.0, size as f64);
            }
            // Divided by (row − column + 1)!, where that is above 1.
            for divisor in 2..=(row + 1).saturating_sub(column) {
                *cell /= divisor as f64;
            }
        }
    }
    let middle = (k - 1) * size + k - 1;
    let (power, exponent) = raise(&base, size, n as u64, middle);
    let log = log_factorial_over_power(n);
    power.get(middle).map_or(0.0, |cell| cell * libm::exp(log + exponent as f64 * std::f64::consts::LN_2))
}

/// A matrix to a power, with the powers of two that were taken out on the way so that nothing overflows.
fn raise(base: &[f64], size: usize, power: u64, middle: usize) -> (Vec<f64>, i64) {
    let mut result: Vec<f64> =
        (0..size * size).map(|at| if at % (size + 1) == 0 { 1.0 } else { 0.0 }).collect();
    let (mut square, mut remaining) = (base.to_vec(), power);
    let (mut exponent, mut square_exponent) = (0_i64, 0_i64);
    while remaining > 0 {
        if remaining & 1 == 1 {
            result = product(&result, &square, size);
            exponent += square_exponent + rescale(&mut result, middle);
        }
        remaining >>= 1;
        if remaining > 0 {
            square = product(&square, &square, size);
            square_exponent = 2 * square_exponent + rescale(&mut square, middle);
        }
    }
    (result, exponent)
}

fn rescale(matrix: &mut [f64], middle: usize) -> i64 {
    let Some(scale) = matrix.get(middle).copied().filter(|cell| *cell > 0.0) else { return 0 };
    let (_, exponent) = libm::frexp(scale);
    if exponent.abs() < 400 {
        return 0;
    }
    for cell in matrix {
        *cell = libm::ldexp(*cell, -exponent);
    }
    i64::from(exponent)
}

fn product(left: &[f64], right: &[f64], size: usize) -> Vec<f64> {
    let mut result = vec![0.0; size * size];
    for (target, row) in result.chunks_exact_mut(size).zip(left.chunks_exact(size)) {
        for (factor, other) in row.iter().zip(right.chunks_exact(size)) {
            for (cell, value) in target.iter_mut().zip(other) {
                *cell += factor * value;
            }
        }
    }
    result
}

/// P(D < d) by the first four terms of the expansion in 1/√n, each a rapidly converging theta series.
fn pelz_good(n: f64, d: f64) -> f64 {
    let z = n.sqrt() * d;
    let (z2, z4, z6) = (z.powi(2), z.powi(4), z.powi(6));
    let (pi2, pi4, pi6) = (PI.powi(2), PI.powi(4), PI.powi(6));
    let (mut k0, mut k1, mut k2, mut k3) = (0.0, 0.0, 0.0, 0.0);
    for k in (0..TERMS).rev() {
        // Odd multiples of π/2.
        let a = f64::from(k) + 0.5;
        let (a2, a4, a6) = (a.powi(2), a.powi(4), a.powi(6));
        let odd = libm::exp(-pi2 * a2 / (2.0 * z2));
        k0 += odd;
        k1 += (pi2 * a2 - z2) * odd;
        k2 += (6.0 * z6 + 2.0 * z4 + pi2 * (2.0 * z4 - 5.0 * z2) * a2 + pi4 * (1.0 - 2.0 * z2) * a4) * odd;
        k3 += (-30.0 * z6 - 90.0 * z.powi(8)
            + pi2 * (135.0 * z4 - 96.0 * z6) * a2
            + pi4 * (212.0 * z4 - 60.0 * z2) * a4
            + pi6 * (5.0 - 30.0 * z2) * a6)
            * odd;
    }
    let (mut k2_even, mut k3_even) = (0.0, 0.0);
    for k in (1..=TERMS).rev() {
        // Whole multiples of π.
        let b2 = f64::from(k).powi(2);
        let even = libm::exp(-pi2 * b2 / (2.0 * z2));
        k2_even += pi2 * b2 * even;
        k3_even += (3.0 * pi2 * z2 * b2 - pi4 * b2 * b2) * even;
    }
    let half = (PI / 2.0).sqrt();
    let twice = (2.0 * PI).sqrt();
    let first = twice / z * k0;
    let second = half / (3.0 * z4) * k1;
    let third = half / (36.0 * z.powi(7)) * k2 - half / (18.0 * z.powi(3)) * k2_even;
    let fourth = half / (3240.0 * z.powi(10)) * k3 + half / (108.0 * z6) * k3_even;
    let root = n.sqrt();
    (first + second / root + third / n + fourth / (n * root)).clamp(0.0, 1.0)
}

/// Enough that the last term of each series is below the last digit for every z up to √2.2 and far beyond.
const TERMS: i32 = 20;
