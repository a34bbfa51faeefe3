//! Cumulative sums: E. S. Page, "Continuous inspection schemes" (1954), two-sided.

use super::{Change, Sums};
use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Sums of how far values lie above and below a known mean; the alarm is when one passes the border.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cusum {
    mean: f64,
    deviation: f64,
    sums: Sums,
}

impl Cusum {
    /// For a stream of this mean and standard deviation. `slack` is half of the shift to be found and `run_length` the
    /// mean number of values between two false alarms.
    ///
    /// # Errors
    /// `InvalidParameter` for a deviation that is not above 0, a slack below 0, a run length below 2.
    pub fn new(mean: f64, deviation: f64, slack: f64, run_length: f64) -> Result<Self> {
        if !(deviation > 0.0 && deviation.is_finite() && mean.is_finite()) {
            return Err(Error::new(ErrorKind::InvalidParameter, "the standard deviation is not above 0")
                .with_detail(format!("Mean {mean}, standard deviation {deviation}.")));
        }
        Ok(Self { mean, deviation, sums: Sums::new(slack, run_length)? })
    }

    /// The next value; after an alarm the sums begin anew. NaN is left out.
    pub fn add(&mut self, value: f64) -> Option<Change> {
        if value.is_nan() {
            return None;
        }
        self.sums.add((value - self.mean) / self.deviation)
    }
}
