//! Isotonic calibration: the rising line that fits best.
//!
//! Pool adjacent violators (Ayer et al. 1955; Zadrozny and Elkan 2002 for calibration). As in scikit-learn, equal scores
//! count as one point with their mean, what lies between two points is interpolated, and what lies beyond the last one
//! is held.

use super::{Point, invalid};
use crate::Result;
use serde::{Deserialize, Serialize};

/// The corners of the line: `x` rises, `y` does not fall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
}

impl Isotonic {
    pub(super) fn apply(&self, score: f64) -> f64 {
        if score.is_nan() {
            return score;
        }
        let right = self.x.partition_point(|x| *x < score);
        let corner = |at: usize| Some((*self.x.get(at)?, *self.y.get(at)?));
        match (right.checked_sub(1).and_then(corner), corner(right)) {
            (Some((x0, y0)), Some((x1, y1))) => {
                // Rounding must not carry a score past its neighbours: the order of scores is kept.
                ((y1 - y0) / (x1 - x0) * (score - x0) + y0).clamp(y0, y1)
            }
            (Some((_, y)), None) | (None, Some((_, y))) => y,
            (None, None) => f64::NAN,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let rises = |values: &[f64], fits: fn(f64, f64) -> bool| {
            values.iter().zip(values.iter().skip(1)).all(|(a, b)| fits(*a, *b))
        };
        let fits = !self.x.is_empty()
            && self.x.len() == self.y.len()
            && self.x.iter().all(|x| x.is_finite())
            && self.y.iter().all(|y| (0.0..=1.0).contains(y))
            && rises(&self.x, |a, b| a < b)
            && rises(&self.y, |a, b| a <= b);
        if fits {
            return Ok(());
        }
        Err(invalid("an isotonic calibration does not rise from point to point".to_owned())
            .with_hint("Give as many \"x\" as \"y\": x rising, y from 0 to 1 and never falling."))
    }
}

/// Points of one mean.
struct Pool {
    first: usize,
    last: usize,
    weight: f64,
    sum: f64,
}

impl Pool {
    fn mean(&self) -> f64 {
        self.sum / self.weight
    }
}

pub(super) fn fit(points: &[Point]) -> Isotonic {
    let merged = merge_equal(points);
    let mut pools: Vec<Pool> = Vec::new();
    for (at, (_, weight, sum)) in merged.iter().enumerate() {
        let mut pool = Pool { first: at, last: at, weight: *weight, sum: *sum };
        while let Some(before) = pools.pop_if(|before| before.mean() >= pool.mean()) {
            pool = Pool {
                first: before.first,
                last: pool.last,
                weight: before.weight + pool.weight,
                sum: before.sum + pool.sum,
            };
        }
        pools.push(pool);
    }
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for pool in &pools {
        let mean = pool.mean().clamp(0.0, 1.0);
        // Points inside a level stretch say nothing that its ends do not.
        let ends = [Some(pool.first), Some(pool.last).filter(|last| *last != pool.first)];
        for (score, _, _) in ends.into_iter().flatten().filter_map(|at| merged.get(at)) {
            x.push(*score);
            y.push(mean);
        }
    }
    Isotonic { x, y }
}

/// By rising score: the weight there, and the weight of the positives. What has no weight is not there.
fn merge_equal(points: &[Point]) -> Vec<(f64, f64, f64)> {
    let mut sorted: Vec<&Point> = points.iter().filter(|point| point.weight > 0.0).collect();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let mut merged: Vec<(f64, f64, f64)> = Vec::new();
    for point in sorted {
        let positive = if point.label { point.weight } else { 0.0 };
        match merged.last_mut() {
            Some((score, weight, sum)) if *score == point.score => {
                *weight += point.weight;
                *sum += positive;
            }
            _ => merged.push((point.score, point.weight, positive)),
        }
    }
    merged
}
