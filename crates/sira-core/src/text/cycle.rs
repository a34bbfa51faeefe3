//! Places on a circle: an hour of 23 lies beside 0, which no split of the plain number can say.
//!
//! Sine and cosine are those of `libm`, so that a feature has the same bits on every machine.

use std::f64::consts::TAU;

/// The sine of a position in a cycle, such as the hour of a day of 24.
pub fn cycle_sin(position: f64, period: f64) -> f64 {
    libm::sin(TAU * (position / period))
}

/// The cosine of a position in a cycle.
pub fn cycle_cos(position: f64, period: f64) -> f64 {
    libm::cos(TAU * (position / period))
}
