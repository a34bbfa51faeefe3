//! The two measures that ask only for the order of scores. Equal scores are one step, in any order of rows.

use super::Weights;

/// Weight of positives and negatives at one score.
struct Step {
    positive: f64,
    negative: f64,
}

/// Scores from the highest down, equal ones taken together.
pub(super) struct Ranking {
    steps: Vec<Step>,
    positive: f64,
    negative: f64,
}

impl Ranking {
    pub(super) fn new(
        rows: usize,
        score: impl Fn(usize) -> f64,
        label: impl Fn(usize) -> bool,
        w: Weights,
    ) -> Self {
        let mut order: Vec<(f64, usize)> = (0..rows).map(|row| (score(row), row)).collect();
        // Ties by row keep the sums, and so the last bits, the same from run to run.
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut ranking = Self { steps: Vec::new(), positive: 0.0, negative: 0.0 };
        for tied in order.chunk_by(|a, b| a.0 == b.0) {
            let mut step = Step { positive: 0.0, negative: 0.0 };
            for (_, row) in tied {
                *(if label(*row) { &mut step.positive } else { &mut step.negative }) += w.of(*row);
            }
            ranking.positive += step.positive;
            ranking.negative += step.negative;
            ranking.steps.push(step);
        }
        ranking
    }

    /// The chance that a positive ranks above a negative, a tie counting half: the trapezoid under the ROC curve.
    pub(super) fn auc(&self) -> Option<f64> {
        if self.positive <= 0.0 || self.negative <= 0.0 {
            return None;
        }
        let (mut above, mut area) = (0.0, 0.0);
        for step in &self.steps {
            area += step.negative * (above + step.positive / 2.0);
            above += step.positive;
        }
        Some(area / self.positive / self.negative)
    }

    /// Precision, averaged over the recall that each step adds; steps are not interpolated.
    pub(super) fn average_precision(&self) -> Option<f64> {
        if self.positive <= 0.0 {
            return None;
        }
        let (mut hits, mut seen, mut sum) = (0.0, 0.0, 0.0);
        for step in &self.steps {
            hits += step.positive;
            seen += step.positive + step.negative;
            if step.positive > 0.0 {
                sum += step.positive * (hits / seen);
            }
        }
        Some(sum / self.positive)
    }
}
