//! What a part of the rows looks like, in a few numbers that add up.

use serde::{Deserialize, Serialize};

/// Counts over the bins of a layout, and the moments of the finite values.
///
/// The moments are taken from a fixed value (the mean of the baseline): unlike those of Welford they are merged by plain
/// addition, by a `sum` in SQL as well, and unlike sums from zero they do not cancel where a mean is large beside its
/// deviation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sketch {
    pub counts: Vec<u64>,
    /// Values that are neither missing nor infinite.
    pub finite: u64,
    pub shifted_sum: f64,
    pub shifted_squares: f64,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
}

impl Sketch {
    #[must_use]
    pub fn empty(bins: usize) -> Self {
        Self { counts: vec![0; bins], ..Self::default() }
    }

    /// One value more, in its bin.
    pub fn add(&mut self, bin: usize, value: f64, shift: f64) {
        if let Some(count) = self.counts.get_mut(bin) {
            *count += 1;
        }
        if value.is_finite() {
            let shifted = value - shift;
            self.finite += 1;
            self.shifted_sum += shifted;
            self.shifted_squares += shifted * shifted;
            self.minimum = Some(self.minimum.map_or(value, |least| least.min(value)));
            self.maximum = Some(self.maximum.map_or(value, |most| most.max(value)));
        }
    }

    /// The rows of both.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.finite += other.finite;
        self.shifted_sum += other.shifted_sum;
        self.shifted_squares += other.shifted_squares;
        let both = |a: Option<f64>, b: Option<f64>, pick: fn(f64, f64) -> f64| match (a, b) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (one, None) | (None, one) => one,
        };
        self.minimum = both(self.minimum, other.minimum, f64::min);
        self.maximum = both(self.maximum, other.maximum, f64::max);
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Rows without a value.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.counts.last().copied().unwrap_or(0)
    }

    /// The mean of the finite values.
    #[must_use]
    pub fn mean(&self, shift: f64) -> Option<f64> {
        (self.finite > 0).then(|| shift + self.shifted_sum / self.finite as f64)
    }

    /// The standard deviation of the finite values, of n − 1.
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        let n = self.finite as f64;
        (self.finite > 1).then(|| {
            let squares = self.shifted_squares - self.shifted_sum * self.shifted_sum / n;
            (squares.max(0.0) / (n - 1.0)).sqrt()
        })
    }
}
