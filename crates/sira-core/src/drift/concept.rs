//! Is the model as right as it was, now that the truth is known?
//!
//! Against the metrics that the version had on its test part. As for histograms, a loss counts when it is larger than
//! what is tolerated (relative to the baseline) and larger than chance makes it, one-sided: nobody is called because a
//! model got better.

use super::rule::{Finding, Rule, decide};
use crate::metrics;
use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Labelled predictions below which nothing is said.
pub const LEAST_LABELS: usize = 100;
/// Rows of the rarer class below which no AUC is said.
pub const LEAST_OF_CLASS: usize = 10;

/// What a version achieved, as its metrics have it; unknown ones are ignored.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Before {
    pub rows: Option<f64>,
    pub prevalence: Option<f64>,
    pub auc: Option<f64>,
    pub accuracy: Option<f64>,
    /// At which `accuracy` was measured.
    pub threshold: Option<f64>,
    pub mape: Option<f64>,
}

/// What is tolerated, relative to the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Of AUC and accuracy.
    pub accuracy: f64,
    pub mape: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { accuracy: 0.10, mape: 0.15 }
    }
}

/// What the labelled predictions achieved, whatever it was before.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Now {
    pub rows: usize,
    /// The share of positives, of a binary model.
    pub prevalence: Option<f64>,
    pub auc: Option<f64>,
    pub accuracy: Option<f64>,
    pub mape: Option<f64>,
    pub mae: Option<f64>,
    pub rmse: Option<f64>,
}

/// A binary model: probabilities of the positive class, and whether it was one.
///
/// # Errors
/// `InvalidParameter` where the lengths differ.
pub fn binary(
    scores: &[f64],
    labels: &[bool],
    before: &Before,
    tolerance: Tolerance,
    rule: &Rule,
) -> Result<(Now, Vec<Finding>)> {
    same_length(scores.len(), labels.len())?;
    let n = scores.len();
    let positives = labels.iter().filter(|label| **label).count();
    let rarer = positives.min(n - positives);
    let cut = before.threshold.unwrap_or(crate::policy::DEFAULT_THRESHOLD);
    let mut now = Now { rows: n, ..Now::default() };
    if n > 0 {
        let measured = metrics::binary(scores, labels, None, cut)?;
        now.auc = measured.auc;
        now.accuracy = Some(measured.accuracy);
        now.prevalence = Some(positives as f64 / n as f64);
    }
    let mut findings = vec![few("auc", tolerance.accuracy, n, positives)];
    if n >= LEAST_LABELS {
        findings.clear();
        findings.push(match (now.auc, before.auc) {
            (Some(auc), Some(was)) if rarer >= LEAST_OF_CLASS => {
                let test_rows = before.rows.unwrap_or(f64::INFINITY);
                let share = before.prevalence.unwrap_or(0.5);
                let error = hypot(
                    auc_error(auc, positives as f64, (n - positives) as f64),
                    auc_error(was, test_rows * share, test_rows * (1.0 - share)),
                );
                loss("auc", auc, was, was - auc, error, tolerance.accuracy)
            }
            _ => few("auc", tolerance.accuracy, n, positives),
        });
        if let (Some(accuracy), Some(was)) = (now.accuracy, before.accuracy) {
            findings.push(proportion(accuracy, n as f64, was, before, tolerance));
        }
    }
    decide(&mut findings, rule);
    Ok((now, findings))
}

/// A multiclass model: whether each answer was right.
#[must_use]
pub fn multiclass(right: &[bool], before: &Before, tolerance: Tolerance, rule: &Rule) -> (Now, Vec<Finding>) {
    let n = right.len();
    let hits = right.iter().filter(|right| **right).count();
    let accuracy = (n > 0).then(|| hits as f64 / n as f64);
    let now = Now { rows: n, accuracy, ..Now::default() };
    let mut findings = vec![match (accuracy, before.accuracy) {
        (Some(accuracy), Some(was)) if n >= LEAST_LABELS => {
            proportion(accuracy, n as f64, was, before, tolerance)
        }
        _ => few("accuracy", tolerance.accuracy, n, hits),
    }];
    decide(&mut findings, rule);
    (now, findings)
}

