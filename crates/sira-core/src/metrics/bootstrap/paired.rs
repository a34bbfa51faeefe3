//! Intervals for the difference of two models on the same rows: both are measured on each resample, and the difference
//! is taken there (Efron and Tibshirani 1993, section 8.3). What a resample does to one it does to the other, so that
//! the interval is far narrower than two intervals side by side would suggest.
//!
//! A difference is the second's measure less the first's. Rows are drawn in the order in which they are given.

use super::super::ranking::{Ranked, key};
use super::super::{Weights, same_length};
use super::{Bootstrap, Interval, Progress, binary, multiclass, regression};
use crate::Result;
use crate::metrics::regression as measured;

/// A binary model's scores, and the labels as it reads them.
#[derive(Clone, Copy)]
pub struct Flags<'a> {
    pub scores: &'a [f64],
    pub labels: &'a [bool],
    pub threshold: f64,
}

/// The probabilities of a model of several classes, and the labels by its own numbers of them.
#[derive(Clone, Copy)]
pub struct Classes<'a> {
    pub probabilities: &'a [f64],
    pub k: usize,
    pub labels: &'a [u32],
}

/// Two binary models; stratified by the first one's labels.
pub fn flags(
    a: Flags,
    b: Flags,
    weights: Option<&[f64]>,
    how: &Bootstrap,
    progress: Progress,
) -> Result<Vec<Interval>> {
    same_length("scores of the other model", b.scores.len(), a.scores.len())?;
    let prepared = |side: &Flags| -> Result<_> {
        let (rows, probable) = binary::prepared(side.scores, side.labels, weights, side.threshold)?;
        Ok((rows, probable, ranked(side, Weights::new(weights, side.scores.len())?)))
    };
    let ((one, one_probable, one_places), (other, other_probable, other_places)) =
        (prepared(&a)?, prepared(&b)?);
    let strata = how.strata(2, a.labels.iter().map(|label| usize::from(*label)))?;
    let mut placed = Vec::with_capacity(a.scores.len());
    how.run(binary::NAMES, &strata, progress, |counts| {
        place(counts, &one_places, &mut placed);
        let first = binary::measure(&one, &placed, one_probable);
        place(counts, &other_places, &mut placed);
        less(binary::measure(&other, &placed, other_probable), first)
    })
}

/// Two models of several classes; stratified by the first one's labels.
pub fn classes(
    a: Classes,
    b: Classes,
    weights: Option<&[f64]>,
    how: &Bootstrap,
    progress: Progress,
) -> Result<Vec<Interval>> {
    same_length("labels of the other model", b.labels.len(), a.labels.len())?;
    let prepared = |side: &Classes| multiclass::prepared(side.probabilities, side.k, side.labels, weights);
    let (one, other) = (prepared(&a)?, prepared(&b)?);
    let strata = how.strata(a.k, a.labels.iter().map(|label| *label as usize))?;
    let mut placed = Vec::with_capacity(a.labels.len());
    how.run(multiclass::NAMES, &strata, progress, |counts| {
        place(counts, &one.places, &mut placed);
        let first = multiclass::measure(&one.rows, &one.orders, &placed);
        place(counts, &other.places, &mut placed);
        less(multiclass::measure(&other.rows, &other.orders, &placed), first)
    })
}

/// Two models of a number.
pub fn numbers(
    [a, b]: [&[f64]; 2],
    labels: &[f64],
    weights: Option<&[f64]>,
    how: &Bootstrap,
    progress: Progress,
) -> Result<Vec<Interval>> {
    measured(b, labels, weights)?;
    let center = measured(a, labels, weights)?.label_mean;
    let weights = Weights::new(weights, labels.len())?;
    let rows = |predictions: &[f64]| -> Vec<regression::Row> {
        let pairs = predictions.iter().zip(labels).enumerate();
        pairs.map(|(at, (p, y))| regression::row(*p, *y, weights.of(at), center)).collect()
    };
    let (one, other) = (rows(a), rows(b));
    let strata = Bootstrap { stratified: false, ..*how }.strata(1, labels.iter().map(|_| 0))?;
    how.run(regression::NAMES, &strata, progress, |counts| {
        less(regression::measure(&other, counts, center), regression::measure(&one, counts, center))
    })
}

/// The places of the rows in the order of ranking, which is that of [`binary::prepared`]: rows that tie there are equal.
fn ranked(side: &Flags, weights: Weights) -> Vec<usize> {
    let of = |row: usize| Ranked {
        key: key(side.scores.get(row).copied().unwrap_or_default()),
        label: side.labels.get(row).copied().unwrap_or_default(),
        weight: weights.of(row),
    };
    let mut places: Vec<usize> = (0..side.scores.len()).collect();
    places.sort_unstable_by(|a, b| of(*a).order(&of(*b)));
    places
}

