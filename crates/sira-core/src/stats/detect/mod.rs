//! Detectors that watch a stream value by value and say when it has changed.
//!
//! Each is a small value that can be stored between calls (serde) and needs no history. How often they cry with nothing
//! to see is set by the expected run length: the mean number of values between two false alarms.
//!
//! - [`Cusum`]: the quickest for a shift of known size in a stream whose mean and deviation are known.
//! - [`PageHinkley`]: the same idea where the mean is not known beforehand and is learnt from the stream.
//! - [`Adwin`]: a window that grows while nothing changes and drops its old part when it does; it finds slow changes,
//!   asks for no size of shift, and knows the mean of what is left.

mod adwin;
mod cusum;
mod page_hinkley;

pub use adwin::Adwin;
pub use cusum::Cusum;
pub use page_hinkley::PageHinkley;

use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Which way a stream went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Up,
    Down,
}

/// How far a stream lies above and below what is expected, in standard deviations, less a slack for each value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sums {
    slack: f64,
    border: f64,
    above: f64,
    below: f64,
}

impl Sums {
    /// # Errors
    /// `InvalidParameter` for a slack below 0, a run length below 2.
    fn new(slack: f64, run_length: f64) -> Result<Self> {
        Ok(Self { slack, border: border_for(slack, run_length)?, above: 0.0, below: 0.0 })
    }

    /// The next deviation; after an alarm the sums begin anew.
    fn add(&mut self, deviation: f64) -> Option<Change> {
        self.above = (self.above + deviation - self.slack).max(0.0);
        self.below = (self.below - deviation - self.slack).max(0.0);
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

/// The mean run length of a two-sided scheme with slack `slack` and border `border` on standard normal values that do
/// not shift: Siegmund's approximation (*Sequential Analysis*, 1985, ch. 2), right to a few per cent.
fn run_length(slack: f64, border: f64) -> f64 {
    // 1.166 is twice the mean overshoot of a normal random walk over a border.
    let reach = border + 1.166;
    let twice = 2.0 * slack * reach;
    let one_sided =
        if slack == 0.0 { reach * reach } else { (libm::exp(twice) - twice - 1.0) / (2.0 * slack * slack) };
    one_sided / 2.0
}

/// The border at which [`run_length`] is `wanted`.
///
/// # Errors
/// `InvalidParameter` for a slack below 0 or a run length below 2 or beyond 10¹².
fn border_for(slack: f64, wanted: f64) -> Result<f64> {
    if !(slack >= 0.0 && slack.is_finite()) {
        return Err(Error::new(ErrorKind::InvalidParameter, "the slack of a detector is below 0")
            .with_detail(format!("{slack}"))
            .with_hint("Give half of the shift to be found, in standard deviations, such as 0.5."));
    }
    if !(2.0..=1e12).contains(&wanted) {
        return Err(Error::new(ErrorKind::InvalidParameter, "the expected run length is out of range")
            .with_detail(format!("{wanted} is not between 2 and 1e12."))
            .with_hint("Give the mean number of values between two false alarms, such as 10000."));
    }
    let (mut low, mut high) = (0.0, 1.0);
    while run_length(slack, high) < wanted {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if run_length(slack, middle) < wanted { low = middle } else { high = middle }
    }
    Ok(high)
}
