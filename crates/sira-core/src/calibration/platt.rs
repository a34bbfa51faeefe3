//! Platt's calibration: p = 1 / (1 + exp(a·s + b)).
//!
//! J. Platt, Probabilistic outputs for support vector machines (1999), fitted as H.-T. Lin, C.-J. Lin and R. Weng
//! (A note on Platt's probabilistic outputs, Machine Learning 68, 2007) fit it: Newton's method with backtracking on a
//! convex loss, in a form that neither overflows nor cancels. The targets are Platt's: not 0 and 1 but what a prior of
//! one case each leaves of them, so that separable data do not drive a to infinity.

use super::{Point, invalid};
use crate::Result;
use serde::{Deserialize, Serialize};

/// Newton steps; the loss is convex in two numbers, and a dozen are usual.
const MOST_STEPS: usize = 200;

/// Keeps the Hessian invertible where all scores are equal.
const RIDGE: f64 = 1e-12;

/// Halvings of a step before it is given up.
const SHORTEST: f64 = 1e-10;

/// The two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    pub a: f64,
    pub b: f64,
}

impl Platt {
    pub(super) fn apply(&self, score: f64) -> f64 {
        1.0 / (1.0 + libm::exp(self.a * score + self.b))
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.a.is_finite() && self.b.is_finite() {
            return Ok(());
        }
        Err(invalid("a calibration's numbers are not finite".to_owned()))
    }
}

/// A point with the target that its label stands for.
#[derive(Clone, Copy)]
struct Target {
    score: f64,
    target: f64,
    weight: f64,
}

pub(super) fn fit(points: &[Point]) -> Platt {
    let total = |label: bool| -> f64 {
        points.iter().filter(|point| point.label == label).map(|point| point.weight).sum()
    };
    let (negative, positive) = (total(false), total(true));
    let (low, high) = (1.0 / (negative + 2.0), (positive + 1.0) / (positive + 2.0));
    let targets: Vec<Target> = points
        .iter()
        .map(|point| Target {
            score: point.score,
            target: if point.label { high } else { low },
            weight: point.weight,
        })
        .collect();
    newton(&targets, Platt { a: 0.0, b: libm::log((negative + 1.0) / (positive + 1.0)) }, negative + positive)
}

fn newton(targets: &[Target], start: Platt, weight: f64) -> Platt {
    let mut at = start;
    let mut loss = loss_of(targets, at);
    for _ in 0..MOST_STEPS {
        let (mut h11, mut h22, mut h21, mut g1, mut g2) = (RIDGE, RIDGE, 0.0, 0.0, 0.0);
        for point in targets {
            let p = probability(at.a * point.score + at.b);
            let curve = point.weight * p * (1.0 - p);
            let slope = point.weight * (point.target - p);
            h11 += point.score * point.score * curve;
            h22 += curve;
            h21 += point.score * curve;
            g1 += point.score * slope;
            g2 += slope;
        }
        if g1.abs().max(g2.abs()) <= 1e-13 * weight {
            break;
        }
        let determinant = h11 * h22 - h21 * h21;
        let (da, db) = (-(h22 * g1 - h21 * g2) / determinant, -(h11 * g2 - h21 * g1) / determinant);
        let descent = g1 * da + g2 * db;
        let mut step = 1.0;
        let next = loop {
            let tried = Platt { a: at.a + step * da, b: at.b + step * db };
            let reached = loss_of(targets, tried);
            if reached < loss + 1e-4 * step * descent {
                break Some((tried, reached));
            }
            step /= 2.0;
            if step < SHORTEST {
                break None;
            }
        };
        // What no step improves is the minimum, as far as the numbers can tell.
        let Some((better, reached)) = next else { break };
        (at, loss) = (better, reached);
    }
    at
}

/// The negative logarithm of the likelihood.
fn loss_of(targets: &[Target], at: Platt) -> f64 {
    targets
        .iter()
        .map(|point| {
            let x = at.a * point.score + at.b;
            let loss = if x >= 0.0 {
                point.target * x + libm::log1p(libm::exp(-x))
            } else {
                (point.target - 1.0) * x + libm::log1p(libm::exp(x))
            };
            point.weight * loss
        })
        .sum()
}

fn probability(x: f64) -> f64 {
    if x >= 0.0 {
        let e = libm::exp(-x);
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + libm::exp(x))
    }
}
