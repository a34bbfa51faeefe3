//! Gauss–Legendre points and weights on [0, 1].

use std::f64::consts::PI;

/// `order` points with their weights, exact for polynomials of degree 2·order − 1. Newton's method
/// on the Legendre polynomial from Tricomi's estimate; computed when a model is compiled.
pub(crate) fn gauss_legendre(order: usize) -> Vec<(f64, f64)> {
    let n = order as f64;
    (0..order)
        .map(|number| {
            let mut x = libm::cos(PI * (number as f64 + 0.75) / (n + 0.5));
            let mut slope = 1.0;
            for _ in 0..100 {
                let (value, derivative) = legendre(order, x);
                slope = derivative;
                let move_by = value / derivative;
                x -= move_by;
                if move_by.abs() <= 1e-16 {
                    break;
                }
            }
            // From [−1, 1] to [0, 1]: half the width, hence half the weight.
            (0.5 * (1.0 + x), 1.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

/// The Legendre polynomial of degree `order` ≥ 1 and its derivative, inside (−1, 1).
fn legendre(order: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=order {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, order as f64 * (x * value - before) / (x * x - 1.0))
}
