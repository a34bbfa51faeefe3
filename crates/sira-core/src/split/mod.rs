//! Which rows train, which tell when to stop, and which judge.
//!
//! By time, a model is judged on what came after everything it learned from, as it will be in use. Two things
//! would make that judgement too kind. Rows of one moment on both sides of a border know of each other: they
//! are never parted. And labels that were not known yet when the later part began could not have been learned
//! from: with an embargo as long as the label takes, the rows just before a border are dropped.

mod folds;
mod shuffle;

pub use folds::{Fold, dealt, expanding};
pub(crate) use shuffle::SplitMix64;

use crate::{Error, ErrorKind, Result};

/// Shares of the rows. They sum to 1; a part whose share is 0 stays empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fractions {
    pub train: f64,
    pub validation: f64,
    pub test: f64,
}

/// Row numbers by part, and how many rows the embargo dropped.
///
/// A split by time lists rows in the order of time (equal times in the order of rows), a random one in the order
/// of rows. Every part that was asked for holds a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
    pub test: Vec<u32>,
    pub dropped: usize,
}

impl Fractions {
    fn check(&self) -> Result<()> {
        let Self { train, validation, test } = *self;
        let shares = [train, validation, test];
        let fits = shares.iter().all(|share| (0.0..=1.0).contains(share))
            && train > 0.0
            && (train + validation + test - 1.0).abs() <= 1e-9;
        if fits {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidParameter, "shares of a split do not fit")
            .with_detail(format!("Train {train}, validation {validation}, test {test}."))
            .with_hint("Shares lie between 0 and 1 and sum to 1, and \"train\" is above 0."))
    }

    /// Where the later parts begin among `n` rows, as far as they are asked for.
    fn borders(&self, n: usize) -> Vec<(Part, usize)> {
        let at = |share: f64| (n as f64 * share).round() as usize;
        let mut borders = Vec::new();
        if self.validation > 0.0 {
            borders.push((Part::Validation, at(self.train)));
        }
        if self.test > 0.0 {
            borders.push((Part::Test, at(self.train + self.validation)));
        }
        borders
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Train,
    Validation,
    Test,
}

/// Cuts rows by time into shares, at the moments nearest to the shares asked for.
///
/// `times` and `embargo` are in microseconds. Of the parts before a border that begins at `b`, rows later than
/// `b − embargo` are dropped.
pub fn by_time(times: &[i64], fractions: Fractions, embargo: i64) -> Result<Split> {
    fractions.check()?;
    let order = in_order(times)?;
    let time_at = |at: usize| order.get(at).map_or(i64::MAX, |(time, _)| *time);
    // The places in the order at which a new moment begins: the only places to cut.
    let moments: Vec<usize> = (1..order.len()).filter(|at| time_at(at - 1) < time_at(*at)).collect();
    let wanted = fractions.borders(order.len());
    if moments.len() < wanted.len() || order.is_empty() {
        let different = if order.is_empty() { 0 } else { moments.len() + 1 };
        return Err(Error::new(ErrorKind::NotEnoughData, "too few different times to split by")
            .with_detail(format!("{} rows at {different} different times.", order.len()))
            .with_hint("Widen the training query, or split with {\"method\": \"random\"}."));
    }
    let mut cuts: Vec<(Part, i64)> = Vec::new();
    let mut first = 0;
    for (index, (part, place)) in wanted.iter().enumerate() {
        // Moments that later borders need stay free.
        let last = moments.len() - (wanted.len() - index);
        let nearest =
            (first..=last).min_by_key(|m| moments.get(*m).map_or(usize::MAX, |at| at.abs_diff(*place)));
        let chosen = nearest.unwrap_or(first);
        cuts.push((*part, moments.get(chosen).map_or(i64::MAX, |at| time_at(*at))));
        first = chosen + 1;
    }
    cut(&order, &cuts, embargo)
}

