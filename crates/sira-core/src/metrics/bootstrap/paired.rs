//! Intervals for the difference of two models on the same rows: both are measured on each resample, and the difference
//! is taken there (Efron and Tibshirani 1993, section 8.3). What a resample does to one it does to the other, so that
//! the interval is far narrower than two intervals side by side would suggest.
//!
//! A difference is the second's measure less the first's. Rows are drawn in the order in which they are given.

use super::super::ranking::key;
use super::super::{Weights, same_length};
use super::{Bootstrap, Interval, Progress, binary, multiclass, regression};
use crate::metrics::regression as measured;
use crate::Result;

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
    let of = |row: usize| {
        let score = side.scores.get(row).copied().unwrap_or_default();
        (key(score), side.labels.get(row).copied().unwrap_or_default(), weights.of(row))
    };
    let mut places: Vec<usize> = (0..side.scores.len()).collect();
    places.sort_unstable_by(|a, b| {
        let ((a_key, a_label, a_weight), (b_key, b_label, b_weight)) = (of(*a), of(*b));
        b_key.cmp(&a_key).then(a_label.cmp(&b_label)).then(a_weight.total_cmp(&b_weight))
    });
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
