//! Where a reference sample is cut, and how another sample falls into the cuts.
//!
//! Every bin holds about the same share of the reference, so that a shift anywhere shows. The outer bins are open, and
//! missing values have the last bin to themselves.

use super::sorted;
use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a reference is cut into where nobody says otherwise: tenths.
pub const DEFAULT_BINS: usize = 10;

/// Ascending cut points. Bin `i` holds the values in `[cut(i − 1), cut(i))`; the first and last are open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutPoints(Vec<f64>);

impl CutPoints {
    /// Cut points that a caller chose.
    ///
    /// # Errors
    /// `InvalidParameter` where they do not ascend or one is NaN.
    pub fn new(points: Vec<f64>) -> Result<Self> {
        let ascending = points.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        if !ascending || points.iter().any(|point| point.is_nan()) {
            return Err(Error::new(ErrorKind::InvalidParameter, "cut points do not ascend")
                .with_detail(format!("{points:?}"))
                .with_hint("Give each point once, the smallest first, such as '{0.3, 0.5, 0.7}'."));
        }
        Ok(Self(points))
    }

    /// Cuts a reference into up to `bins` bins of about equal share.
    ///
    /// A value that alone has more than its share takes a bin, and the others share what is left: the amounts of a
    /// column that is mostly 0 are still told apart. Where there are no more distinct values than bins, each is a bin,
    /// and so is what lies below and above them all.
    #[must_use]
    pub fn of_reference(reference: &[f64], bins: usize) -> Self {
        let sorted = sorted(reference);
        let runs: Vec<&[f64]> = sorted.chunk_by(|a, b| a == b).collect();
        let value = |run: &[f64]| run.first().copied();
        let bins = bins.max(2);
        if runs.len() <= bins {
            let mut points: Vec<f64> = runs.iter().filter_map(|run| value(run)).collect();
            points.extend(points.last().copied().map(above).filter(|point| Some(point) != points.last()));
            return Self(points);
        }
        let mut points = Vec::new();
        let (mut left, mut inside) = (sorted.len() as f64, 0.0);
        for run in runs {
            let share = left / (bins - points.len()) as f64;
            let length = run.len() as f64;
            // The run goes to the side that it fits better.
            if inside > 0.0 && inside + length / 2.0 > share && points.len() + 1 < bins {
                points.extend(value(run));
                left -= inside;
                inside = 0.0;
            }
            inside += length;
        }
        Self(points)
    }

    #[must_use]
    pub fn points(&self) -> &[f64] {
        &self.0
    }

    /// The number of bins, the one for missing values included.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.0.len() + 2
    }

    /// The bin of a value.
    #[must_use]
    pub fn bin(&self, value: f64) -> usize {
        if value.is_nan() { self.0.len() + 1 } else { self.0.partition_point(|point| *point <= value) }
    }

    /// How many values fall into each bin; NaN is a missing value.
    #[must_use]
    pub fn count(&self, sample: &[f64]) -> Vec<u64> {
        let mut counts = vec![0; self.bins()];
        for value in sample {
            if let Some(count) = counts.get_mut(self.bin(*value)) {
                *count += 1;
            }
        }
        counts
    }
}

/// The least number above a finite one.
fn above(value: f64) -> f64 {
    if value.is_finite() { value.next_up() } else { value }
}

/// Counts of two sides, category by category; what the reference never saw is one bin, and missing values another.
///
/// A new category would otherwise be a bin with an empty reference each: ten rare ones would weigh ten times as much
/// as one.
#[must_use]
pub fn categories<'a>(
    reference: impl IntoIterator<Item = Option<&'a str>>,
    current: impl IntoIterator<Item = Option<&'a str>>,
) -> (Vec<u64>, Vec<u64>) {
    let mut known: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let (mut unseen, mut missing) = (0, (0, 0));
    for value in reference {
        match value {
            Some(category) => known.entry(category).or_default().0 += 1,
            None => missing.0 += 1,
        }
    }
    for value in current {
        match value {
            Some(category) => match known.get_mut(category) {
                Some((_, count)) => *count += 1,
                None => unseen += 1,
            },
            None => missing.1 += 1,
        }
    }
    let (mut before, mut after): (Vec<u64>, Vec<u64>) = known.into_values().unzip();
    before.extend([0, missing.0]);
    after.extend([unseen, missing.1]);
    (before, after)
}
