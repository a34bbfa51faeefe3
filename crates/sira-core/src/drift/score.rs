//! One number for a drift run, and how grave it is.

use serde::Serialize;

/// Shares of the three parts: 0.40 concept, 0.35 data, 0.25 prediction.
const WEIGHTS: [f64; 3] = [0.40, 0.35, 0.25];

/// How grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Above 0.7 critical, above 0.4 high, above 0.2 medium.
    #[must_use]
    pub fn of(score: f64) -> Self {
        match score {
            score if score > 0.7 => Self::Critical,
            score if score > 0.4 => Self::High,
            score if score > 0.2 => Self::Medium,
            _ => Self::Low,
        }
    }
}

/// 0.40 concept + 0.35 data + 0.25 prediction, each in [0, 1]; a part without data gives its weight to the others, in
/// their proportion. `None` where there is no part at all.
#[must_use]
pub fn overall(concept: Option<f64>, data: Option<f64>, prediction: Option<f64>) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (part, weight) in [concept, data, prediction].into_iter().zip(WEIGHTS) {
        if let Some(part) = part.filter(|part| !part.is_nan()) {
            sum += weight * part.clamp(0.0, 1.0);
            weights += weight;
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

/// The data part from the scores of the features: the mean of the largest and of the average, so that one feature gone
/// wrong among thirty is not averaged away, and thirty weigh more than one.
#[must_use]
pub fn of_features(scores: &[f64]) -> Option<f64> {
    let largest = scores.iter().copied().reduce(f64::max)?;
    Some(f64::midpoint(largest, scores.iter().sum::<f64>() / scores.len() as f64))
}
