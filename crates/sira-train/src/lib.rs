//! Training with LightGBM: the only crate that links it.
//!
//! [`Params`] are read from JSON, [`ValidParams`] are what LightGBM can be trusted with, [`train`] makes a
//! [`Trained`] of them and a [`Table`]. Nothing here knows PostgreSQL: the host hands in columns and an observer
//! that says whether to go on. LightGBM is reached through its C API alone, by owners that free what they own.

mod booster;
mod catalogue;
mod dataset;
mod labels;
mod library;
mod memory;
mod named;
mod params;
mod start;
mod train;

use serde::Serialize;

pub use library::{LIBRARY_VERSION, build};
pub use memory::estimate_memory;
pub use params::{Params, ValidParams};
pub use start::Start;
pub use train::{train, train_from};

/// One feature: its values by row, a missing one as NaN.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    /// Values are codes from 0 up whose order means nothing.
    pub categorical: bool,
    pub values: Vec<f64>,
}

/// A training set by column. All columns have as many values as the label.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub columns: Vec<Column>,
    /// 0 or 1 for binary, 0 to k − 1 for multiclass, a grade from 0 to 30 for ranking.
    pub label: Vec<f64>,
    pub weight: Option<Vec<f64>>,
    /// The group that a row belongs to, for ranking.
    pub group: Option<Vec<i64>>,
    /// What the labels of a classification stand for, in the order of their codes.
    pub classes: Vec<String>,
}

/// The rows to train on and those to stop by (none: all rounds are trained).
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub train: &'a [u32],
    pub validation: &'a [u32],
}

/// What the training is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Values become bins; `round` and `of` count rows.
    Binning,
    /// Trees grow; `round` and `of` count rounds.
    Boosting,
}

/// How far it is, told to the observer.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub phase: Phase,
    pub round: usize,
    pub of: usize,
    /// The measure on the validation part, or on the training part where there is none.
    pub metric: Option<f64>,
}

/// One round of a training's history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Round {
    pub round: usize,
    pub train: Option<f64>,
    pub validation: Option<f64>,
    /// LightGBM's name of the measure.
    pub metric: String,
}

/// What a feature gave to the model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Importance {
    pub feature: String,
    /// The loss it took away, summed over its splits.
    pub gain: f64,
    /// How often it splits.
    pub split: u64,
}

/// A trained model and how it came about.
#[derive(Clone, Debug)]
pub struct Trained {
    /// LightGBM's text of the model, cut at the best round.
    pub text: String,
    pub best_round: usize,
    pub history: Vec<Round>,
    /// One entry a feature, in the table's order.
    pub importance: Vec<Importance>,
    pub library_version: String,
}