/// Cuts rows at moments that are named; `None` leaves a part out. A border belongs to the later part.
pub fn by_time_bounds(
    times: &[i64],
    validation_from: Option<i64>,
    test_from: Option<i64>,
    embargo: i64,
) -> Result<Split> {
    if let (Some(validation), Some(test)) = (validation_from, test_from)
        && validation >= test
    {
        return Err(Error::new(ErrorKind::InvalidParameter, "borders of a split are out of order")
            .with_hint("\"validation_from\" must lie before \"test_from\"."));
    }
    let borders = [(Part::Validation, validation_from), (Part::Test, test_from)];
    let cuts: Vec<(Part, i64)> = borders.into_iter().filter_map(|(part, at)| Some((part, at?))).collect();
    cut(&in_order(times)?, &cuts, embargo)
}

/// Deals rows to the parts by chance: the same seed deals the same rows, on every machine.
pub fn random(n: usize, fractions: Fractions, seed: u64) -> Result<Split> {
    fractions.check()?;
    let mut rows: Vec<u32> = (0..count(n)?).collect();
    shuffle::shuffle(&mut rows, seed);
    let mut split = Split { train: rows, validation: Vec::new(), test: Vec::new(), dropped: 0 };
    for (part, place) in fractions.borders(n).into_iter().rev() {
        let tail = split.train.split_off(place.min(split.train.len()));
        match part {
            Part::Validation => split.validation = tail,
            _ => split.test = tail,
        }
    }
    for part in [&mut split.train, &mut split.validation, &mut split.test] {
        part.sort_unstable();
    }
    let wanted: Vec<Part> = fractions.borders(n).into_iter().map(|(part, _)| part).collect();
    complete(split, &wanted, n)
}

fn count(n: usize) -> Result<u32> {
    u32::try_from(n).map_err(|_| {
        Error::new(ErrorKind::OutOfBudget, "too many rows to split").with_detail(format!("{n} rows."))
    })
}

/// Times with their rows, earliest first.
fn in_order(times: &[i64]) -> Result<Vec<(i64, u32)>> {
    count(times.len())?;
    let mut order: Vec<(i64, u32)> = times.iter().copied().zip(0..).collect();
    order.sort_unstable();
    Ok(order)
}

/// Deals rows in order of time to the parts that begin at the cuts, and drops those under embargo.
fn cut(order: &[(i64, u32)], cuts: &[(Part, i64)], embargo: i64) -> Result<Split> {
    if embargo < 0 {
        return Err(Error::new(ErrorKind::InvalidParameter, "embargo is negative")
            .with_detail(format!("{embargo} microseconds."))
            .with_hint("Give the time that a label takes to become known, for example '7 days'."));
    }
    let mut split = Split { train: Vec::new(), validation: Vec::new(), test: Vec::new(), dropped: 0 };
    for (time, row) in order {
        let part = cuts.iter().rev().find(|(_, from)| from <= time).map_or(Part::Train, |(part, _)| *part);
        let next = cuts.iter().find(|(_, from)| from > time);
        if next.is_some_and(|(_, from)| *time > from.saturating_sub(embargo)) {
            split.dropped += 1;
            continue;
        }
        match part {
            Part::Train => split.train.push(*row),
            Part::Validation => split.validation.push(*row),
            Part::Test => split.test.push(*row),
        }
    }
    let wanted: Vec<Part> = cuts.iter().map(|(part, _)| *part).collect();
    complete(split, &wanted, order.len())
}

/// The split, when no part that was asked for is empty.
fn complete(split: Split, wanted: &[Part], n: usize) -> Result<Split> {
    let empty = |part: &Part| match part {
        Part::Train => split.train.is_empty(),
        Part::Validation => split.validation.is_empty(),
        Part::Test => split.test.is_empty(),
    };
    let Some(part) = [Part::Train].iter().chain(wanted).find(|part| empty(part)) else {
        return Ok(split);
    };
    let name = match part {
        Part::Train => "training",
        Part::Validation => "validation",
        Part::Test => "test",
    };
    let hint = if split.dropped > 0 {
        "Shorten the embargo, widen the training query, or move the borders."
    } else {
        "Widen the training query, or move the borders of the split."
    };
    Err(Error::new(ErrorKind::NotEnoughData, format!("the {name} part of the split is empty"))
        .with_detail(format!("{n} rows, {} of them dropped by the embargo.", split.dropped))
        .with_hint(hint))
}
