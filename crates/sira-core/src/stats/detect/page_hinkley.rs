//! Page and Hinkley's test: D. V. Hinkley, "Inference about the change-point from cumulative sum tests" (1971),
//! two-sided, with mean and deviation learnt from the stream.

use super::{Change, Sums};
use crate::Result;
use crate::stats::population::Moments;
use serde::{Deserialize, Serialize};

/// Values that are only learnt from before the first alarm can come.
const LEARN_FROM: u64 = 30;

/// Sums of how far values lie from the mean of all before them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageHinkley {
    seen: Moments,
    sums: Sums,
}

impl PageHinkley {
    /// `slack` is half of the shift to be found, in standard deviations of the stream; `run_length` the mean number of
    /// values between two false alarms.
    ///
    /// # Errors
    /// `InvalidParameter` for a slack below 0, a run length below 2.
    pub fn new(slack: f64, run_length: f64) -> Result<Self> {
        Ok(Self { seen: Moments::default(), sums: Sums::new(slack, run_length)? })
    }

    /// The next value; after an alarm everything is learnt anew. Values that are not finite are left out.
    pub fn add(&mut self, value: f64) -> Option<Change> {
        if !value.is_finite() {
            return None;
        }
        let known = self.seen;
        self.seen.add(value);
        let deviation = known.variance().sqrt();
        if known.count < LEARN_FROM {
            return None;
        }
        let distance = value - known.mean;
        // A stream that was constant has no unit: the first value that differs is the change.
        let z = if deviation > 0.0 {
            distance / deviation
        } else if distance == 0.0 {
            0.0
        } else {
            f64::INFINITY.copysign(distance)
        };
        let change = self.sums.add(z)?;
        self.seen = Moments::default();
        Some(change)
    }
}
