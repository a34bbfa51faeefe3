//! How good predictions are, once the truth is known.
//!
//! Values equal scikit-learn's where it defines them. Where it would make something up and warn (a precision
//! without a positive prediction is 0 there, a ranking without both classes an error), the value here is absent
//! and `null` in JSON: a gate must be able to tell "bad" from "cannot be said".
//!
//! Weights multiply rows, confusion counts included; without weights every row counts 1. Rows of one score are one
//! step wherever order matters, and sums are exact, so that no measure depends on the order of rows.

mod binary;
pub mod bootstrap;
mod bytes;
mod calibration;
pub mod curve;
mod decision;
pub mod gain;
mod multiclass;
mod probability;
mod ranking;
mod regression;
mod scores;
mod sum;
pub mod sweep;

use serde::Serializer;

use crate::{Error, ErrorKind, Result};
use sum::ExactSum;

pub use binary::{BinaryMetrics, binary};
pub use calibration::{Binning, CalibrationBin, calibration, expected_error, largest_error};
pub use decision::{Confusion, DecisionSums};
pub use multiclass::{MulticlassMetrics, multiclass};
pub use probability::{BINS, ProbabilitySums};
pub use ranking::{Ranking, Step};
pub use regression::{RegressionMetrics, RegressionSums, regression};
pub use scores::Scores;

/// Every row's weight, one by default.
#[derive(Clone, Copy)]
struct Weights<'a>(Option<&'a [f64]>);

impl<'a> Weights<'a> {
    /// Checked: as many as there are rows, none negative or infinite, not all 0.
    fn new(weights: Option<&'a [f64]>, rows: usize) -> Result<Self> {
        let Some(weights) = weights else { return Ok(Self(None)) };
        same_length("weights", weights.len(), rows)?;
        let refuse = |detail: String| {
            Err(Error::new(ErrorKind::InvalidParameter, "weights do not fit")
                .with_detail(detail)
                .with_hint("A weight is a finite number from 0 up, and not every one is 0."))
        };
        if let Some((row, weight)) = weights.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w >= 0.0))
        {
            return refuse(format!("Weight {weight} in row {}.", row + 1));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return refuse("The weight of every row is 0.".to_owned());
        }
        Ok(Self(Some(weights)))
    }

    fn of(&self, row: usize) -> f64 {
        self.0.and_then(|weights| weights.get(row)).copied().unwrap_or(1.0)
    }

    fn total(&self, rows: usize) -> f64 {
        self.0.map_or(rows as f64, |weights| weights.iter().copied().collect::<ExactSum>().value())
    }

    /// The weighted mean of a value a row.
    fn mean(&self, values: impl ExactSizeIterator<Item = f64>) -> f64 {
        let total = self.total(values.len());
        let products = values.enumerate().map(|(row, value)| self.of(row) * value);
        products.collect::<ExactSum>().value() / total
    }
}

/// An error for what is no weight, and for one whose products with others would leave the range of a float8.
fn one_weight(weight: f64) -> Result<()> {
    if weight == 0.0 || (1e-100..=1e100).contains(&weight) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidParameter, "weights do not fit")
        .with_detail(format!("Weight {weight:?}."))
        .with_hint("A weight is 0 or a number from 1e-100 to 1e100."))
}

fn same_length(what: &str, found: usize, rows: usize) -> Result<()> {
    if found == rows {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidParameter, format!("predictions and {what} differ in number"))
        .with_detail(format!("{rows} predictions, {found} {what}.")))
}

fn some_rows(rows: usize) -> Result<()> {
    if rows > 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotEnoughData, "no rows to evaluate")
        .with_hint("Widen the query, or give the test part a larger share."))
}

fn all_finite(what: &str, values: &[f64]) -> Result<()> {
    match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((at, value)) => {
            Err(Error::new(ErrorKind::InfiniteValue, format!("{what} is not a finite number"))
                .with_detail(format!("Value {value} at position {}.", at + 1)))
        }
    }
}

fn all_numbers(what: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| value.is_nan()) {
        None => Ok(()),
        Some(at) => Err(Error::new(ErrorKind::InfiniteValue, format!("{what} is not a number"))
            .with_detail(format!("NaN at position {}.", at + 1))),
    }
}

/// The loss of a probability that was given to what came true.
///
/// As in scikit-learn, probabilities are held within machine epsilon of 0 and 1, so that one certain and wrong
/// prediction costs 36 and not infinity.
fn log_loss_of(probability: f64) -> f64 {
    -libm::log(probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON))
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// A count is written as a whole number where weights leave it one.
fn count<S: Serializer>(value: &f64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}
