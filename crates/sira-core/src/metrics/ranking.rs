//! Scores from the highest down, and what asks only for that order. Equal scores are one step, whatever the order
//! of rows: a measure that told tied rows apart would measure the order in which they were read.

use super::{Weights, all_numbers, same_length, some_rows};
use crate::Result;
use std::cmp::Ordering;

/// The weight of positives and negatives at one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub score: f64,
    pub positive: f64,
    pub negative: f64,
}

/// Scores from the highest down, equal ones taken together.
#[derive(Clone, Debug)]
pub struct Ranking {
    steps: Vec<Step>,
    positive: f64,
    negative: f64,
}

/// A number whose order as an unsigned one is the order of the score; 0 and −0 are one score.
pub(super) fn key(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    bits ^ if bits >> 63 == 1 { u64::MAX } else { 1 << 63 }
}

/// The score of a key.
pub(super) fn score_of(key: u64) -> f64 {
    f64::from_bits(key ^ if key >> 63 == 1 { 1 << 63 } else { u64::MAX })
}

/// A row in the order of ranking: by score from the highest down. Ties go by content, so that sums, and so the last
/// bits, do not depend on the order of rows either: weights of 1 first, as [`super::Scores`] keeps them apart, then
/// the heaviest.
#[derive(Clone, Copy)]
pub(super) struct Ranked {
    pub(super) key: u64,
    pub(super) label: bool,
    pub(super) weight: f64,
}

impl Ranked {
    /// The order of ranking; rows that it does not tell apart are equal in everything.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let weights =
            || (self.weight != 1.0).cmp(&(other.weight != 1.0)).then(other.weight.total_cmp(&self.weight));
        let ties = || self.label.cmp(&other.label).then_with(weights);
        other.key.cmp(&self.key).then_with(ties)
    }

    pub(super) fn all(
        rows: usize,
        score: impl Fn(usize) -> f64,
        label: impl Fn(usize) -> bool,
        weights: Weights,
    ) -> Vec<Self> {
        let row = |row| Self { key: key(score(row)), label: label(row), weight: weights.of(row) };
        let mut ranked: Vec<Self> = (0..rows).map(row).collect();
        ranked.sort_unstable_by(Self::order);
        ranked
    }
}

impl Ranking {
    /// Ranks scores by weight; infinite ones are fine, for only their order counts.
    pub fn of(scores: &[f64], labels: &[bool], weights: Option<&[f64]>) -> Result<Self> {
        some_rows(scores.len())?;
        same_length("labels", labels.len(), scores.len())?;
        let weights = Weights::new(weights, scores.len())?;
        all_numbers("score", scores)?;
        let score = |row: usize| scores.get(row).copied().unwrap_or_default();
        let label = |row: usize| labels.get(row).copied().unwrap_or_default();
        Ok(Self::new(scores.len(), score, label, weights))
    }

    pub(super) fn new(
        rows: usize,
        score: impl Fn(usize) -> f64,
        label: impl Fn(usize) -> bool,
        weights: Weights,
    ) -> Self {
        let ranked = Ranked::all(rows, score, label, weights);
        Self::from_steps(ranked.chunk_by(|a, b| a.key == b.key).filter_map(|tied| {
            let side = |positive| tied.iter().filter(|row| row.label == positive).map(|row| row.weight).sum();
            Some(Step { score: score_of(tied.first()?.key), positive: side(true), negative: side(false) })
        }))
    }

    /// Takes over steps that are in order; those of no weight are no rows.
    pub(super) fn from_steps(steps: impl Iterator<Item = Step>) -> Self {
        let mut ranking = Self { steps: Vec::new(), positive: 0.0, negative: 0.0 };
        for step in steps.filter(|step| step.positive + step.negative > 0.0) {
            ranking.positive += step.positive;
            ranking.negative += step.negative;
            ranking.steps.push(step);
        }
        ranking
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The weight of all positives.
    pub fn positive(&self) -> f64 {
        self.positive
    }

    /// The weight of all negatives.
    pub fn negative(&self) -> f64 {
        self.negative
    }

    /// The chance that a positive ranks above a negative, a tie counting half. Absent when one class is missing.
    pub fn auc(&self) -> Option<f64> {
        auc(self.steps.iter().copied(), self.positive, self.negative)
    }

    /// Precision, averaged over the recall that each step adds. Absent without positives.
    pub fn average_precision(&self) -> Option<f64> {
        average_precision(self.steps.iter().copied(), self.positive)
    }

    /// The largest distance between the two classes' distributions of scores. Absent when one class is missing.
    pub fn ks(&self) -> Option<f64> {
        ks(self.steps.iter().copied(), self.positive, self.negative)
    }
}

/// The trapezoid under the ROC curve.
pub(super) fn auc(steps: impl Iterator<Item = Step>, positive: f64, negative: f64) -> Option<f64> {
    if positive <= 0.0 || negative <= 0.0 {
        return None;
    }
    let (mut above, mut area) = (0.0, 0.0);
    for step in steps {
        area += step.negative * (above + step.positive / 2.0);
        above += step.positive;
    }
    Some(area / positive / negative)
}

/// The steps under the precision-recall curve, not interpolated.
pub(super) fn average_precision(steps: impl Iterator<Item = Step>, positive: f64) -> Option<f64> {
    if positive <= 0.0 {
        return None;
    }
    let (mut hits, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for step in steps {
        hits += step.positive;
        seen += step.positive + step.negative;
        if step.positive > 0.0 {
            sum += step.positive * (hits / seen);
        }
    }
    Some(sum / positive)
}

/// The statistic of Kolmogorov and Smirnov, which is the ROC curve's largest distance from the diagonal.
pub(super) fn ks(steps: impl Iterator<Item = Step>, positive: f64, negative: f64) -> Option<f64> {
    if positive <= 0.0 || negative <= 0.0 {
        return None;
    }
    let (mut hits, mut alarms, mut largest) = (0.0, 0.0, 0.0_f64);
    for step in steps {
        hits += step.positive;
        alarms += step.negative;
        largest = largest.max((hits / positive - alarms / negative).abs());
    }
    Some(largest)
}
