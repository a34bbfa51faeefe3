//! The curves that people look at, thinned to what a plot can show.

use serde::Serialize;

use super::ranking::Ranking;

/// A point of a curve and the threshold that is there; absent at the end where nothing is called positive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    pub threshold: Option<f64>,
    pub x: f64,
    pub y: f64,
}

/// The ROC curve from (0, 0) to (1, 1): x the false positive rate, y recall. Empty when one class is missing.
pub fn roc(ranking: &Ranking, at_most: usize) -> Vec<Point> {
    let (positive, negative) = (ranking.positive(), ranking.negative());
    if positive <= 0.0 || negative <= 0.0 {
        return Vec::new();
    }
    let start = Point { threshold: None, x: 0.0, y: 0.0 };
    let points = called(ranking).map(|(threshold, hits, alarms)| Point {
        threshold: Some(threshold),
        x: alarms / negative,
        y: hits / positive,
    });
    thinned(std::iter::once(start).chain(points).collect(), at_most)
}

/// The precision-recall curve from the highest threshold down: x recall, y precision. It begins at recall 0 with
/// precision 1, as scikit-learn's ends there. Empty without positives.
pub fn precision_recall(ranking: &Ranking, at_most: usize) -> Vec<Point> {
    let positive = ranking.positive();
    if positive <= 0.0 {
        return Vec::new();
    }
    let start = Point { threshold: None, x: 0.0, y: 1.0 };
    let points = called(ranking).map(|(threshold, hits, alarms)| Point {
        threshold: Some(threshold),
        x: hits / positive,
        y: hits / (hits + alarms),
    });
    thinned(std::iter::once(start).chain(points).collect(), at_most)
}

/// Every score with the weight of positives and negatives from it on.
fn called(ranking: &Ranking) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
    ranking.steps().iter().scan((0.0, 0.0), |(hits, alarms), step| {
        *hits += step.positive;
        *alarms += step.negative;
        Some((step.score, *hits, *alarms))
    })
}

/// Leaves points out evenly along the curve; both ends stay. Every point that is left is one of the curve.
pub fn thinned(points: Vec<Point>, at_most: usize) -> Vec<Point> {
    let at_most = at_most.max(2);
    if points.len() <= at_most {
        return points;
    }
    let length = |pair: &[Point]| match pair {
        [a, b] => (b.x - a.x).abs() + (b.y - a.y).abs(),
        _ => 0.0,
    };
    let total: f64 = points.windows(2).map(length).sum();
    let stride = total / (at_most - 1) as f64;
    let (mut kept, mut way) = (Vec::with_capacity(at_most), 0.0);
    kept.extend(points.first().copied());
    for pair in points.windows(2) {
        way += length(pair);
        if kept.len() + 1 < at_most && way >= stride * kept.len() as f64 {
            kept.extend(pair.last().copied());
        }
    }
    if kept.last() != points.last() {
        kept.extend(points.last().copied());
    }
    kept
}
