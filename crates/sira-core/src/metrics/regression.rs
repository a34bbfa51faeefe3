//! Numbers against numbers.

use serde::Serialize;

use super::bytes::Reader;
use super::sum::ExactSum;
use super::{Weights, all_finite, ratio, same_length, some_rows};
use crate::{Error, ErrorKind, Result};

/// How far predictions are from the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegressionMetrics {
    pub rows: usize,
    pub rmse: f64,
    pub mae: f64,
    /// A fraction, not a percentage, over the rows whose label is not 0, because no error is a share of nothing
    /// (scikit-learn divides by machine epsilon there, which drowns all other rows); absent without such rows.
    pub mape: Option<f64>,
    /// The rows that `mape` leaves out.
    pub zero_labels: usize,
    /// The error as a fraction of the mean of both sizes, so from 0 to 2; two zeros are no error.
    pub smape: f64,
    /// The share of the label's variance that is explained; absent for a constant label.
    pub r2: Option<f64>,
    /// The mean of prediction − label.
    pub bias: f64,
    pub label_mean: f64,
}

/// Sums over predictions and truths; exact where it matters, so that no order of rows and no division of labour shows.
#[derive(Clone, Debug, Default)]
pub struct RegressionSums {
    weight: ExactSum,
    error: ExactSum,
    distance: ExactSum,
    square: ExactSum,
    label: ExactSum,
    label_square: ExactSum,
    share: ExactSum,
    share_weight: ExactSum,
    symmetric: ExactSum,
}

impl RegressionSums {
    /// Adds a row. An error for what is not finite or no weight.
    pub fn add(&mut self, prediction: f64, label: f64, weight: f64) -> Result<()> {
        for (what, value) in [("prediction", prediction), ("label", label)] {
            if !value.is_finite() {
                return Err(Error::new(ErrorKind::InfiniteValue, format!("{what} is not a finite number"))
                    .with_detail(format!("Value {value}.")));
            }
        }
        super::one_weight(weight)?;
        let error = prediction - label;
        if !(weight * error * error).is_finite() {
            return Err(Error::new(ErrorKind::InfiniteValue, "error of a prediction is out of range")
                .with_detail(format!("Prediction {prediction:?}, label {label:?}, weight {weight:?}.")));
        }
        self.weight.add(weight);
        self.error.add(weight * error);
        self.distance.add(weight * error.abs());
        self.square.add(weight * (error * error));
        // The variance is what is left when these cancel: nothing may be rounded before.
        self.label.add_product(weight, label);
        self.label_square.add_square(weight, label);
        if label != 0.0 {
            // Beyond float8 only for a label next to 0.
            self.share.add((weight * (error / label).abs()).min(f64::MAX));
            self.share_weight.add(weight);
        }
        if error != 0.0 {
            // Halves first: the sum of two finite numbers need not be finite.
            let size = prediction.abs() / 2.0 + label.abs() / 2.0;
            self.symmetric.add(weight * (error.abs() / size).min(2.0));
        }
        Ok(())
    }

    fn sums(&mut self) -> [&mut ExactSum; 9] {
        let Self { weight, error, distance, square, label, label_square, share, share_weight, symmetric } =
            self;
        [weight, error, distance, square, label, label_square, share, share_weight, symmetric]
    }

    /// Adds all rows of another.
    pub fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        self.sums().into_iter().zip(other.sums()).for_each(|(mine, theirs)| mine.merge(theirs));
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.clone().sums().into_iter().for_each(|sum| sum.write(&mut bytes));
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Reader::whole(bytes, |reader| {
            let mut read = Self::default();
            for sum in read.sums() {
                *sum = ExactSum::read(reader)?;
            }
            Some(read)
        })
    }

    fn mean(&self, sum: &ExactSum) -> Option<f64> {
        ratio(sum.value(), self.weight.value())
    }

    /// Absent, as the others, without weight.
    pub fn rmse(&self) -> Option<f64> {
        self.mean(&self.square).map(f64::sqrt)
    }

    pub fn mae(&self) -> Option<f64> {
        self.mean(&self.distance)
    }

    /// Absent where every label is 0.
    pub fn mape(&self) -> Option<f64> {
        ratio(self.share.value(), self.share_weight.value())
    }

    pub fn smape(&self) -> Option<f64> {
        self.mean(&self.symmetric)
    }

    pub fn bias(&self) -> Option<f64> {
        self.mean(&self.error)
    }

    pub fn label_mean(&self) -> Option<f64> {
        self.mean(&self.label)
    }

    /// Absent where all labels are the same.
    pub fn r2(&self) -> Option<f64> {
        // Σw · Σwy² − (Σwy)² is Σw times the sum of squares about the mean, and exactly 0 for a constant label.
        let (weight, label) = (self.weight.whole(), self.label.whole());
        let spread = weight.product(&self.label_square.whole()).minus(&label.product(&label)).rounded();
        let left = weight.product(&self.square.whole()).rounded();
        (spread > 0.0).then_some(1.0 - left / spread).filter(|r2| r2.is_finite())
    }
}

/// Measures predictions against what came true.
pub fn regression(predictions: &[f64], labels: &[f64], weights: Option<&[f64]>) -> Result<RegressionMetrics> {
    let rows = predictions.len();
    some_rows(rows)?;
    same_length("labels", labels.len(), rows)?;
    let weights = Weights::new(weights, rows)?;
    all_finite("prediction", predictions)?;
    all_finite("label", labels)?;

    let mut sums = RegressionSums::default();
    for (row, (prediction, label)) in predictions.iter().zip(labels).enumerate() {
        sums.add(*prediction, *label, weights.of(row))?;
    }
    // Some weight is above 0: the means are there.
    Ok(RegressionMetrics {
        rows,
        rmse: sums.rmse().unwrap_or_default(),
        mae: sums.mae().unwrap_or_default(),
        mape: sums.mape(),
        zero_labels: labels.iter().filter(|label| **label == 0.0).count(),
        smape: sums.smape().unwrap_or_default(),
        r2: sums.r2(),
        bias: sums.bias().unwrap_or_default(),
        label_mean: sums.label_mean().unwrap_or_default(),
    })
}
