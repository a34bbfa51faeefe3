//! From raw scores to answers.
//!
//! `exp` and `log1p` come from `libm`, compiled into this crate: the C library's differ between
//! versions in the last bit, and a logged score must be the same after the next upgrade.

use crate::ensemble::{Compiled, Transform};

/// Turns raw scores into answers, in place.
pub fn transform(model: &Compiled<'_>, scores: &mut [f64]) {
    if model.is_average() {
        let iterations = model.iterations() as f64;
        scores.iter_mut().for_each(|score| *score /= iterations);
    }
    match model.objective().transform() {
        Transform::Identity => {}
        Transform::Sigmoid(slope) => each(scores, |x| 1.0 / (1.0 + libm::exp(-slope * x))),
        Transform::Exp => each(scores, libm::exp),
        Transform::Log1pExp => each(scores, |x| libm::log1p(libm::exp(x))),
        Transform::SignedSquare => each(scores, |x| if x < 0.0 { -x * x } else { x * x }),
        Transform::Step => each(scores, |x| if x > 0.0 { 1.0 } else { 0.0 }),
        Transform::Softmax => softmax(scores),
    }
}

fn each(scores: &mut [f64], answer: impl Fn(f64) -> f64) {
    scores.iter_mut().for_each(|score| *score = answer(*score));
}

/// Relative to the largest score, so that no power overflows.
fn softmax(scores: &mut [f64]) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = libm::exp(*score - largest);
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}
