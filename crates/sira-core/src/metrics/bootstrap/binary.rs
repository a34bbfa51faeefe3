//! Intervals of a binary model's measures: one pass over rows in the order of their scores a resample.

use super::super::decision::Confusion;
use super::super::ranking::{Ranked, score_of};
use super::super::{BINS, Weights, all_finite, binary as measured, calibration, log_loss_of};
use super::{Bootstrap, Interval, Progress, share};
use crate::Result;

pub(super) const NAMES: [&str; 14] = [
    "prevalence",
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "ks",
    "calibration_error",
    "accuracy",
    "precision",
    "recall",
    "f1",
    "specificity",
    "fpr",
    "fnr",
];

/// A row in the order of ranking, with what it adds to every measure.
pub(super) struct Row {
    weight: f64,
    positive: bool,
    /// The last row of its score.
    last: bool,
    called: bool,
    bin: u8,
    score: f64,
    loss: f64,
    square: f64,
}

/// Intervals of the measures of [`measured`], under the same names.
pub fn binary(
    scores: &[f64],
    labels: &[bool],
    weights: Option<&[f64]>,
    threshold: f64,
    how: &Bootstrap,
    progress: Progress,
) -> Result<Vec<Interval>> {
    let (rows, probable) = prepared(scores, labels, weights, threshold)?;
    let strata = how.strata(2, rows.iter().map(|row| usize::from(row.positive)))?;
    how.run(NAMES, &strata, progress, |counts| measure(&rows, counts, probable))
}

/// The rows in the order of ranking, and whether every score is a probability. Refuses what cannot be measured.
pub(super) fn prepared(
    scores: &[f64],
    labels: &[bool],
    weights: Option<&[f64]>,
    threshold: f64,
) -> Result<(Vec<Row>, bool)> {
    measured(scores, labels, weights, threshold)?;
    all_finite("threshold", &[threshold])?;
    let score = |row: usize| scores.get(row).copied().unwrap_or_default();
    let label = |row: usize| labels.get(row).copied().unwrap_or_default();
    let ranked = Ranked::all(scores.len(), score, label, Weights::new(weights, scores.len())?);
    let probable = scores.iter().all(|score| (0.0..=1.0).contains(score));
    let next = ranked.iter().skip(1).map(|row| Some(row.key)).chain([None]);
    let rows = ranked.iter().zip(next).map(|(row, next)| Row::new(row, next, threshold, probable)).collect();
    Ok((rows, probable))
}

impl Row {
    fn new(row: &Ranked, next: Option<u64>, threshold: f64, probable: bool) -> Self {
        let score = score_of(row.key);
        let error = score - f64::from(row.label);
        Self {
            weight: row.weight,
            positive: row.label,
            last: next != Some(row.key),
            called: score >= threshold,
            bin: if probable { calibration::uniform_bin(score, BINS) as u8 } else { 0 },
            score,
            loss: if probable { log_loss_of(if row.label { score } else { 1.0 - score }) } else { 0.0 },
            square: error * error,
        }
    }
}

pub(super) fn measure(rows: &[Row], counts: &[u32], probable: bool) -> [f64; 14] {
    let counted = || rows.iter().zip(counts).map(|(row, count)| (row, row.weight * f64::from(*count)));
    let (mut positives, mut negatives) = (0.0, 0.0);
    for (row, weight) in counted() {
        *(if row.positive { &mut positives } else { &mut negatives }) += weight;
    }
    let (mut hits, mut alarms, mut step) = (0.0, 0.0, [0.0; 2]);
    let (mut area, mut precisions, mut ks) = (0.0, 0.0, 0.0_f64);
    let (mut loss, mut square, mut bins) = (0.0, 0.0, [[0.0; 2]; BINS]);
    let (mut tp, mut fp) = (0.0, 0.0);
    for (row, weight) in counted() {
        if weight > 0.0 {
            step[usize::from(row.positive)] += weight;
            loss += weight * row.loss;
            square += weight * row.square;
            if let Some([score, truth]) = bins.get_mut(usize::from(row.bin)) {
                *score += weight * row.score;
                *truth += weight * f64::from(row.positive);
            }
        }
        if row.last {
            let [negative, positive] = std::mem::take(&mut step);
            area += negative * (hits + positive / 2.0);
            hits += positive;
            alarms += negative;
            if positive > 0.0 {
                precisions += positive * (hits / (hits + alarms));
            }
            ks = ks.max((hits / positives - alarms / negatives).abs());
            if row.called {
                (tp, fp) = (hits, alarms);
            }
        }
    }
    let total = positives + negatives;
    let left = |all: f64, called: f64| (all - called).max(0.0);
    let decided = Confusion { tp, fp, tn: left(negatives, fp), fn_: left(positives, tp) };
    let both = positives > 0.0 && negatives > 0.0;
    let only_if = |said: bool, value: f64| if said && total > 0.0 { value } else { f64::NAN };
    let apart: f64 = bins.iter().map(|[score, truth]| (score - truth).abs()).sum();
    let [accuracy, precision, recall, f1, specificity, fpr, fnr] = [
        decided.accuracy(),
        decided.precision(),
        decided.recall(),
        decided.f1(),
        decided.specificity(),
        decided.fpr(),
        decided.fnr(),
    ]
    .map(|value| value.unwrap_or(f64::NAN));
    [
        share(positives, total),
        only_if(both, area / positives / negatives),
        share(precisions, positives),
        only_if(probable, loss / total),
        only_if(probable, square / total),
        only_if(both, ks),
        only_if(probable, apart / total),
        accuracy,
        precision,
        recall,
        f1,
        specificity,
        fpr,
        fnr,
    ]
}
