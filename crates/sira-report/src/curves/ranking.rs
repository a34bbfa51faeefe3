//! Curves over all thresholds, and the few of their points that a plot needs.

use super::{POINTS, rounded};
use serde_json::{Value, json};

/// Scores from the highest down with the weights of both classes found so far; equal scores are one step.
pub(super) struct Steps {
    /// (true ones, others), each cumulated.
    found: Vec<(f64, f64)>,
    positive: f64,
    negative: f64,
}

impl Steps {
    /// Of (score, is true, weight) a row.
    pub fn of(rows: &[(f64, bool, f64)]) -> Self {
        let mut rows = rows.to_vec();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut positive, mut negative) = (0.0, 0.0);
        let mut found = Vec::new();
        for tied in rows.chunk_by(|a, b| a.0 == b.0) {
            for (_, is_true, weight) in tied {
                *(if *is_true { &mut positive } else { &mut negative }) += weight;
            }
            found.push((positive, negative));
        }
        Self { found, positive, negative }
    }

    pub fn roc(&self, class: &str) -> Value {
        let (mut area, mut before) = (0.0, (0.0, 0.0));
        for step in &self.found {
            area += (step.1 - before.1) * (step.0 + before.0) / 2.0;
            before = *step;
        }
        let area = area / self.positive / self.negative;
        let points: Vec<(f64, f64)> = std::iter::once((0.0, 0.0))
            .chain(
                self.found
                    .iter()
                    .map(|(positive, negative)| (negative / self.negative, positive / self.positive)),
            )
            .collect();
        json!({ "class": class, "auc": rounded(area), "points": thinned(&points) })
    }

    pub fn precision_recall(&self, class: &str) -> Value {
        let (mut sum, mut before) = (0.0, 0.0);
        let mut points = Vec::with_capacity(self.found.len() + 1);
        for (positive, negative) in &self.found {
            let precision = positive / (positive + negative);
            sum += (positive - before) * precision;
            before = *positive;
            if points.is_empty() {
                points.push((0.0, precision));
            }
            points.push((positive / self.positive, precision));
        }
        json!({
            "class": class,
            "average_precision": rounded(sum / self.positive),
            "base": rounded(self.positive / (self.positive + self.negative)),
            "points": thinned(&points),
        })
    }
}

/// At most [`POINTS`] of the points, as far apart along the curve as they can be: a steep part keeps as many as a flat one. A
/// class that nobody belongs to has no points.
fn thinned(points: &[(f64, f64)]) -> Vec<[Value; 2]> {
    let finite: Vec<(f64, f64)> =
        points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let distance = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() + (a.1 - b.1).abs();
    let length: f64 = finite.iter().zip(finite.iter().skip(1)).map(|(a, b)| distance(*a, *b)).sum();
    let step = if finite.len() <= POINTS { 0.0 } else { length / (POINTS - 2) as f64 };
    let mut kept: Vec<[Value; 2]> = Vec::new();
    let mut since = f64::INFINITY;
    let mut before: Option<(f64, f64)> = None;
    for (at, point) in finite.iter().enumerate() {
        since += before.map_or(0.0, |before| distance(before, *point));
        before = Some(*point);
        if since >= step || at + 1 == finite.len() {
            kept.push([rounded(point.0), rounded(point.1)]);
            since = 0.0;
        }
    }
    kept
}
