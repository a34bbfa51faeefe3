//! Several splits of the same rows, to judge parameters by more than one of them.

use super::{count, in_order, shuffle};
use crate::{Error, ErrorKind, Result};

/// Folds that make sense.
const MOST: usize = 20;

/// Row numbers that train, and those that judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
}

/// Cuts rows by time into `folds` + 1 blocks of moments; fold i trains on the first i blocks and is judged on the next.
///
/// As in a split by time, rows of one moment stay together, and of the rows before a block those later than its begin
/// less the embargo are left out.
pub fn expanding(times: &[i64], folds: usize, embargo: i64) -> Result<Vec<Fold>> {
    check(folds)?;
    let order = in_order(times)?;
    let time_at = |at: usize| order.get(at).map_or(i64::MAX, |(time, _)| *time);
    let mut begins = Vec::with_capacity(folds);
    for fold in 1..=folds {
        // The first moment at or behind the share, and behind the begin before it.
        let place = (order.len() * fold).div_ceil(folds + 1).max(begins.last().map_or(1, |last| last + 1));
        let begin = (place..order.len()).find(|at| time_at(at - 1) < time_at(*at));
        begins.push(begin.ok_or_else(|| {
            Error::new(ErrorKind::NotEnoughData, "too few different times to fold by")
                .with_detail(format!("{} rows for {folds} folds.", order.len()))
                .with_hint("Ask for fewer folds, or widen the training query.")
        })?);
    }
    let ends = begins.iter().skip(1).copied().chain([order.len()]);
    begins
        .iter()
        .zip(ends)
        .map(|(begin, end)| {
            let last = time_at(*begin).saturating_sub(embargo.max(0));
            let rows = |from: usize, to: usize| order.get(from..to).unwrap_or_default().iter();
            let early = rows(0, *begin).filter(|(time, _)| embargo <= 0 || *time <= last);
            let fold = Fold {
                train: early.map(|(_, row)| *row).collect(),
                validation: rows(*begin, end).map(|(_, row)| *row).collect(),
            };
            if !fold.train.is_empty() {
                return Ok(fold);
            }
            Err(Error::new(ErrorKind::NotEnoughData, "the embargo leaves nothing to train a fold on")
                .with_hint("Shorten the embargo, ask for fewer folds, or widen the training query."))
        })
        .collect()
}

/// Deals rows to `folds` parts by chance; each judges what the others train.
pub fn dealt(n: usize, folds: usize, seed: u64) -> Result<Vec<Fold>> {
    check(folds)?;
    if folds < 2 || n < folds {
        return Err(Error::new(ErrorKind::InvalidParameter, "rows cannot be dealt to so many folds")
            .with_detail(format!("{n} rows, {folds} folds."))
            .with_hint("By chance there are at least 2 folds, and a row for each."));
    }
    let mut rows: Vec<u32> = (0..count(n)?).collect();
    shuffle::shuffle(&mut rows, seed);
    let of = |fold: usize| n * fold / folds..n * (fold + 1) / folds;
    Ok((0..folds)
        .map(|fold| {
            let mut validation = rows.get(of(fold)).unwrap_or_default().to_vec();
            let mut train: Vec<u32> = (0..folds)
                .filter(|other| *other != fold)
                .flat_map(|other| rows.get(of(other)).unwrap_or_default())
                .copied()
                .collect();
            validation.sort_unstable();
            train.sort_unstable();
            Fold { train, validation }
        })
        .collect())
}

fn check(folds: usize) -> Result<()> {
    if (1..=MOST).contains(&folds) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidParameter, format!("{folds} folds cannot be made"))
        .with_hint(format!("Ask for 1 to {MOST}.")))
}
