//! Cumulative sums: E. S. Page, "Continuous inspection schemes" (1954), two-sided.

use super::{Change, border_for};
use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Two sums of how far values lie above and below a known mean, less a slack; the alarm is when one passes the border.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cusum {
    mean: f64,
    deviation: f64,
    slack: f64,
    border: f64,
    above: f64,
    below: f64,
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
        let border = border_for(slack, run_length)?;
        Ok(Self { mean, deviation, slack, border, above: 0.0, below: 0.0 })
    }

    /// The next value; after an alarm the sums begin anew. NaN is left out.
    pub fn add(&mut self, value: f64) -> Option<Change> {
        if value.is_nan() {
            return None;
        }
        let z = (value - self.mean) / self.deviation;
        self.above = (self.above + z - self.slack).max(0.0);
        self.below = (self.below - z - self.slack).max(0.0);
        let change = if self.above > self.border {
            Change::Up
        } else if self.below > self.border {
            Change::Down
        } else {
            return None;
        };
        (self.above, self.below) = (0.0, 0.0);
        Some(change)
    }
}