/// A regression: values foretold and true. Only the current side's error has a deviation; the baseline's is not known.
///
/// # Errors
/// `InvalidParameter` where the lengths differ.
pub fn regression(
    predictions: &[f64],
    labels: &[f64],
    before: &Before,
    tolerance: Tolerance,
    rule: &Rule,
) -> Result<(Now, Vec<Finding>)> {
    same_length(predictions.len(), labels.len())?;
    let n = labels.len();
    let mut now = Now { rows: n, ..Now::default() };
    if n > 0 {
        let measured = metrics::regression(predictions, labels, None)?;
        (now.mape, now.mae, now.rmse) = (measured.mape, Some(measured.mae), Some(measured.rmse));
    }
    let errors: Vec<f64> = predictions
        .iter()
        .zip(labels)
        .filter(|(_, label)| **label != 0.0)
        .map(|(prediction, label)| ((prediction - label) / label).abs())
        .collect();
    let mut findings = vec![match (now.mape, before.mape) {
        (Some(mape), Some(was)) if errors.len() >= LEAST_LABELS => {
            let moments = crate::stats::population::Moments::of(&errors);
            let error = (moments.variance() / errors.len() as f64).sqrt();
            loss("mape", mape, was, mape - was, error, tolerance.mape)
        }
        _ => few("mape", tolerance.mape, errors.len(), 0),
    }];
    decide(&mut findings, rule);
    Ok((now, findings))
}

fn same_length(scores: usize, labels: usize) -> Result<()> {
    if scores == labels {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidParameter, "there are not as many labels as scores")
        .with_detail(format!("{scores} scores, {labels} labels.")))
}

fn proportion(accuracy: f64, n: f64, was: f64, before: &Before, tolerance: Tolerance) -> Finding {
    let of = |share: f64, rows: f64| (share * (1.0 - share) / rows).max(0.0).sqrt();
    let error = hypot(of(accuracy, n), of(was, before.rows.unwrap_or(f64::INFINITY)));
    loss("accuracy", accuracy, was, was - accuracy, error, tolerance.accuracy)
}

/// A loss `lost` with its standard error.
fn loss(method: &'static str, now: f64, was: f64, lost: f64, error: f64, threshold: f64) -> Finding {
    let p_value = match lost {
        lost if lost <= 0.0 => 1.0,
        _ if error > 0.0 => libm::erfc(lost / error / std::f64::consts::SQRT_2) / 2.0,
        _ => 0.0,
    };
    Finding {
        pair: 0,
        method,
        statistic: Some(now),
        p_value: Some(p_value),
        adjusted_p_value: None,
        effect_size: Some(if was > 0.0 { lost / was } else { lost }),
        threshold,
        detected: false,
        score: 0.0,
        note: None,
    }
}

fn few(method: &'static str, threshold: f64, labels: usize, positives: usize) -> Finding {
    Finding {
        pair: 0,
        method,
        statistic: None,
        p_value: None,
        adjusted_p_value: None,
        effect_size: None,
        threshold,
        detected: false,
        score: 0.0,
        note: Some(format!(
            "{labels} labelled predictions, {positives} of them positive or right; {LEAST_LABELS} labels, of a binary model \
             {LEAST_OF_CLASS} of each class, and a metric of the version are needed"
        )),
    }
}

/// The standard error of an AUC: Hanley and McNeil, "The meaning and use of the area under a receiver operating
/// characteristic (ROC) curve" (1982).
#[must_use]
pub fn auc_error(auc: f64, positives: f64, negatives: f64) -> f64 {
    if !(positives > 0.0 && negatives > 0.0) || positives.is_infinite() || negatives.is_infinite() {
        return 0.0;
    }
    let (q1, q2) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
    let square = auc * auc;
    let spread = auc * (1.0 - auc) + (positives - 1.0) * (q1 - square) + (negatives - 1.0) * (q2 - square);
    (spread.max(0.0) / (positives * negatives)).sqrt()
}

fn hypot(a: f64, b: f64) -> f64 {
    libm::hypot(a, b)
}
