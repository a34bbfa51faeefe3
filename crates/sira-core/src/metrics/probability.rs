//! What asks for the probabilities themselves: log loss, the Brier score, and how far bins are from what came true.

use super::bytes::Reader;
use super::calibration::{self, CalibrationBin};
use super::sum::ExactSum;
use crate::{Error, ErrorKind, Result};

/// The bins of the calibration error, as wide as each other.
pub const BINS: usize = 10;

/// Sums over probabilities and what came true; exact, so that no order of rows and no division of labour shows.
#[derive(Clone, Debug, Default)]
pub struct ProbabilitySums {
    weight: ExactSum,
    loss: ExactSum,
    square: ExactSum,
    bins: [BinSums; BINS],
}

#[derive(Clone, Debug, Default)]
pub(super) struct BinSums {
    weight: ExactSum,
    score: ExactSum,
    positive: ExactSum,
}

impl BinSums {
    pub(super) fn add(&mut self, score: f64, label: bool, weight: f64) {
        self.weight.add(weight);
        self.score.add(weight * score);
        if label {
            self.positive.add(weight);
        }
    }

    /// The bin between two edges, if it has any weight.
    pub(super) fn bin(&self, lower: f64, upper: f64) -> Option<CalibrationBin> {
        let weight = self.weight.value();
        (weight > 0.0).then(|| CalibrationBin {
            lower,
            upper,
            weight,
            mean_score: self.score.value() / weight,
            positive_share: self.positive.value() / weight,
        })
    }

    fn sums(&mut self) -> [&mut ExactSum; 3] {
        [&mut self.weight, &mut self.score, &mut self.positive]
    }
}

impl ProbabilitySums {
    /// Adds a row. An error for what is no probability or no weight.
    pub fn add(&mut self, score: f64, label: bool, weight: f64) -> Result<()> {
        if !(0.0..=1.0).contains(&score) {
            return Err(Error::new(ErrorKind::InfiniteValue, "score is no probability")
                .with_detail(format!("Value {score}."))
                .with_hint("This measure is for probabilities from 0 to 1; sira_auc takes any scores."));
        }
        super::one_weight(weight)?;
        self.weight.add(weight);
        self.loss.add(weight * super::log_loss_of(if label { score } else { 1.0 - score }));
        let error = score - f64::from(label);
        self.square.add(weight * (error * error));
        if let Some(bin) = self.bins.get_mut(calibration::uniform_bin(score, BINS)) {
            bin.add(score, label, weight);
        }
        Ok(())
    }

    fn sums(&mut self) -> impl Iterator<Item = &mut ExactSum> {
        let own = [&mut self.weight, &mut self.loss, &mut self.square];
        own.into_iter().chain(self.bins.iter_mut().flat_map(BinSums::sums))
    }

    /// Adds all rows of another.
    pub fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        self.sums().zip(other.sums()).for_each(|(mine, theirs)| mine.merge(theirs));
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.clone().sums().for_each(|sum| sum.write(&mut bytes));
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

    /// The mean cost of what came true; absent, as the others, without weight.
    pub fn log_loss(&self) -> Option<f64> {
        super::ratio(self.loss.value(), self.weight.value())
    }

    /// The mean square of the distance from what came true.
    pub fn brier(&self) -> Option<f64> {
        super::ratio(self.square.value(), self.weight.value())
    }

    /// The bins that have rows.
    pub fn bins(&self) -> Vec<CalibrationBin> {
        let edge = |at: usize| calibration::uniform_edge(at, BINS);
        self.bins.iter().enumerate().filter_map(|(at, bin)| bin.bin(edge(at), edge(at + 1))).collect()
    }

    pub fn calibration_error(&self) -> Option<f64> {
        calibration::expected_error(&self.bins())
    }

    pub fn calibration_error_max(&self) -> Option<f64> {
        calibration::largest_error(&self.bins())
    }
}
