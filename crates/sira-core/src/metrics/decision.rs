//! What a threshold makes of scores: the four counts, and the shares that people read off them.

use serde::Serialize;

use super::bytes::Reader;
use super::sum::ExactSum;
use super::{count, ratio};
use crate::{Error, ErrorKind, Result};

/// What a threshold makes of the rows, by weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Confusion {
    #[serde(serialize_with = "count")]
    pub tp: f64,
    #[serde(serialize_with = "count")]
    pub fp: f64,
    #[serde(serialize_with = "count")]
    pub tn: f64,
    #[serde(rename = "fn", serialize_with = "count")]
    pub fn_: f64,
}

impl Confusion {
    pub fn total(&self) -> f64 {
        self.tp + self.fp + self.tn + self.fn_
    }

    /// The share of what is right; absent without rows.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.tp + self.tn, self.total())
    }

    /// How many of those called positive are; absent when none is called so.
    pub fn precision(&self) -> Option<f64> {
        ratio(self.tp, self.tp + self.fp)
    }

    /// How many of the positives are found; absent without positives.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.tp, self.tp + self.fn_)
    }

    /// The harmonic mean of the two; absent without positives, predicted or true.
    pub fn f1(&self) -> Option<f64> {
        ratio(2.0 * self.tp, 2.0 * self.tp + self.fp + self.fn_)
    }

    /// How many of the negatives are left alone; absent without negatives.
    pub fn specificity(&self) -> Option<f64> {
        ratio(self.tn, self.tn + self.fp)
    }

    /// How many of the negatives are called positive; absent without negatives.
    pub fn fpr(&self) -> Option<f64> {
        ratio(self.fp, self.tn + self.fp)
    }

    /// How many of the positives are missed; absent without positives.
    pub fn fnr(&self) -> Option<f64> {
        ratio(self.fn_, self.tp + self.fn_)
    }
}

/// The four counts in the making; exact, so that no order of rows and no division of labour shows.
#[derive(Clone, Debug, Default)]
pub struct DecisionSums {
    /// By label, then by decision.
    cells: [[ExactSum; 2]; 2],
}

impl DecisionSums {
    /// Adds a row: positive from the threshold on. An error for what is no number or no weight.
    pub fn add(&mut self, score: f64, label: bool, threshold: f64, weight: f64) -> Result<()> {
        for (what, value) in [("score", score), ("threshold", threshold)] {
            if value.is_nan() {
                return Err(Error::new(ErrorKind::InfiniteValue, format!("{what} is not a number")));
            }
        }
        super::one_weight(weight)?;
        let [negative, positive] = &mut self.cells;
        let [below, from] = if label { positive } else { negative };
        (if score >= threshold { from } else { below }).add(weight);
        Ok(())
    }

    /// Adds all rows of another.
    pub fn merge(&mut self, other: &Self) {
        let mine = self.cells.iter_mut().flatten();
        mine.zip(other.cells.iter().flatten()).for_each(|(mine, theirs)| mine.merge(theirs));
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.cells.iter().flatten().for_each(|cell| cell.write(&mut bytes));
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Reader::whole(bytes, |reader| {
            let mut read = Self::default();
            for cell in read.cells.iter_mut().flatten() {
                *cell = ExactSum::read(reader)?;
            }
            Some(read)
        })
    }

    pub fn confusion(&self) -> Confusion {
        let [[tn, fp], [fn_, tp]] = self.cells.each_ref().map(|side| side.each_ref().map(ExactSum::value));
        Confusion { tp, fp, tn, fn_ }
    }
}
