//! From the outputs of a model to the answer that people read.

use super::Bands;
use crate::signature::{Signature, Task};

/// From which probability on a binary model answers with the positive class, unless its policy says otherwise.
pub const DEFAULT_THRESHOLD: f64 = 0.7;

/// A score, what it means and what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The probability of the positive class, of the most probable class, or the value itself.
    pub score: f64,
    /// The band's class where a band names one, else the class that the task gives.
    pub class: Option<String>,
    /// Binary: max(p, 1 − p); multiclass: the largest probability; else unknown.
    pub confidence: Option<f64>,
    /// The band's decision; none without bands.
    pub decision: Option<String>,
}

/// Reads the transformed outputs of a model, one number an output.
pub fn verdict(
    signature: &Signature,
    outputs: &[f64],
    bands: Option<&Bands>,
    threshold: Option<f64>,
) -> Verdict {
    let best = position_of_largest(outputs);
    let score = outputs.get(best).copied().unwrap_or(f64::NAN);
    let (class, confidence) = match signature.task {
        Task::Binary => {
            let positive = score >= threshold.unwrap_or(DEFAULT_THRESHOLD);
            (signature.classes.get(usize::from(positive)).cloned(), Some(score.max(1.0 - score)))
        }
        Task::Multiclass => {
            (Some(signature.classes.get(best).cloned().unwrap_or_else(|| best.to_string())), Some(score))
        }
        Task::Regression | Task::Ranking | Task::Anomaly => (None, None),
    };
    let band = bands.and_then(|bands| bands.band(score));
    Verdict {
        score,
        class: band.and_then(|band| band.class.clone()).or(class),
        confidence,
        decision: band.map(|band| band.decision.clone()),
    }
}

/// The first of the largest outputs: ties go to the class that comes first, as in LightGBM.
pub fn position_of_largest(outputs: &[f64]) -> usize {
    let mut best = 0;
    for (position, value) in outputs.iter().enumerate() {
        if *value > outputs.get(best).copied().unwrap_or(f64::NEG_INFINITY) {
            best = position;
        }
    }
    best
}
