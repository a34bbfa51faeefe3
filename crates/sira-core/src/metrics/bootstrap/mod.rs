//! How far a measure would move had other rows come: percentile intervals by resampling rows (Efron 1979; Efron and
//! Tibshirani, "An introduction to the bootstrap", 1993, chapter 13).
//!
//! Rows are drawn with replacement, each with the same chance whatever its weight, and carry their weight along; as
//! many as there are. Stratified, each class keeps its number of rows: for rare positives the interval then says
//! what scores vary, not how many positives come. Rows are put in order once; a resample is a count a row, so that
//! ranking measures need no sorting of their own. The same seed gives the same intervals, in any order of the rows.
//!
//! A measure that is undefined in some resamples (a precision where nothing is called positive) is taken over the
//! others; where more than half leave it undefined it has no interval.

mod binary;
mod multiclass;
pub mod paired;
mod regression;

use serde::Serialize;

use crate::split::SplitMix64;
use crate::{Error, ErrorKind, Result};

pub use binary::binary;
pub use multiclass::multiclass;
pub use regression::regression;

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    pub resamples: usize,
    /// The share of resamples inside the interval.
    pub level: f64,
    pub seed: u64,
    /// Whether each class keeps its number of rows; nothing to a regression.
    pub stratified: bool,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1000, level: 0.95, seed: 42, stratified: false }
    }
}

/// How many resamples may be asked for: an interval from as many moves in its third digit by chance, and all of their
/// measures are kept to be sorted.
pub const MOST_RESAMPLES: usize = 100_000;

/// Between which values a measure lies; absent where it cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// As the measure is called where it stands with its value.
    pub metric: &'static str,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Asked before each resample with the number of those that are done; an error ends it all.
pub type Progress<'a> = &'a mut dyn FnMut(usize) -> Result<()>;

impl Bootstrap {
    fn check(&self) -> Result<()> {
        if self.resamples > MOST_RESAMPLES {
            return Err(Error::new(ErrorKind::InvalidParameter, "too many resamples are asked for")
                .with_detail(format!("{} resamples, of at most {MOST_RESAMPLES}.", self.resamples))
                .with_hint("Ask for 1000, or for 10000 where the third digit matters."));
        }
        if self.resamples > 0 && self.level > 0.0 && self.level < 1.0 {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidParameter, "bootstrap cannot be done this way")
            .with_detail(format!("{} resamples, level {}.", self.resamples, self.level))
            .with_hint("Ask for at least one resample and a level between 0 and 1, such as 1000 and 0.95."))
    }

    /// Measures resamples. `strata` are the rows that each draw among themselves; NaN is what is undefined.
    fn run<const N: usize>(
        &self,
        names: [&'static str; N],
        strata: &[Vec<u32>],
        progress: Progress,
        mut measure: impl FnMut(&[u32]) -> [f64; N],
    ) -> Result<Vec<Interval>> {
        self.check()?;
        let rows = strata.iter().map(Vec::len).sum();
        let mut counts = vec![0_u32; rows];
        let mut values: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
        let mut dice = SplitMix64(self.seed);
        for done in 0..self.resamples {
            progress(done)?;
            counts.fill(0);
            for stratum in strata {
                for _ in stratum {
                    let drawn = stratum.get(dice.below(stratum.len() as u64) as usize);
                    if let Some(count) = drawn.and_then(|row| counts.get_mut(*row as usize)) {
                        *count += 1;
                    }
                }
            }
            for (all, value) in values.iter_mut().zip(measure(&counts)) {
                all.extend(Some(value).filter(|value| !value.is_nan()));
            }
        }
        let interval = |(metric, mut values): (&'static str, Vec<f64>)| {
            values.sort_unstable_by(f64::total_cmp);
            let defined = 2 * values.len() >= self.resamples;
            let at = |share: f64| defined.then(|| percentile(&values, share)).flatten();
            Interval { metric, low: at((1.0 - self.level) / 2.0), high: at((1.0 + self.level) / 2.0) }
        };
        Ok(names.into_iter().zip(values).map(interval).collect())
    }

    /// The rows of each class, or all of them.
    fn strata(
        &self,
        classes: usize,
        class_of: impl ExactSizeIterator<Item = usize>,
    ) -> Result<Vec<Vec<u32>>> {
        let rows = class_of.len();
        if u32::try_from(rows).is_err() {
            return Err(Error::new(ErrorKind::OutOfBudget, "too many rows to resample")
                .with_detail(format!("{rows} rows.")));
        }
        if !self.stratified {
            return Ok(vec![(0..rows as u32).collect()]);
        }
        let mut strata = vec![Vec::new(); classes];
        for (row, class) in class_of.enumerate() {
            if let Some(stratum) = strata.get_mut(class) {
                stratum.push(row as u32);
            }
        }
        Ok(strata)
    }
}

/// Linear between the two values that are nearest.
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let position = share * (sorted.len().checked_sub(1)?) as f64;
    let low = *sorted.get(position as usize)?;
    let high = *sorted.get(position as usize + 1).unwrap_or(&low);
    Some(low + (high - low) * position.fract())
}

/// NaN where there is no whole.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { f64::NAN }
}
