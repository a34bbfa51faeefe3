//! The arithmetic that serving and training share, so that it cannot differ.

use super::exact::{Accumulator, deviation};

/// Seconds between two times, rounded once from the microseconds and once from the division.
pub(super) fn seconds(from: i64, until: i64) -> f64 {
    (i128::from(until) - i128::from(from)) as f64 / 1e6
}

/// The key that counts what is distinct: 0 and −0 are one value.
pub(super) fn distinct_key(key: u64) -> u64 {
    const MINUS_ZERO: u64 = !(1 << 63);
    if key == MINUS_ZERO { 1 << 63 } else { key }
}

/// A sum, as SQL adds: what is not finite wins, exactness is for the rest.
pub(super) struct Sum {
    values: Accumulator,
    count: u32,
    special: Special,
}

/// How many numbers were not finite.
#[derive(Clone, Copy, Default)]
pub(super) struct Special {
    pub(super) nan: u32,
    pub(super) above: u32,
    pub(super) below: u32,
}

impl Special {
    pub(super) fn put(&mut self, number: f64, sign: i64) {
        let cell = if number.is_nan() {
            &mut self.nan
        } else if number > 0.0 {
            &mut self.above
        } else {
            &mut self.below
        };
        *cell = cell.wrapping_add_signed(sign as i32);
    }

    /// What came between two sums.
    pub(super) fn without(&self, earlier: &Self) -> Self {
        let Self { nan, above, below } = *self;
        Self { nan: nan - earlier.nan, above: above - earlier.above, below: below - earlier.below }
    }

    /// What the sum is because of them, if there are any.
    pub(super) fn sum(&self) -> Option<f64> {
        match (self.nan, self.above, self.below) {
            (0, 0, 0) => None,
            (0, _, 0) => Some(f64::INFINITY),
            (0, 0, _) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }
}

impl Sum {
    pub(super) fn new() -> Self {
        Self { values: Accumulator::of_values(), count: 0, special: Special::default() }
    }

    pub(super) fn put(&mut self, number: f64, sign: i64) {
        self.count = self.count.wrapping_add_signed(sign as i32);
        if number.is_finite() { self.values.put(number, sign) } else { self.special.put(number, sign) }
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        (self.count, self.special) = (0, Special::default());
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The sum, NULL of nothing.
    pub(super) fn total(&self) -> Option<f64> {
        (self.count > 0).then(|| self.special.sum().unwrap_or_else(|| self.values.whole().rounded()))
    }

    /// The sample's standard deviation, given the squares of the finite numbers.
    pub(super) fn deviation(&self, squares: &Accumulator) -> Option<f64> {
        match (self.count, self.special.sum()) {
            (0 | 1, _) => None,
            (_, Some(_)) => Some(f64::NAN),
            (count, None) => Some(deviation(count, &self.values.whole(), &squares.whole())),
        }
    }
}

/// One NaN, whatever made it.
fn plain(number: f64) -> f64 {
    if number.is_nan() { f64::NAN } else { number }
}

pub(super) fn mean(total: f64, count: u32) -> f64 {
    plain(total / f64::from(count))
}

pub(super) fn ratio(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    match (above, below) {
        (Some(above), Some(below)) if below != 0.0 => Some(plain(above / below)),
        _ => None,
    }
}
