//! Adaptive windowing: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing" (2007), ADWIN2.
//!
//! The window is kept as an exponential histogram: at most [`PER_SIZE`] buckets of each power of two, so that a window
//! of n values takes O(log n) room. Every [`EVERY`] values each border between two buckets is tried: if the means of
//! the older and the newer part differ by more than chance allows at confidence 1 − δ, the oldest bucket goes.

use super::Change;
use crate::stats::population::Moments;
use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Buckets of one size before two of them are merged: the paper's M.
const PER_SIZE: usize = 5;
/// Values between two looks at the borders.
const EVERY: u64 = 32;
/// The largest number whose square is one, in sums of millions too.
const LARGEST: f64 = 1e150;
/// Neither part of the window is judged below this many values.
const LEAST: u64 = 5;

/// A window over the newest values that are all of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adwin {
    confidence: f64,
    /// Oldest first; sizes fall.
    buckets: VecDeque<Moments>,
    whole: Moments,
    seen: u64,
}

impl Adwin {
    /// `run_length` is the mean number of values between two false alarms, at least: with δ = [`EVERY`] / run length,
    /// and one look every [`EVERY`] values, the paper's bound gives no fewer. It holds whatever the values' distribution,
    /// and so is far from tight: quiet normal values raise some 25 times fewer alarms.
    ///
    /// # Errors
    /// `InvalidParameter` for a run length not above 64.
    pub fn new(run_length: f64) -> Result<Self> {
        if !(run_length > 64.0 && run_length.is_finite()) {
            return Err(Error::new(ErrorKind::InvalidParameter, "the expected run length is out of range")
                .with_detail(format!("{run_length} is not above 64."))
                .with_hint("Give the mean number of values between two false alarms, such as 10000."));
        }
        Ok(Self {
            confidence: EVERY as f64 / run_length,
            buckets: VecDeque::new(),
            whole: Moments::default(),
            seen: 0,
        })
    }

    /// The mean and number of what the window holds.
    #[must_use]
    pub fn window(&self) -> Moments {
        self.whole
    }

    /// The next value. Values that are not finite are left out, and such beyond [`LARGEST`] count as that.
    pub fn add(&mut self, value: f64) -> Option<Change> {
        if !value.is_finite() {
            return None;
        }
        let value = value.clamp(-LARGEST, LARGEST);
        let mut single = Moments::default();
        single.add(value);
        self.buckets.push_back(single);
        self.whole = self.whole.merge(single);
        self.merge_buckets();
        self.seen += 1;
        if self.seen.is_multiple_of(EVERY) { self.shrink() } else { None }
    }

    /// Where more than [`PER_SIZE`] buckets have one size, the two oldest of them become one.
    fn merge_buckets(&mut self) {
        let mut end = self.buckets.len();
        loop {
            let Some(size) = end.checked_sub(1).and_then(|last| self.buckets.get(last)).map(|b| b.count)
            else {
                return;
            };
            let same = self.buckets.iter().take(end).rev().take_while(|bucket| bucket.count == size).count();
            if same <= PER_SIZE {
                return;
            }
            let oldest = end - same;
            let Some(second) = self.buckets.remove(oldest + 1) else { return };
            let Some(first) = self.buckets.get_mut(oldest) else { return };
            *first = first.merge(second);
            end = oldest + 1;
        }
    }

    fn shrink(&mut self) -> Option<Change> {
        let mut change = None;
        while let Some(found) = self.differing() {
            change = Some(found);
            self.buckets.pop_front();
            // Summed anew rather than subtracted from: nothing of what is gone stays behind.
            self.whole = self.buckets.iter().fold(Moments::default(), |sum, bucket| sum.merge(*bucket));
        }
        change
    }

    /// Whether some border divides the window into two parts that differ.
    fn differing(&self) -> Option<Change> {
        let all = self.whole.count as f64;
        let variance = if self.whole.count == 0 { 0.0 } else { self.whole.squares / all };
        // The confidence is shared among the borders that there could be.
        let log = libm::log(2.0 * libm::log(all.max(std::f64::consts::E)) / self.confidence);
        let mut older = Moments::default();
        for (at, bucket) in self.buckets.iter().enumerate() {
            older = older.merge(*bucket);
            let newer_count = self.whole.count - older.count;
            if older.count < LEAST || newer_count < LEAST {
                continue;
            }
            let newer_mean = (self.whole.mean * all - older.mean * older.count as f64) / newer_count as f64;
            let harmonic = 1.0 / (1.0 / older.count as f64 + 1.0 / newer_count as f64);
            let border =
                (2.0 / harmonic * variance * log).sqrt() + 2.0 / (3.0 * harmonic) * log * self.unit();
            let difference = newer_mean - older.mean;
            if difference.abs() > border && at + 1 < self.buckets.len() {
                return Some(if difference > 0.0 { Change::Up } else { Change::Down });
            }
        }
        None
    }

    /// The paper's bound is for values in [0, 1]; its second term, which guards small parts, is scaled by the deviation
    /// so that the detector does not depend on the unit.
    fn unit(&self) -> f64 {
        let all = self.whole.count.max(1) as f64;
        (self.whole.squares / all).sqrt()
    }
}