/// Puts counts of rows where the rows are.
fn place(counts: &[u32], places: &[usize], placed: &mut Vec<u32>) {
    placed.clear();
    placed.extend(places.iter().map(|row| counts.get(*row).copied().unwrap_or_default()));
}

fn less<const N: usize>(mut values: [f64; N], others: [f64; N]) -> [f64; N] {
    values.iter_mut().zip(others).for_each(|(value, other)| *value -= other);
    values
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::metrics::{binary as measure_flags, multiclass as measure_classes};
    use crate::split::SplitMix64;

    const HOW: Bootstrap = Bootstrap { resamples: 60, level: 0.9, seed: 7, stratified: false };

    fn number(metrics: &impl serde::Serialize, name: &str) -> f64 {
        serde_json::to_value(metrics).unwrap()[name].as_f64().unwrap_or(f64::NAN)
    }

    /// The same resamples, each measured from scratch with its counts for weights.
    fn plainly<const N: usize>(
        names: [&'static str; N],
        rows: usize,
        weights: &[f64],
        difference: impl Fn(&[f64], &str) -> f64,
    ) -> Vec<Interval> {
        let strata = [(0..rows as u32).collect()];
        HOW.run(names, &strata, &mut |_| Ok(()), |counts| {
            let drawn: Vec<f64> =
                counts.iter().zip(weights).map(|(count, w)| f64::from(*count) * w).collect();
            names.map(|name| difference(&drawn, name))
        })
        .unwrap()
    }

    fn assert_same(fast: &[Interval], plain: &[Interval]) {
        assert_eq!(fast.len(), plain.len());
        for (fast, plain) in fast.iter().zip(plain) {
            assert_eq!(fast.metric, plain.metric);
            for (a, b) in [(fast.low, plain.low), (fast.high, plain.high)] {
                assert_eq!(a.is_some(), b.is_some(), "{}", fast.metric);
                let (a, b) = (a.unwrap_or(0.0), b.unwrap_or(0.0));
                assert!((a - b).abs() < 1e-9, "{}: {a} and {b}", fast.metric);
            }
        }
    }

    #[test]
    fn differences_are_those_of_the_resampled_rows() {
        let mut dice = SplitMix64(3);
        let mut chance = |steps: u64| dice.below(steps) as f64 / steps as f64;
        let labels: Vec<bool> = (0..200).map(|_| chance(10) < 0.3).collect();
        let weights: Vec<f64> = (0..200).map(|_| 1.0 + chance(3)).collect();
        // Few different scores, so that many rows tie.
        let [a, b]: [Vec<f64>; 2] = [25, 12].map(|steps| (0..200).map(|_| chance(steps)).collect());
        let side = |scores, threshold| Flags { scores, labels: &labels, threshold };
        let fast = flags(side(&a, 0.4), side(&b, 0.6), Some(&weights), &HOW, &mut |_| Ok(())).unwrap();
        let plain = plainly(binary::NAMES, 200, &weights, |drawn, name| {
            let of = |scores: &[f64], threshold| {
                number(&measure_flags(scores, &labels, Some(drawn), threshold).unwrap(), name)
            };
            of(&b, 0.6) - of(&a, 0.4)
        });
        assert_same(&fast, &plain);

        let kinds: Vec<u32> = (0..200).map(|_| (chance(3) * 3.0) as u32).collect();
        let [a, b]: [Vec<f64>; 2] = [9, 31].map(|steps| (0..600).map(|_| chance(steps) + 0.01).collect());
        let side = |probabilities| Classes { probabilities, k: 3, labels: &kinds };
        let fast = classes(side(&a), side(&b), Some(&weights), &HOW, &mut |_| Ok(())).unwrap();
        let plain = plainly(multiclass::NAMES, 200, &weights, |drawn, name| {
            let of = |p: &[f64]| number(&measure_classes(p, 3, &kinds, Some(drawn)).unwrap(), name);
            of(&b) - of(&a)
        });
        assert_same(&fast, &plain);

        let truth: Vec<f64> = (0..200).map(|_| chance(50) * 10.0).collect();
        let fast = numbers([&a[..200], &b[..200]], &truth, Some(&weights), &HOW, &mut |_| Ok(())).unwrap();
        let plain = plainly(regression::NAMES, 200, &weights, |drawn, name| {
            let of = |p: &[f64]| number(&measured(p, &truth, Some(drawn)).unwrap(), name);
            of(&b[..200]) - of(&a[..200])
        });
        assert_same(&fast, &plain);
    }
}
