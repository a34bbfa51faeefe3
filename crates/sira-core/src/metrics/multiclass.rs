//! Several classes: a probability for each, the largest decides (of equal ones the first).

use serde::{Serialize, Serializer};

use super::ranking::Ranking;
use super::sum::ExactSum;
use super::{Weights, all_finite, log_loss_of, same_length, some_rows};
use crate::{Error, ErrorKind, Result};

/// How good class probabilities are.
///
/// Averages run over the classes that occur among labels or predictions; a class that occurs but is never
/// predicted has precision 0, one that is predicted but never true recall 0, as in scikit-learn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MulticlassMetrics {
    pub rows: usize,
    pub classes: usize,
    pub log_loss: f64,
    pub accuracy: f64,
    pub precision_macro: f64,
    pub recall_macro: f64,
    pub f1_macro: f64,
    /// Weighted by how often a class is true.
    pub precision_weighted: f64,
    pub recall_weighted: f64,
    pub f1_weighted: f64,
    /// Each class against the rest, averaged over those that have a rest and members; absent when none has.
    pub auc_ovr_macro: Option<f64>,
    /// The same, weighted by how often a class is true.
    pub auc_ovr_weighted: Option<f64>,
    /// By true class, then predicted class.
    #[serde(serialize_with = "counts")]
    pub confusion: Vec<Vec<f64>>,
}

/// A row of the confusion matrix whose counts are whole where the weights are.
struct Counts<'a>(&'a [f64]);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        struct Count<'a>(&'a f64);
        impl Serialize for Count<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                super::count(self.0, serializer)
            }
        }
        serializer.collect_seq(self.0.iter().map(Count))
    }
}

fn counts<S: Serializer>(matrix: &[Vec<f64>], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(matrix.iter().map(|row| Counts(row)))
}

/// Sums and averages of one class's precision, recall and F1.
#[derive(Default)]
pub(super) struct Averages {
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) f1: f64,
    pub(super) weight: f64,
}

impl Averages {
    fn add(&mut self, weight: f64, [precision, recall, f1]: [f64; 3]) {
        self.precision += weight * precision;
        self.recall += weight * recall;
        self.f1 += weight * f1;
        self.weight += weight;
    }
}

/// Measures probabilities, row-major with `k` a row, against class numbers from 0 to `k` − 1.
pub fn multiclass(
    probabilities: &[f64],
    k: usize,
    labels: &[u32],
    weights: Option<&[f64]>,
) -> Result<MulticlassMetrics> {
    let rows = labels.len();
    some_rows(rows)?;
    if k < 2 {
        return Err(Error::new(ErrorKind::InvalidParameter, "too few classes to evaluate")
            .with_detail(format!("{k} classes.")));
    }
    same_length("labels", rows.saturating_mul(k), probabilities.len())?;
    let weights = Weights::new(weights, rows)?;
    all_finite("probability", probabilities)?;
    if let Some((row, label)) = labels.iter().enumerate().find(|(_, label)| **label as usize >= k) {
        return Err(Error::new(ErrorKind::BadLabel, "label is no class of the model")
            .with_detail(format!("Class {label} in row {}; there are {k} classes.", row + 1)));
    }

    let chosen = |row: &[f64], class: u32| row.get(class as usize).copied().unwrap_or_default();
    let loss = probabilities.chunks_exact(k).zip(labels).map(|(row, label)| log_loss_of(chosen(row, *label)));
    let log_loss = weights.mean(loss);
    let mut cells = vec![vec![ExactSum::default(); k]; k];
    for (at, (row, label)) in probabilities.chunks_exact(k).zip(labels).enumerate() {
        if let Some(cell) = cells.get_mut(*label as usize).and_then(|c| c.get_mut(largest(row))) {
            cell.add(weights.of(at));
        }
    }
    let confusion: Vec<Vec<f64>> =
        cells.iter().map(|row| row.iter().map(ExactSum::value).collect()).collect();
    let areas = areas(probabilities, k, labels, weights);
    let [auc_ovr_macro, auc_ovr_weighted] = averaged_areas(areas.into_iter());
    let (each, by_support, correct) = averages(&confusion, k);
    let total = weights.total(rows);
    Ok(MulticlassMetrics {
        rows,
        classes: k,
        log_loss,
        accuracy: correct / total,
        precision_macro: each.precision / each.weight,
        recall_macro: each.recall / each.weight,
        f1_macro: each.f1 / each.weight,
        precision_weighted: by_support.precision / by_support.weight,
        recall_weighted: by_support.recall / by_support.weight,
        f1_weighted: by_support.f1 / by_support.weight,
        auc_ovr_macro,
        auc_ovr_weighted,
        confusion,
    })
}

pub(super) fn largest(row: &[f64]) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, value) in row.iter().enumerate() {
        if *value > best.1 {
            best = (class, *value);
        }
    }
    best.0
}

/// The plain averages, those by support, and the weight of what was right.
pub(super) fn averages(confusion: &[Vec<f64>], k: usize) -> (Averages, Averages, f64) {
    let (mut each, mut by_support, mut correct) = (Averages::default(), Averages::default(), 0.0);
    for class in 0..k {
        let cell = |row: &Vec<f64>| row.get(class).copied().unwrap_or_default();
        let hits = confusion.get(class).map_or(0.0, cell);
        let support: f64 = confusion.get(class).map_or(0.0, |row| row.iter().sum());
        let predicted: f64 = confusion.iter().map(cell).sum();
        correct += hits;
        if support + predicted > 0.0 {
            let or_zero = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
            let values =
                [or_zero(hits, predicted), or_zero(hits, support), or_zero(2.0 * hits, support + predicted)];
            each.add(1.0, values);
            by_support.add(support, values);
        }
    }
    (each, by_support, correct)
}

/// Each class's area against the rest, and how often it is true; without those that lack members or a rest.
fn areas(probabilities: &[f64], k: usize, labels: &[u32], weights: Weights) -> Vec<(f64, f64)> {
    let area = |class| {
        let score = |row: usize| probabilities.get(row * k + class).copied().unwrap_or_default();
        let is_class = |row: usize| labels.get(row).is_some_and(|label| *label as usize == class);
        let ranking = Ranking::new(labels.len(), score, is_class, weights);
        Some((ranking.auc()?, ranking.positive()))
    };
    (0..k).filter_map(area).collect()
}

/// Their plain mean, and that by how often a class is true.
pub(super) fn averaged_areas(areas: impl Iterator<Item = (f64, f64)>) -> [Option<f64>; 2] {
    let (mut plain, mut number, mut weighted, mut weight) = (0.0, 0.0, 0.0, 0.0);
    for (area, support) in areas {
        plain += area;
        number += 1.0;
        weighted += support * area;
        weight += support;
    }
    [super::ratio(plain, number), super::ratio(weighted, weight)]
}
