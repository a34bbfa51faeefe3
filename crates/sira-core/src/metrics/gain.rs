//! What looking at the highest scores first brings: gain, lift, and precision and recall at a capacity.
//!
//! Where a cut goes through rows of one score, each of them counts by the same fraction: the value is the mean over
//! all orders in which the tied rows could have been taken, so no order of rows can flatter it. The cut is by
//! weight: a row of weight 2 fills two places.

use serde::Serialize;

use super::ranking::Ranking;
use crate::{Error, ErrorKind, Result};

/// What the highest scores up to a cut hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// The share of all rows that lies above the cut.
    pub share: f64,
    /// The lowest score above the cut: calling positive from here on takes all rows of a tie.
    pub threshold: f64,
    /// How many of the rows above the cut are positive.
    pub precision: f64,
    /// The share of all positives that lies above the cut (gain, recall); absent without positives.
    pub gain: Option<f64>,
    /// How much more often a row above the cut is positive than any row is; absent without positives.
    pub lift: Option<f64>,
}

/// The cut after as many rows, by weight; all rows where there are fewer. An error unless that is above 0.
pub fn at_rows(ranking: &Ranking, rows: f64) -> Result<Gain> {
    if rows.is_nan() || rows <= 0.0 {
        return Err(Error::new(ErrorKind::InvalidParameter, "capacity must be above 0")
            .with_detail(format!("Capacity {rows}.")));
    }
    let total = ranking.positive() + ranking.negative();
    Ok(at(ranking, [rows.min(total)].into_iter()).remove(0))
}

/// The cut after a share of the rows. An error unless that is above 0 and not above 1.
pub fn at_share(ranking: &Ranking, share: f64) -> Result<Gain> {
    if !(share > 0.0 && share <= 1.0) {
        return Err(Error::new(ErrorKind::InvalidParameter, "share must be above 0 and not above 1")
            .with_detail(format!("Share {share}.")));
    }
    at_rows(ranking, share * (ranking.positive() + ranking.negative()))
}

/// The cuts after one, two … ten tenths of the rows.
pub fn deciles(ranking: &Ranking) -> Vec<Gain> {
    let total = ranking.positive() + ranking.negative();
    at(ranking, (1..=10).map(|tenth| total * f64::from(tenth) / 10.0))
}

/// The cuts after ascending amounts of weight.
fn at(ranking: &Ranking, cuts: impl Iterator<Item = f64>) -> Vec<Gain> {
    let (positive, negative) = (ranking.positive(), ranking.negative());
    let mut steps = ranking.steps().iter().peekable();
    let (mut hits, mut seen) = (0.0, 0.0);
    let mut lowest = ranking.steps().first().map_or(f64::INFINITY, |step| step.score);
    cuts.map(|cut| {
        while let Some(step) = steps.next_if(|step| seen + step.positive + step.negative <= cut) {
            hits += step.positive;
            seen += step.positive + step.negative;
            lowest = step.score;
        }
        let (mut found, mut threshold) = (hits, lowest);
        // What sums lose by rounding is no part of a step.
        let beyond = seen == 0.0 || cut - seen > (positive + negative) * 1e-12;
        if let Some(step) = steps.peek().filter(|_| beyond) {
            found += step.positive * ((cut - seen) / (step.positive + step.negative));
            threshold = step.score;
        }
        let (precision, share) = (found / cut, cut / (positive + negative));
        let gain = super::ratio(found, positive);
        Gain { share, threshold, precision, gain, lift: gain.map(|gain| gain / share) }
    })
    .collect()
}
