//! Calibration: from a score that orders well to a probability that holds.
//!
//! A boosted model's score ranks cases; whether eight of ten cases scored 0.8 are positive is another matter,
//! and weights or class balancing see to it that they are not. A calibration is fitted on rows that the trees did not
//! learn from and is stored with the version's signature. It applies to the transformed score: raw scores, and the
//! contributions that add up to them, stay as they are.

mod isotonic;
mod platt;

pub use isotonic::Isotonic;
pub use platt::Platt;

use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How a calibration is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A sigmoid of the score: two numbers, for little data.
    Platt,
    /// A rising line through as many points as the data carry.
    Isotonic,
}

impl Method {
    /// The word in SQL and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Platt => "platt",
            Self::Isotonic => "isotonic",
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Platt, Self::Isotonic].into_iter().find(|method| method.name() == text).ok_or_else(|| {
            invalid(format!("calibration \"{text}\" is not known"))
                .with_hint("Choose platt or isotonic, or NULL for none.")
        })
    }
}

/// A fitted calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase")]
pub enum Calibration {
    Platt(Platt),
    Isotonic(Isotonic),
}

impl Calibration {
    /// Fits scores of rows to what came true.
    ///
    /// # Errors
    /// Both classes are needed, with weight, and scores must be finite.
    pub fn fit(method: Method, scores: &[f64], labels: &[bool], weights: Option<&[f64]>) -> Result<Self> {
        let weights = weights.map_or_else(|| vec![1.0; scores.len()], <[f64]>::to_vec);
        if labels.len() != scores.len() || weights.len() != scores.len() {
            return Err(invalid("scores, labels and weights differ in number".to_owned()));
        }
        if let Some(bad) = scores.iter().find(|score| !score.is_finite()) {
            return Err(Error::new(ErrorKind::InfiniteValue, "a score to calibrate is not a finite number")
                .with_detail(format!("It is {bad}.")));
        }
        if let Some(bad) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            return Err(invalid(format!("weight {bad} does not fit"))
                .with_hint("A weight is a finite number from 0 up."));
        }
        let counted = |wanted: bool| {
            labels.iter().zip(&weights).filter(|(label, weight)| **label == wanted && **weight > 0.0).count()
        };
        let (negatives, positives) = (counted(false), counted(true));
        if negatives == 0 || positives == 0 {
            return Err(Error::new(ErrorKind::BadLabel, "a calibration needs both classes")
                .with_detail(format!("It was given {positives} positive and {negatives} negative rows."))
                .with_hint("Enlarge the validation part, on which a calibration is fitted."));
        }
        let points = scores.iter().copied().zip(labels.iter().copied()).zip(weights);
        let points: Vec<Point> =
            points.map(|((score, label), weight)| Point { score, label, weight }).collect();
        Ok(match method {
            Method::Platt => Self::Platt(platt::fit(&points)),
            Method::Isotonic => Self::Isotonic(isotonic::fit(&points)),
        })
    }

    /// The probability for a score.
    pub fn apply(&self, score: f64) -> f64 {
        match self {
            Self::Platt(platt) => platt.apply(score),
            Self::Isotonic(isotonic) => isotonic.apply(score),
        }
    }

    /// Whether a calibration that was read from outside maps scores to probabilities.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Platt(platt) => platt.check(),
            Self::Isotonic(isotonic) => isotonic.check(),
        }
    }

    pub fn method(&self) -> Method {
        match self {
            Self::Platt(_) => Method::Platt,
            Self::Isotonic(_) => Method::Isotonic,
        }
    }
}

/// A row to fit to.
#[derive(Clone, Copy, Debug)]
struct Point {
    score: f64,
    label: bool,
    weight: f64,
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidParameter, message)
}
